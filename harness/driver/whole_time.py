"""A time for the whole sweep, divided so that every architecture gets the same.

Each cell keeps back what its confirmation runs will take, by what its best trial took; what is
left of the time is divided over the searches, whose seconds end up equal. So speeds are learned as
the sweep goes: a cell that trains faster gets more trials, one that fails at once leaves its time
to the others. One training may take no longer than lets a cell have a trial and all of its runs.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.driver.searched import usual_of
from harness.sweep.question import Sweep

if TYPE_CHECKING:
    from harness.driver.cell_plan import CellPlan

_FOR_TRAINING = 0.75
"""Share of the time that trainings are surely given: reading data, looking at the cells and the
report take the rest."""
_NEARLY_ALL = 0.97
"""Share of a worker's time in which it trains."""
_MARGIN = 1.1
"""By which a run is taken to be longer than the trial that it repeats."""
_OVER = 0.05
"""Share of the time by which a last run may be late."""
_WORTH = 0.8
"""Of the usual length of a cell's trials: how much must be left for one more to begin."""


@dataclass
class WholeTime:
    """What is left of a sweep's time, and how it is divided."""

    seconds: float
    """That were asked for."""
    spent: float
    """By earlier drivers."""
    workers: int
    runs: int
    """Most confirmation runs of a winner."""
    searches: int
    """Of all cells."""
    since: float
    """When this driver began, on the monotonic clock."""

    @classmethod
    def of(
        cls, sweep: Sweep, plans: Sequence["CellPlan"], workers: int, spent: float, since: float
    ) -> "WholeTime":
        """The time of a sweep that asks for one."""
        assert sweep.minutes is not None
        runs = max(len(plan.runs.seeds) for plan in plans)
        return cls(60 * sweep.minutes, spent, workers, runs, len(plans), since)

    def left(self) -> float:
        """Seconds until the report must begin."""
        for_the_report = min(8 + 0.02 * self.seconds, 60.0)
        return self.seconds - for_the_report - self.spent - (time.monotonic() - self.since)

    @property
    def longest(self) -> float:
        """Seconds that one training may take."""
        every = _FOR_TRAINING * self.workers * self.seconds
        return every / self.searches / (self.runs + 2)

    def divide(self, plans: Sequence["CellPlan"]) -> None:
        """Tells each cell what its search may still take, and whether runs may begin."""
        usual = _usual(plans, self.longest)
        runs = {
            id(plan): min(_MARGIN * (plan.spending.run_seconds() or usual), self.longest)
            for plan in plans
        }
        to_come = {id(plan): plan.spending.search_seconds_to_come(usual) for plan in plans}
        left = self.left()
        # Beside the last run the other workers are idle.
        whole = _NEARLY_ALL * (self.workers * left - (self.workers - 1) / 2 * max(runs.values()))
        pool = whole - math.fsum(
            runs[id(plan)] * plan.runs_left() + to_come[id(plan)] for plan in plans
        )
        open_ = [plan for plan in plans if plan.ended is None]
        spent = {id(plan): plan.spending.search_seconds() + to_come[id(plan)] for plan in open_}
        most = level([*spent.values()], pool)
        for plan in plans:
            plan.longest = self.longest
            more = most - spent.get(id(plan), most)
            plan.may_try_more = not plan.tried() or more >= _WORTH * plan.searched.usual(usual)
            plan.may_run_more = left + _OVER * self.seconds >= runs[id(plan)]


def _usual(plans: Sequence["CellPlan"], otherwise: float) -> float:
    """What a trial takes where a cell has none yet: as those of the others."""
    return min(usual_of([plan.searched for plan in plans], otherwise), otherwise)


def level(spent: Sequence[float], pool: float) -> float:
    """What each search may take in all, if what is left evens out what they have spent."""
    ordered, found = sorted(spent), 0.0
    for count in range(1, len(ordered) + 1):
        found = (pool + math.fsum(ordered[:count])) / count
        if count == len(ordered) or found <= ordered[count]:
            break
    return found
