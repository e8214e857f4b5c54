"""The run of a sweep as a whole: its question, how far it is, its report."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from harness.analysis.cells import scores_on_test
from harness.journal.record import SweepRecord
from harness.tracking.cell_run import study_status
from harness.tracking.pages import notes
from harness.tracking.pages.links import Link
from harness.tracking.runs import (
    MAX_PARAM,
    MAX_TAG,
    Cell,
    Point,
    Run,
    RunStatus,
    cells,
    cut,
    ended,
    flatten,
    latest,
    milliseconds,
    sweep_tags,
    valid_name,
)
from harness.trial import TrialResult

EXPERIMENT = "sweeps"


def sweep_key(record: SweepRecord) -> str:
    """Key of a sweep's own run."""
    return f"{record.id}/sweep"


def sweep_run(
    record: SweepRecord,
    live: bool,
    files: Mapping[str, str] = MappingProxyType({}),
    links: Mapping[str, Link] = MappingProxyType({}),
) -> Run:
    """The run of a sweep as a whole.

    Args:
        live: whether the sweep is being worked on; if not, an unfinished one is `KILLED`.
        files: the folder of its artifacts by file name.
        links: to the architectures of each task.
    """
    groups = {cell: latest(results) for cell, results in cells(record).items()}
    status = _status(record, groups, live)
    results = record.results
    started = milliseconds(record.started)
    return Run(
        key=sweep_key(record),
        name=record.sweep.name,
        status=status,
        started=started,
        ended=None if status == "RUNNING" else max(started, *map(ended, results)),
        attempt="",
        tags={
            **sweep_tags(record),
            "kind": "sweep",
            "status": {"FINISHED": "completed", "KILLED": "interrupted"}.get(
                status, status.lower()
            ),
            "mlflow.note.content": cut(notes.sweep(record, groups, links), MAX_TAG),
        },
        params=_question(record),
        points=tuple(_points(record)),
        files=files,
    )


def _status(
    record: SweepRecord, groups: Mapping[Cell, Sequence[TrialResult]], live: bool
) -> RunStatus:
    """Finished when every cell is done, failed when one of them has no confirmed result."""
    begun = {name for cell in record.cells for name in cell}
    asked = {*record.sweep.tasks, *record.sweep.spaces}
    states = {study_status(record, cell, groups.get(cell, ()), live) for cell in record.cells}
    unfinished = {"RUNNING", "KILLED"} & states
    if unfinished or not begun.issuperset(asked):
        return "RUNNING" if live else "KILLED"
    return "FAILED" if "FAILED" in states else "FINISHED"


def _question(record: SweepRecord) -> dict[str, str]:
    sweep = record.sweep
    values = {
        "tasks": ", ".join(sweep.tasks),
        "spaces": ", ".join(sweep.spaces),
        "tuner": sweep.tuner,
        "backend": sweep.backend,
        "seeds": ", ".join(map(str, sweep.seeds)),
        **flatten(vars(sweep.budget), "budget."),
    }
    return {name: cut(value, MAX_PARAM) for name, value in values.items()}


def _points(record: SweepRecord) -> Iterator[Point]:
    """The state after each cell that was confirmed; the step counts those cells.

    Like this a point once written never changes, however often the sweep is carried on.
    """
    confirmed: dict[Cell, dict[int, TrialResult]] = {}
    done = 0
    totals = {"trials": 0.0, "failed": 0.0, "search_seconds": 0.0}
    best: dict[str, float] = {}
    for result in record.history:
        if not isinstance(result, TrialResult) or result.status == "interrupted":
            continue
        if result.phase == "search":
            totals["trials"] += 1
            totals["failed"] += result.status != "completed"
            totals["search_seconds"] += result.cost.seconds
            continue
        runs = confirmed.setdefault((result.task, result.space), {})
        complete = len(runs) >= len(record.sweep.seeds_of(result.task))
        runs[result.number] = result
        if complete or len(runs) < len(record.sweep.seeds_of(result.task)):
            continue
        done += 1
        _improve(record, result.task, tuple(runs.values()), best)
        named = {f"best/{valid_name(task, slash='_')}": value for task, value in best.items()}
        for name, value in {"confirmed": float(done), **totals, **named}.items():
            yield Point(name, value, done, ended(result))


def _improve(
    record: SweepRecord, task: str, runs: Sequence[TrialResult], best: dict[str, float]
) -> None:
    known = record.tasks.get(task)
    sample = scores_on_test(runs, known.judged_by.metric) if known else ()
    if known is not None and sample:
        mean = sum(sample) / len(sample)
        if task not in best or known.judged_by.better(mean, best[task]):
            best[task] = mean
