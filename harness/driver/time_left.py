"""How long a sweep will still take, judged by the trials it has run."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.analysis.cells import CellResults
from harness.sweep.question import Budget, Sweep
from harness.trial import TrialResult


@dataclass(frozen=True)
class Many:
    """How many trials there were, and what they took in all."""

    count: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Many":
        """Those that took so long each."""
        each = tuple(seconds)
        return cls(len(each), math.fsum(each))


@dataclass(frozen=True)
class CellProgress:
    """How far a cell is."""

    budget: Budget
    seeds: int
    """Confirmation runs of its winners."""
    searched: Many
    """Search trials that will not be run again."""
    confirmed: Many
    searching: bool
    winner: bool
    """Whether there is a configuration to confirm."""
    searches: int = 1
    """Each of which has the whole budget."""


def progress(sweep: Sweep, cell: CellResults) -> CellProgress:
    """How far a cell is by its journal."""
    return CellProgress(
        budget=sweep.budget_of(cell.task),
        seeds=cell.seeds * cell.searches,
        searched=Many.of(result.cost.seconds for result in finished(cell.search)),
        confirmed=Many.of(result.cost.seconds for result in finished(cell.confirm)),
        searching=cell.ended is None,
        winner=cell.best is not None,
        searches=cell.searches,
    )


def seconds_left(every: Iterable[CellProgress]) -> float | None:
    """Worker seconds until every cell is confirmed; `None` before any trial has finished.

    A search trial is taken to last as long as the mean of its cell, or of all cells where it has
    none, a confirmation run as those of its cell, or else as a search trial on all epochs and
    all of the training data.
    """
    every = tuple(every)
    known = sum(cell.searched.count for cell in every)
    if not known:
        return None
    usual = math.fsum(cell.searched.seconds for cell in every) / known
    return math.fsum(_seconds_left(cell, usual) for cell in every)


def concurrency(results: Iterable[TrialResult]) -> float:
    """How many trials ran side by side on average while any ran; 1 without any."""
    spans = sorted((r.started, r.started + r.cost.own_seconds) for r in results if r.cost.seconds)
    busy, end = 0.0, -math.inf
    for first, last in spans:
        busy += max(0.0, last - max(first, end))
        end = max(end, last)
    return math.fsum(last - first for first, last in spans) / busy if busy > 0 else 1.0


def finished(results: Iterable[TrialResult]) -> list[TrialResult]:
    """The trials that will not be run again."""
    return [result for result in results if result.status != "interrupted"]


def span(seconds: float) -> str:
    """A time in words that claim no more than an estimate can."""
    minutes = max(1, round(seconds / 60))
    if minutes < 120:
        return "a minute" if minutes == 1 else f"{minutes} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes / 1440:.0f} days"


def _seconds_left(cell: CellProgress, usual: float) -> float:
    searched, confirmed = cell.searched, cell.confirmed
    mean = searched.seconds / searched.count if searched.count else usual
    budget, search = cell.budget, 0.0
    if cell.searching:
        trials, seconds = cell.searches * budget.trials, budget.seconds
        search = mean * max(0, trials - searched.count)
        if seconds is not None:
            search = min(search, max(0.0, cell.searches * seconds - searched.seconds))
    elif not cell.winner:
        return 0.0
    run = mean * budget.epochs_of_runs / budget.epochs / budget.train_fraction
    if confirmed.count:
        run = confirmed.seconds / confirmed.count
    return search + run * max(0, cell.seeds - confirmed.count)
