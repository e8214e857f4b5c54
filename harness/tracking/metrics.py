"""The metrics of the runs that grow, point by point, as results come in (pure).

Like this a point once written never changes, however often a sweep is carried on. MLflow draws a
metric of step 0 as bars side by side, any other as a line.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

from harness.analysis.cells import (
    best_trial,
    independent_scores,
    interval_of,
    objective_of,
    overflow_free_mean,
)
from harness.journal.record import SweepRecord, TaskRecord
from harness.tracking.values import ended, milliseconds, valid_name
from harness.trial import CellKey, TrialResult


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    name: str
    value: float
    step: int
    time: int
    """Unix milliseconds."""


class Points:
    """Points of a run; only ever appended to, and known by a hash of all of them."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self._points: list[Point] = []
        self._hash = hashlib.sha256()
        for point in points:
            self.add(point)

    def add(self, point: Point) -> None:
        """Appends one."""
        self._points.append(point)
        self._hash.update(json.dumps(astuple(point)).encode())

    def since(self, count: int) -> Sequence[Point]:
        """Those after the first `count`."""
        return self._points[count:]

    def digest(self) -> str:
        """SHA-256 over all of them."""
        return self._hash.hexdigest()

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[Point]:
        return iter(self._points)


class CellMetrics:
    """Floor and ceiling, the search after each of its results, and the test metrics of a cell.

    The step of a search metric counts results, so that a chart shows how the best score grew. All
    else is at step 0.
    """

    def __init__(self, record: SweepRecord, key: CellKey) -> None:
        self.points = Points()
        self._objective = objective_of(record, key[0])
        self._runs = _first_runs(record, key[0])
        self._searches = record.sweep.searches_of(key[0])
        self._step = 0
        self._search: dict[str, float] = {"trials": 0, "failed": 0, "search_seconds": 0}
        self._told: dict[str, float] = {}
        """What was last said of the search, by metric."""
        self._searched: dict[int, TrialResult] = {}
        self._best: TrialResult | None = None
        self._confirmed: dict[int, TrialResult] = {}
        self._tested: dict[str, float] = {}
        """What was last said of the test split."""
        for name, value in _floor_and_ceiling(record.tasks.get(key[0])).items():
            self.points.add(Point(valid_name(name), value, 0, milliseconds(record.started)))

    def take(self, result: TrialResult) -> None:
        """Adds what a result changes."""
        if result.status == "interrupted":
            return
        if result.phase == "search":
            self._take_search(result)
        else:
            self._take_confirmation(result)

    def _take_search(self, result: TrialResult) -> None:
        self._count(result, 1)
        if result.number in self._searched:
            self._count(self._searched[result.number], -1)
        self._searched[result.number] = result
        self._best = best_trial([*([self._best] if self._best else []), result], self._objective)
        if self._best is not None and self._best.score is not None:
            self._search["score"] = self._best.score
        self._step += 1
        for name, value in self._search.items():
            if self._told.get(name) != value:
                self._told[name] = value
                self.points.add(Point(name, value, self._step, ended(result)))

    def _count(self, result: TrialResult, sign: int) -> None:
        self._search["trials"] += sign
        self._search["failed"] += sign * (result.status != "completed")
        self._search["search_seconds"] += sign * result.cost.seconds

    def _take_confirmation(self, result: TrialResult) -> None:
        self._confirmed[result.number] = result
        if len(self._confirmed) < self._runs:
            return
        tested = _test(self._confirmed.values(), self._searches)
        if tested != self._tested:
            self._tested = tested
            for name, value in tested.items():
                self.points.add(Point(valid_name(name), value, 0, ended(result)))


class SweepMetrics:
    """The state of a sweep after each cell that was confirmed; the step counts those cells."""

    def __init__(self) -> None:
        self.points = Points()
        self._confirmed: dict[CellKey, dict[int, TrialResult]] = {}
        self._done = 0
        self._totals = {"trials": 0.0, "failed": 0.0, "search_seconds": 0.0}
        self._best: dict[str, float] = {}
        """The best mean test score of each task."""

    def take(self, record: SweepRecord, result: TrialResult) -> None:
        """Adds what a result changes."""
        if result.status == "interrupted":
            return
        if result.phase == "search":
            self._totals["trials"] += 1
            self._totals["failed"] += result.status != "completed"
            self._totals["search_seconds"] += result.cost.seconds
            return
        runs = self._confirmed.setdefault((result.task, result.space), {})
        wanted = _first_runs(record, result.task)
        before = len(runs)
        runs[result.number] = result
        if before >= wanted or len(runs) < wanted:
            return
        self._done += 1
        self._improve(record, result.task, tuple(runs.values()))
        named = {f"best/{valid_name(task, slash='_')}": v for task, v in self._best.items()}
        for name, value in {"confirmed": float(self._done), **self._totals, **named}.items():
            self.points.add(Point(name, value, self._done, ended(result)))

    def _improve(self, record: SweepRecord, task: str, runs: Sequence[TrialResult]) -> None:
        known = record.tasks.get(task)
        searches = record.sweep.searches_of(task)
        sample = independent_scores(runs, known.judged_by.metric, searches) if known else ()
        if known is not None and sample:
            mean = overflow_free_mean(sample)
            if task not in self._best or known.judged_by.better(mean, self._best[task]):
                self._best[task] = mean


def _first_runs(record: SweepRecord, task: str) -> int:
    """Confirmation runs with which a cell counts as confirmed. Seeds that are added later, where
    they are until a verdict is clear, change its metrics one by one: what they are does not hang on
    what was decided after them."""
    return len(record.sweep.first_seeds_of(task)) * record.sweep.searches_of(task)


def _test(confirmed: Iterable[TrialResult], searches: int) -> dict[str, float]:
    """Means over the confirmed seeds, with the 95 % interval of each test metric."""
    completed = [result for result in confirmed if result.status == "completed"]
    values: dict[str, float] = {"seeds": len(completed)}
    if searches > 1:
        values["searches"] = len({result.number % searches for result in completed})
    for name in dict.fromkeys(name for r in completed for name in r.metrics):
        if name.startswith("test_"):
            sample = independent_scores(completed, name.removeprefix("test_"), searches)
            if not sample:
                continue
            found = interval_of(sample, name.removeprefix("test_"))
            values[name] = found.mean
            if math.isfinite(found.low):
                values |= {f"{name}_ci_low": found.low, f"{name}_ci_high": found.high}
    for name in ("parameters", "latency_ms", "peak_memory_mb"):
        costs = [getattr(r.cost, name) for r in completed]
        known = [cost for cost in costs if cost is not None]
        if known:
            values[f"cost.{name}"] = sum(known) / len(known)
    return values


def _floor_and_ceiling(known: TaskRecord | None) -> dict[str, float]:
    if known is None:
        return {}
    values = {f"baseline_{name}": value for name, value in known.baseline.items()}
    return values if known.reference is None else {**values, "reference": known.reference.value}
