"""Figures that sum up a cell: its best result, and the spread over its seeds."""

import functools
import math
import statistics
from collections.abc import Mapping, Sequence

from harness.record import SweepRecord
from harness.spec import TrialResult


def better(record: SweepRecord, task: str, a: float | None, b: float | None) -> bool:
    """Whether validation score `a` beats `b`; any score beats none."""
    if a is None or math.isnan(a) or task not in record.tasks:
        return False
    return b is None or record.tasks[task].objective.better(a, b)


def best(record: SweepRecord, results: Sequence[TrialResult]) -> TrialResult | None:
    """The completed result of best validation score, the lowest number of equals."""
    completed = sorted(
        (r for r in results if r.status == "completed" and r.score is not None),
        key=lambda r: r.number,
    )
    if not completed:
        return None
    return functools.reduce(
        lambda kept, r: r if better(record, r.task, r.score, kept.score) else kept, completed
    )


def interval(sample: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval (Student's t); the bounds of a single value are NaN."""
    from scipy import stats

    mean = sum(sample) / len(sample)
    if len(sample) < 2 or not math.isfinite(mean):
        return mean, math.nan, math.nan
    spread = statistics.stdev(sample) / math.sqrt(len(sample))
    half = float(stats.t.ppf(0.975, len(sample) - 1)) * spread
    return mean, mean - half, mean + half


def tested(results: Sequence[TrialResult], metric: str) -> list[float]:
    """A test metric of each completed confirmation run that has it, where it is finite."""
    name = f"test_{metric}"
    return [
        r.metrics[name]
        for r in results
        if r.phase == "confirm"
        and r.status == "completed"
        and math.isfinite(r.metrics.get(name, math.nan))
    ]


def best_space(
    record: SweepRecord, task: str, groups: Mapping[tuple[str, str], Sequence[TrialResult]]
) -> str | None:
    """The space with the best mean test score on a task; of equals the first."""
    if task not in record.tasks:
        return None
    measure = record.tasks[task].judged_by
    kept: tuple[str, float] | None = None
    for (name, space), results in groups.items():
        sample = tested(results, measure.metric) if name == task else []
        mean = sum(sample) / len(sample) if sample else math.nan
        if not math.isnan(mean) and (kept is None or measure.better(mean, kept[1])):
            kept = space, mean
    return kept[0] if kept else None
