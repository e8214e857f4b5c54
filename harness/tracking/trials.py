"""What a journal says of each cell, taken in result by result: an update costs what is new.

Each run, note and chart that stands for a cell is made from these.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from harness.analysis.cells import (
    best_trial,
    independent_scores,
    is_done,
    objective_of,
    overflow_free_mean,
    winners,
)
from harness.journal.record import SweepRecord
from harness.tracking.metrics import CellMetrics, SweepMetrics
from harness.tracking.values import ended, flatten, milliseconds
from harness.trial import Asked, CellKey, Status, TrialResult


class Tried:
    """The params that trials had in common, and which of them were varied."""

    def __init__(self) -> None:
        self._first: dict[str, str] | None = None
        self._varied: set[str] = set()

    def take(self, params: Mapping[str, str], varied: Iterable[str] = ()) -> None:
        """Takes in the params of a trial, or those that several had in common, some varied."""
        if self._first is None:
            self._first = dict(params)
        self._first = {name: value for name, value in self._first.items() if name in params}
        self._varied |= {*varied} | {n for n, value in self._first.items() if params[n] != value}

    def add(self, other: "Tried") -> None:
        """Takes in the params of all the trials that another one has."""
        if other._first is not None:
            self.take(other._first, other._varied)

    def varied(self) -> tuple[str, ...]:
        """Those that more than one value was tried of, and that no trial lacks."""
        return tuple(name for name in self._first or () if name in self._varied)


class CellTrials:
    """The trials of one cell."""

    def __init__(self, record: SweepRecord, key: CellKey) -> None:
        self.key = key
        self.metrics = CellMetrics(record, key)
        self.attempts = 0
        """Results taken in, those of retried trials included."""
        self.started = self.ended = milliseconds(record.started)
        """Of its first result and of the last of all, in Unix milliseconds."""
        self.search: dict[int, TrialResult] = {}
        """The last result of each search trial, by number."""
        self.confirm: dict[int, TrialResult] = {}
        """The last result of each confirmation run, by number."""
        self.statuses: Counter[Status] = Counter()
        """Of the search trials."""
        self.seconds = 0.0
        """What the search trials cost."""
        self.best: TrialResult | None = None
        """The best search trial."""
        self.configs, self.trainings = Tried(), Tried()
        """Hyperparameters of the architecture, and of training."""
        self._objective = objective_of(record, key[0])
        self.searches = record.sweep.searches_of(key[0])
        """How many independent ones it has."""

    def take(self, result: TrialResult) -> None:
        """Takes in the next result."""
        finished = ended(result)
        # Not the earliest start: a later line of the journal may not change an earlier answer.
        if not self.attempts:
            self.started, self.ended = milliseconds(result.started), finished
        self.ended = max(self.ended, finished)
        self.attempts += 1
        self.metrics.take(result)
        if result.phase == "confirm":
            self.confirm[result.number] = result
            return
        again = result.number in self.search
        self.search[result.number] = result
        self.configs.take(flatten(result.config))
        self.trainings.take(flatten(result.training, "training."))
        if again:  # what was counted of it no longer holds
            self.statuses, self.seconds, self.best = Counter(), 0.0, None
        for counted in self.search.values() if again else (result,):
            self.statuses[counted.status] += 1
            self.seconds += counted.cost.seconds
            self.best = best_trial([*([self.best] if self.best else []), counted], self._objective)

    def confirmed(self) -> list[TrialResult]:
        """The confirmation runs that completed."""
        return [result for result in self.confirm.values() if result.status == "completed"]

    def sample(self, metric: str) -> tuple[float, ...]:
        """What intervals of a test metric are made of; see `independent_scores`."""
        return independent_scores(self.confirm.values(), metric, self.searches)

    def kept(self) -> TrialResult | None:
        """The confirmation run whose model is kept: of the seeds, the best on validation."""
        return best_trial((r for r in self.confirm.values() if r.model), self._objective)

    def done(self, record: SweepRecord) -> bool:
        """Whether nothing is left to do."""
        return record.is_settled(self.key[0]) and is_done(
            ended=self.key in record.ended,
            winners=winners(self.search.values(), self._objective, self.searches),
            confirmed=sum(r.status != "interrupted" for r in self.confirm.values()),
            seeds=len(record.seeds_of(*self.key)),
        )


class SweepTrials:
    """The trials of a sweep."""

    def __init__(self) -> None:
        self.metrics = SweepMetrics()
        self._cells: dict[CellKey, CellTrials] = {}
        self._taken = 0
        self._last: Asked | TrialResult | None = None

    def follows(self, record: SweepRecord) -> bool:
        """Whether a record goes on from the one that was taken in last."""
        if not self._taken:
            return True
        return len(record.history) >= self._taken and record.history[self._taken - 1] is self._last

    def take(self, record: SweepRecord) -> list[TrialResult]:
        """Takes in what a record says more than the one before; returns its new results."""
        new = record.history[self._taken :]
        ended = ((task, space) for task, space, _ in record.ended_searches)
        for key in (*((entry.task, entry.space) for entry in new), *ended):
            if key not in self._cells:
                self._cells[key] = CellTrials(record, key)
        results = [entry for entry in new if isinstance(entry, TrialResult)]
        for result in results:
            self._cells[result.task, result.space].take(result)
            self.metrics.take(record, result)
        self._taken = len(record.history)
        self._last = record.history[-1] if record.history else None
        return results

    def best_space(self, record: SweepRecord, task: str) -> str | None:
        """The space with the best mean test score on a task so far; of equals the first."""
        if task not in record.tasks:
            return None
        measure = record.tasks[task].judged_by
        best: tuple[str, float] | None = None
        for cell in self.begun(record):
            scores = cell.sample(measure.metric)
            if cell.key[0] == task and scores:
                mean = overflow_free_mean(scores)
                if best is None or measure.better(mean, best[1]):
                    best = cell.key[1], mean
        return best[0] if best else None

    def cell(self, task: str, space: str) -> CellTrials | None:
        """The trials of one cell, if it was asked about."""
        return self._cells.get((task, space))

    def begun(self, record: SweepRecord) -> list[CellTrials]:
        """Every cell that was asked about, in the order of the question."""
        keys = ((task, space) for task in record.sweep.tasks for space in record.sweep.spaces)
        return [self._cells[key] for key in keys if key in self._cells]

    def shown(self, record: SweepRecord) -> list[CellTrials]:
        """Those of them that have a result, or whose search has ended."""
        return [c for c in self.begun(record) if c.attempts or c.key in record.ended]
