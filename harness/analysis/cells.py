"""The journal seen cell by cell: what every table, figure and sentence is made from."""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.rivals import rivals_of
from harness.analysis.statistics import Interval, mean_interval
from harness.journal.record import SweepRecord, TaskRecord
from harness.kinds import scales
from harness.spec import Direction, Objective
from harness.trial import Asked, Cost, TrialResult


@dataclass(frozen=True)
class CellResults:
    """One architecture on one task: its trials, and why its search ended."""

    task: str
    space: str
    data: TaskRecord | None
    """`None` as long as the journal says nothing of the task's data."""
    search: tuple[TrialResult, ...]
    """The trials of its search, or of all of them."""
    confirm: tuple[TrialResult, ...]
    running: int
    """Search trials that were asked for and have no result."""
    ended: str | None
    """Why the search ended, `None` when it did not."""
    searches: int = 1
    """How many independent ones it has; see `Sweep.searches_of`."""
    stopped: bool = False
    """Whether the time of the whole sweep is spent."""
    seeds: int = 0
    """How many each of its winners is confirmed on, as far as that is decided."""
    looks: tuple[int, ...] = ()
    """After how many seeds the verdict is looked at; empty where all run at once."""
    settled: bool = True
    """Whether no more may be added."""

    @property
    def metric(self) -> str:
        """Name of the test metric that architectures are compared by, empty while the data is
        unknown."""
        return self.data.judged_by.metric if self.data else ""

    @property
    def direction(self) -> Direction:
        """Which way that metric gets better."""
        return self.data.judged_by.direction if self.data else "max"

    @property
    def objective(self) -> Objective:
        """What the search compares trials by, on the validation split."""
        return self.data.objective if self.data else Objective("", "max")

    @property
    def baseline(self) -> float:
        """The trivial predictor's score on the test split, NaN if there is none."""
        return self.data.baseline.get(self.metric, math.nan) if self.data else math.nan

    @property
    def rivals(self) -> dict[str, float]:
        """Scores of simple methods by name; see `rivals_of`."""
        metrics = {name for result in self.confirm for name in result.metrics}
        return rivals_of(self.data.baseline if self.data else {}, self.metric, metrics)

    @property
    def reference(self) -> float:
        """The published score on the test split, NaN if there is none."""
        return self.data.reference.value if self.data and self.data.reference else math.nan

    @property
    def scores(self) -> tuple[float, ...]:
        """Test scores of the confirmation runs that have one, in order of their runs."""
        return scores_on_test(self.confirm, self.metric)

    @property
    def sample(self) -> tuple[float, ...]:
        """What intervals of the test score are made of; see `independent_scores`."""
        return independent_scores(self.confirm, self.metric, self.searches)

    @property
    def interval(self) -> Interval:
        """The mean test score with the interval of `sample`."""
        return interval_of(self.sample, self.metric)

    @property
    def mean(self) -> float:
        """Mean test score over the seeds, of several searches that of their means; NaN without
        any."""
        return overflow_free_mean(self.sample) if self.sample else math.nan

    @property
    def other_metrics(self) -> dict[str, float]:
        """Means of the other test metrics by name, NaN where a run with a score lacks one."""
        runs = [r.metrics for r in self.confirm if math.isfinite(self.score(r))]
        names = {name for run in runs for name in run if name.startswith("test_")}
        return {
            name.removeprefix("test_"): _mean([run.get(name, math.nan) for run in runs])
            for name in sorted(names - {f"test_{self.metric}"})
        }

    @property
    def best(self) -> TrialResult | None:
        """The configuration found: a confirmed one, or else the best of the search.

        Of several searches it is that whose confirmation runs have the best validation score, as
        the test scores must choose nothing.
        """
        confirmed = [r for r in self.confirm if math.isfinite(self.score(r))] or self.confirm
        if not confirmed:
            return best_trial(self.search, self.objective)
        chosen = best_trial(confirmed, self.objective) or confirmed[0]
        return next(r for r in confirmed if self.search_of(r) == self.search_of(chosen))

    def search_of(self, result: TrialResult) -> int:
        """Which search a trial belongs to, from 0."""
        return result.number % self.searches

    @property
    def unscored(self) -> tuple[TrialResult, ...]:
        """Trials of both phases that ended without a finite score."""
        trials = (*self.search, *self.confirm)
        return tuple(result for result in trials if not math.isfinite(self.score(result)))

    @property
    def search_seconds(self) -> float:
        """Wall seconds in workers, summed over the search trials, failed ones included."""
        return math.fsum(result.cost.seconds for result in self.search)

    @property
    def confirm_seconds(self) -> float:
        """Wall seconds in workers, summed over the confirmation runs."""
        return math.fsum(result.cost.seconds for result in self.confirm)

    def score(self, result: TrialResult) -> float:
        """The value a trial counts with: validation in the search, test in confirmation.

        NaN unless the trial completed and has the value.
        """
        value = result.score
        if result.phase == "confirm":
            value = result.metrics.get(f"test_{self.metric}")
        return math.nan if value is None or result.status != "completed" else value

    def median_cost(self, of: Callable[[Cost], float | None]) -> float:
        """Median of one cost over the confirmation runs with a score, NaN without any."""
        costs = [of(r.cost) for r in self.confirm if math.isfinite(self.score(r))]
        known = [cost for cost in costs if cost is not None]
        return statistics.median(known) if known else math.nan

    @property
    def confirmed(self) -> bool:
        """Whether every search has ended, and each run of its winner that is decided on."""
        return is_done(
            ended=self.ended is not None and not self.running,
            winners=winners(self.search, self.objective, self.searches),
            confirmed=sum(result.status != "interrupted" for result in self.confirm),
            seeds=self.seeds,
        )

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: it is confirmed and gets no more seeds, or the time of the
        whole sweep is spent."""
        return self.stopped or (self.confirmed and self.settled)


def cell_results(record: SweepRecord) -> tuple[CellResults, ...]:
    """Every cell of `record.cells`, in that order, with its trials."""
    trials: dict[tuple[str, str, str], list[TrialResult]] = defaultdict(list)
    for result in record.results:
        trials[result.task, result.space, result.phase].append(result)
    asked: dict[tuple[str, str], set[int]] = defaultdict(set)
    for entry in record.history:
        if isinstance(entry, Asked):
            asked[entry.task, entry.space].add(entry.number)
        elif entry.phase == "search":
            asked[entry.task, entry.space].discard(entry.number)
    return tuple(
        CellResults(
            task=task,
            space=space,
            data=record.tasks.get(task),
            search=tuple(trials[task, space, "search"]),
            confirm=tuple(trials[task, space, "confirm"]),
            running=len(asked[task, space]),
            ended=record.ended.get((task, space)),
            searches=record.sweep.searches_of(task),
            stopped=record.time_over,
            seeds=len(record.seeds_of(task, space)),
            looks=record.sweep.looks_of(task),
            settled=record.is_settled(task),
        )
        for task, space in record.cells
    )


def by_task(found: Sequence[CellResults]) -> dict[str, list[CellResults]]:
    """Cells of each task, best mean test score first, those without a score last."""
    groups: dict[str, list[CellResults]] = {}
    for cell in found:
        groups.setdefault(cell.task, []).append(cell)
    return {task: sorted(group, key=_rank) for task, group in groups.items()}


def _rank(cell: CellResults) -> tuple[bool, float]:
    if math.isnan(cell.mean):
        return True, 0.0
    return False, -cell.mean if cell.direction == "max" else cell.mean


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if all(map(math.isfinite, values)) else math.nan


def best_trial(results: Iterable[TrialResult], objective: Objective) -> TrialResult | None:
    """The completed result of the best finite validation score, the lowest number of equals."""
    scored = [r for r in results if r.status == "completed" and math.isfinite(_known(r.score))]
    sign = 1 if objective.direction == "max" else -1
    return max(scored, key=lambda r: (sign * (r.score or 0.0), -r.number), default=None)


def objective_of(record: SweepRecord, task: str) -> Objective:
    """What trials of a task are compared by; without a name while nothing is known of it."""
    known = record.tasks.get(task)
    return known.objective if known else Objective("", "max")


def scores_on_test(results: Iterable[TrialResult], metric: str) -> tuple[float, ...]:
    """A test metric of each completed confirmation run that has it, where it is finite."""
    values = (
        result.metrics.get(f"test_{metric}")
        for result in results
        if result.phase == "confirm" and result.status == "completed"
    )
    return tuple(value for value in values if value is not None and math.isfinite(value))


def independent_scores(
    results: Iterable[TrialResult], metric: str, searches: int
) -> tuple[float, ...]:
    """Test scores that vary by all the luck there is to see, such as intervals are made of.

    Of one search, those over the seeds of its winner. Of several, the mean of each: a search is
    what is drawn anew, and the spread of such means holds that of the seeds.

    Args:
        results: trials of one cell.
        metric: of the test split.
        searches: how many independent ones the cell has.
    """
    if searches == 1:
        return scores_on_test(results, metric)
    groups: dict[int, list[TrialResult]] = {}
    for result in results:
        groups.setdefault(result.number % searches, []).append(result)
    scored = (scores_on_test(groups[search], metric) for search in sorted(groups))
    return tuple(overflow_free_mean(scores) for scores in scored if scores)


def interval_of(scores: Sequence[float], metric: str) -> Interval:
    """The mean of scores of a metric with its 95 % interval, within the metric's scale."""
    return mean_interval(scores, ends=scales.ends(metric, scores))


def overflow_free_mean(scores: Sequence[float]) -> float:
    """The mean of one score or more, such as perplexities of failed models, whose sum may
    overflow."""
    return math.fsum(score / len(scores) for score in scores)


def winners(results: Iterable[TrialResult], objective: Objective, searches: int) -> int:
    """How many of the searches of a cell have found a configuration to confirm."""
    groups: dict[int, list[TrialResult]] = {}
    for result in results:
        if result.phase == "search":
            groups.setdefault(result.number % searches, []).append(result)
    return sum(best_trial(group, objective) is not None for group in groups.values())


def is_done(*, ended: bool, winners: int, confirmed: int, seeds: int) -> bool:
    """Whether nothing is left to do for a cell.

    Args:
        ended: whether its searches have.
        winners: searches with a configuration to confirm.
        confirmed: its confirmation runs that will not be run again.
        seeds: as many as there should be of each winner.
    """
    return ended and confirmed >= winners * seeds


def unconfirmed(record: SweepRecord) -> list[tuple[str, str]]:
    """The cells (task, space) without any confirmation run that has a test score."""
    return [(cell.task, cell.space) for cell in cell_results(record) if not cell.scores]


def exit_code(record: SweepRecord) -> int:
    """0 if every cell has a confirmed result, else 1.

    Cells appear in the journal with their first trial: a task or a space of the question
    that has none yet counts as one without a result.
    """
    sweep = record.sweep
    begun = {name for cell in record.cells for name in cell}
    return int(bool(unconfirmed(record)) or not begun.issuperset({*sweep.tasks, *sweep.spaces}))
