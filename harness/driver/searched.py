"""What a search has come to so far."""

import math
from collections.abc import Sequence

from harness.analysis.cells import best_trial
from harness.spec import Objective
from harness.trial import TrialResult, flops_spent, seconds_spent


class Searched:
    """Totals over the search trials of a cell that are over.

    They are kept up with each result: what is asked of them takes as long after 100,000 trials as
    after one, and no result is kept but the best one.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.trials = 0
        self.failed = 0
        """Those of them that did not complete."""
        self.seconds = 0.0
        """What they took, attempts that were cut off left out."""
        self.spent_seconds = 0.0
        """What they took with those; what another attempt went on from counts once."""
        self.spent_flops = 0.0
        """Floating-point operations, likewise."""
        self.compiling = 0.0
        """Most seconds up to the end of the first step of one that was compiled."""
        self.first_step = 0.0
        """Those of them after building."""
        self.best: TrialResult | None = None
        """The trial with the best validation score; the earlier of equals."""

    def take(self, result: TrialResult, cut_off: Sequence[TrialResult]) -> None:
        """Takes in how a trial ended, and the attempts at it that were cut off."""
        self.trials += 1
        self.failed += result.status != "completed"
        self.seconds += result.cost.seconds
        costs = [attempt.cost for attempt in (*cut_off, result)]
        self.spent_seconds += seconds_spent(costs)
        self.spent_flops += flops_spent(costs)
        if result.cost.compiled is not False:
            first = result.cost.first_step_seconds
            self.compiling = max(self.compiling, result.cost.build_seconds + first)
            self.first_step = max(self.first_step, first)
        known = [result] if self.best is None else [self.best, result]
        self.best = best_trial(known, self._objective)

    def usual(self, otherwise: float) -> float:
        """How long a trial takes on average; the other value if none has ended."""
        return self.seconds / self.trials if self.trials else otherwise


def usual_of(every: Sequence[Searched], otherwise: float) -> float:
    """The same of the trials of several searches."""
    trials = sum(one.trials for one in every)
    return math.fsum(one.seconds for one in every) / trials if trials else otherwise
