"""The run of a trial: one search trial, or one confirmation seed (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from harness.journal.record import SweepRecord
from harness.tracking.metrics import Point, Points
from harness.tracking.runs import Run, RunStatus, cell_key, common_tags, dataset
from harness.tracking.values import (
    MAX_PARAM,
    MAX_TAG,
    cut,
    ended,
    flatten,
    milliseconds,
    valid_name,
)
from harness.trial import Status, TrialResult

_STATUS: Mapping[Status, RunStatus] = {
    "completed": "FINISHED",
    "failed": "FAILED",
    "diverged": "FAILED",
    "infeasible": "FAILED",
    "timeout": "FAILED",
    "interrupted": "KILLED",
}


def trial_run(record: SweepRecord, result: TrialResult) -> Run:
    """The run of a trial, which a retry of it updates."""
    search = result.phase == "search"
    failure = result.failure
    tags = {
        **common_tags(record, result.task, result.space),
        "kind": "trial" if search else "confirm",
        "trial": str(result.number),
        "seed": str(result.seed),
        "status": result.status,
    }
    if failure is not None:
        tags |= {"error": cut(failure.message, MAX_TAG), "error.kind": failure.kind}
    label = f"trial {result.number}" if search else f"seed {result.seed}"
    return Run(
        key=f"{cell_key(record, (result.task, result.space))}/{result.phase}/{result.number}",
        name=f"{result.space} · {label}",
        status=_STATUS[result.status],
        started=milliseconds(result.started),
        ended=ended(result),
        attempt=repr(result.started),
        tags=tags,
        dataset=dataset(record, result.task),
        # The architecture is a param as well: parallel coordinates have params for axes.
        params={"architecture": result.space, **_params(result)},
        # A retry updates this run, and MLflow cannot take a metric back.
        points=Points(() if result.status == "interrupted" else _points(result)),
        texts={"traceback.txt": failure.traceback} if failure and failure.traceback else {},
    )


def _params(result: TrialResult) -> dict[str, str]:
    flat = flatten(result.config) | flatten(result.training, "training.")
    return {
        name: cut(value, MAX_PARAM) for name, value in (flat | {"seed": str(result.seed)}).items()
    }


def _points(result: TrialResult) -> Iterator[Point]:
    fit_started = result.started - (result.cost.kept_seconds or 0.0) + result.cost.build_seconds
    for index, row in enumerate(result.curve, start=1):
        time = milliseconds(fit_started + row.get("seconds", 0.0))
        for name, value in row.items():
            if name not in ("epoch", "seconds"):
                yield Point(valid_name(name), value, int(row.get("epoch", index)), time)
    final = {} if result.score is None else {"score": result.score}
    # `val_accuracy` is the curve, whose last value is rarely its best: the metrics of the
    # restored weights need a name of their own.
    final |= {f"best_{n}" if n.startswith("val_") else n: v for n, v in result.metrics.items()}
    for name, value in (final | _cost(result)).items():
        # MLflow draws a metric of step 0 as bars side by side, any other as a line.
        yield Point(valid_name(name), value, 0, ended(result))


def _cost(result: TrialResult) -> dict[str, float]:
    numbers = {n: v for n, v in asdict(result.cost).items() if isinstance(v, (int, float))}
    return {f"cost.{name}": float(v) for name, v in {**numbers, "epochs": result.epochs}.items()}
