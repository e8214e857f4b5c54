"""How long each architecture's search takes to reach the same validation score."""

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.cells import CellResults, best_trial
from harness.analysis.statistics import Interval
from harness.report.searches.anytime import exchangeable, trials_of
from harness.report.searches.permutations import TAIL, observed, seconds_to
from harness.report.text import decimals, duration, number
from harness.sweep.question import Tuner
from harness.system.markdown import code, plain, table

HOW_TO_READ = """\
Seconds are those of the workers, summed over the trials of the search, failed ones included, up \
to the first epoch that reaches the target. The first target is the best that the weakest \
architecture's search reached, so that all of them reach it; the second is the best of the \
runner-up, which only the two strongest reach."""
OF_RANDOM = """\
Random search is judged over all orders of its trials: the median, and in brackets where 90 % of \
the orders lie, unless they agree."""
ONE_PATH = """\
There is one path of each search, and so no interval: with another search seed the times would be \
others."""


def targets(group: Sequence[CellResults]) -> list[float]:
    """The validation scores to reach, the easier one first; none with fewer than two searches.

    Time to a target is how AlgoPerf compares training algorithms (Dahl et al. 2023,
    "Benchmarking Neural Network Training Algorithms", arXiv:2306.07179). A target that all reach
    leaves no time unknown; one that few reach tells the strong apart.
    """
    best = [score for cell in group if math.isfinite(score := best_score(cell))]
    if len(best) < 2:
        return []
    best.sort(reverse=group[0].objective.direction == "max")
    return list(dict.fromkeys([best[-1], best[1]]))


def best_score(cell: CellResults) -> float:
    """The best validation score of a cell's search, NaN without any."""
    best = best_trial(cell.search, cell.objective)
    return math.nan if best is None else cell.score(best)


def times(cell: CellResults, target: float, tuner: Tuner) -> Interval:
    """Seconds until a search reaches a target: the median over orders and its 90 % band.

    Of tuners other than random search it is the one time that was seen, without a band. Infinite
    where the target is not reached.
    """
    if trials := exchangeable(cell, tuner):
        found = np.sort(seconds_to(target, trials))
        # Whole orders, as halfway between a time and never there is nothing.
        low, middle, high = (
            float(found[round(share * len(found)) - 1]) for share in (TAIL, 0.5, 1 - TAIL)
        )
        return Interval(middle, low, high)
    seconds, best = observed(trials_of(cell))
    reached = best >= target if cell.objective.direction == "max" else best <= target
    first = float(seconds[np.argmax(reached)]) if reached.any() else math.inf
    return Interval(first, math.nan, math.nan)


def times_to_targets(group: Sequence[CellResults], tuner: Tuner) -> str:
    """A table of the cells of a task; empty with fewer than two searches that have a score."""
    goals = targets(group)
    if not goals:
        return ""
    digits = decimals([Interval(goal, goal, goal) for goal in goals]) + 1
    known = [cell for cell in group if math.isfinite(best_score(cell))]
    rows = [
        [code(cell.space), number(best_score(cell), digits),
         *(_written(times(cell, goal, tuner)) for goal in goals), duration(cell.search_seconds)]
        for cell in known
    ]  # fmt: skip
    objective = group[0].objective
    arrow = "↑" if objective.direction == "max" else "↓"
    headers = ["architecture", f"best validation {plain(objective.metric) or 'score'} {arrow}",
               *(f"time to {number(goal, digits)}" for goal in goals), "whole search"]  # fmt: skip
    return table(headers, rows)


def _written(time: Interval) -> str:
    if math.isinf(time.mean):
        return "not reached"
    if not time.low < time.high:
        return duration(time.mean)
    return f"{duration(time.mean)} ({duration(time.low)} to {duration(time.high)})"
