"""The run of a cell, parent of its trials: what the architectures of a task are compared by."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from harness.analysis.cells import best_trial, is_done, objective_of, scores_on_test
from harness.analysis.statistics import mean_interval
from harness.journal.folder import ENVIRONMENT
from harness.journal.record import SweepRecord
from harness.tracking.pages import notes
from harness.tracking.runs import (
    MAX_TAG,
    Cell,
    Point,
    Run,
    RunStatus,
    common_tags,
    cut,
    dataset,
    ended,
    flatten,
    latest,
    milliseconds,
    study_key,
    valid_name,
)
from harness.trial import TrialResult


def study_run(
    record: SweepRecord,
    cell: Cell,
    results: Sequence[TrialResult],
    live: bool,
    files: Mapping[str, str] = MappingProxyType({}),
) -> Run:
    """The study run of a cell.

    Args:
        results: the cell's results as `projection.cells` gives them.
        live: whether the sweep is being worked on; if not, an unfinished study is `KILLED`.
        files: the folder of its artifacts by file name.
    """
    task, space = cell
    last = latest(results)
    status = study_status(record, cell, last, live)
    environment = flatten(record.environment, "environment.")
    # Not the earliest start: a later line of the journal may not change an earlier answer.
    started = milliseconds(results[0].started if results else record.started)
    return Run(
        key=study_key(record, cell),
        name=f"{record.sweep.name} · {space}",
        status=status,
        started=started,
        ended=None if status == "RUNNING" else max(map(ended, results), default=started),
        attempt="",
        tags={
            **common_tags(record, task, space),
            **{name: cut(value, MAX_TAG) for name, value in environment.items()},
            "kind": "study",
            "status": {"FINISHED": "completed", "KILLED": "interrupted"}.get(
                status, status.lower()
            ),
            "mlflow.note.content": cut(notes.study(record, cell, last), MAX_TAG),
        },
        dataset=dataset(record, task),
        points=tuple(_points(record, task, results)),
        texts={ENVIRONMENT: json.dumps(record.environment, indent=2, sort_keys=True)},
        files=files,
    )


def study_status(
    record: SweepRecord, cell: Cell, results: Sequence[TrialResult], live: bool
) -> RunStatus:
    """How far a cell is, given the last result of each of its trials."""
    over = [r for r in results if r.status != "interrupted"]
    confirmed = [r.status == "completed" for r in over if r.phase == "confirm"]
    done = is_done(
        ended=cell in record.ended,
        winner=any(r.status == "completed" for r in over if r.phase == "search"),
        confirmed=len(confirmed),
        seeds=len(record.sweep.seeds_of(cell[0])),
    )
    if done:
        return "FINISHED" if any(confirmed) else "FAILED"
    return "RUNNING" if live else "KILLED"


def _points(record: SweepRecord, task: str, results: Sequence[TrialResult]) -> Iterator[Point]:
    """Floor and ceiling, the search after each of its results, and the test metrics.

    The step of a search metric counts results, so that a point once written never changes,
    and a chart shows how the best score grew. All else is at step 0, which MLflow draws as
    bars side by side.
    """
    started = milliseconds(record.started)
    for name, value in _floor_and_ceiling(record, task).items():
        yield Point(valid_name(name), value, 0, started)
    sent: dict[str, float] = {}
    told: dict[str, float] = {}
    confirmed: dict[int, TrialResult] = {}
    for step, (result, search) in enumerate(_search(record, task, results), start=1):
        for name, value in search.items():
            if sent.get(name) != value:
                sent[name] = value
                yield Point(name, value, step, ended(result))
    for result in results:
        if result.phase == "confirm" and result.status != "interrupted":
            confirmed[result.number] = result
            test = _test(confirmed.values())
            if len(confirmed) >= len(record.sweep.seeds_of(task)) and test != told:
                told = test
                for name, value in test.items():
                    yield Point(valid_name(name), value, 0, ended(result))


def _search(
    record: SweepRecord, task: str, results: Sequence[TrialResult]
) -> Iterator[tuple[TrialResult, dict[str, float]]]:
    """The state of the search after each of its results."""
    state: dict[str, float] = {"trials": 0, "failed": 0, "search_seconds": 0}
    seen: dict[int, TrialResult] = {}
    best: TrialResult | None = None
    objective = objective_of(record, task)
    for result in results:
        if result.phase != "search" or result.status == "interrupted":
            continue
        _count(state, result, 1)
        if result.number in seen:
            _count(state, seen[result.number], -1)
        seen[result.number] = result
        best = best_trial([*([best] if best else []), result], objective)
        if best is not None and best.score is not None:
            state["score"] = best.score
        yield result, state


def _count(search: dict[str, float], result: TrialResult, sign: int) -> None:
    search["trials"] += sign
    search["failed"] += sign * (result.status != "completed")
    search["search_seconds"] += sign * result.cost.seconds


def _test(confirmed: Iterable[TrialResult]) -> dict[str, float]:
    """Means over the confirmed seeds, with the 95 % interval of each test metric."""
    completed = [result for result in confirmed if result.status == "completed"]
    values: dict[str, float] = {"seeds": len(completed)}
    for name in dict.fromkeys(name for r in completed for name in r.metrics):
        if name.startswith("test_"):
            sample = scores_on_test(completed, name.removeprefix("test_"))
            if not sample:
                continue
            found = mean_interval(sample)
            values[name] = found.mean
            if math.isfinite(found.low):
                values |= {f"{name}_ci_low": found.low, f"{name}_ci_high": found.high}
    for name in ("parameters", "latency_ms", "peak_memory_mb"):
        costs = [getattr(r.cost, name) for r in completed]
        known = [cost for cost in costs if cost is not None]
        if known:
            values[f"cost.{name}"] = sum(known) / len(known)
    return values


def _floor_and_ceiling(record: SweepRecord, task: str) -> dict[str, float]:
    known = record.tasks.get(task)
    if known is None:
        return {}
    values = {f"baseline_{name}": value for name, value in known.baseline.items()}
    return values if known.reference is None else {**values, "reference": known.reference.value}
