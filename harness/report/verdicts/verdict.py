"""Whether the best architecture of a task is better than another one: one verdict for each pair."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from harness.analysis.cells import CellResults
from harness.analysis.sequential import confidence_at
from harness.analysis.statistics import Comparison, Interval, Uncertainty, Verdict, compare_with
from harness.report.verdicts.bootstrap import Paired, compare_examples
from harness.report.verdicts.per_example import Outcomes


@dataclass(frozen=True)
class Judgement:
    """What may be said of the difference between the best architecture and another one.

    It has `difference` and `verdict` as a `Comparison` has, and can stand for one.
    """

    runs: Comparison
    """Had the models been trained anew: Games-Howell over the scores of the seeds, or, of several
    searches, over their means; these hold the luck of the seeds, too."""
    examples: Comparison | None = None
    """Had the same models been scored on other examples; `None` without their outcomes."""
    both: Comparison | None = None
    """Had other models been scored on other examples, by the sum of both variances; `None` if one
    of the two is unknown."""
    further: Uncertainty | None = None
    """What the choice of the test examples adds to the uncertainty, where it is known."""
    confidence: float = 0.95
    """Joint one of all these intervals: 95 %, and more where the verdict is looked at several
    times."""
    searches: int = 1
    """How many searches of each architecture `runs` has compared; one tells nothing of its luck."""

    @property
    def difference(self) -> Interval:
        """The best minus the other one, with the interval that holds all those above.

        That for both sources of luck may be narrower than that for one: where the second source is
        known well, their sum has more degrees of freedom than the first alone, and an interval from
        two seeds is thirteen standard errors wide. But what may happen with other models cannot
        become less likely by other examples.
        """
        mean, known = self.runs.difference.mean, self._known
        if not known:
            return Interval(mean, math.nan, math.nan)
        lows, highs = zip(*((c.difference.low, c.difference.high) for c in known), strict=True)
        return Interval(mean, min(lows), max(highs))

    @property
    def ungrounded(self) -> str:
        """Why nothing can be said of the difference; empty where something can."""
        if math.isnan(self.runs.difference.low):
            return f"that takes two {'searches' if self.searches > 1 else 'seeds'} of each"
        if self.both is None:
            return "the luck of the test examples is not known"
        return ""

    @property
    def verdict(self) -> Verdict:
        """`different` if no interval holds zero; `unknown` where a seed, or of several searches
        one, stands alone, and where the luck of the test examples is not known.

        Each source of luck left out makes differences of none. In simulations of equally good
        architectures (5 seeds, 1,000 test examples) the interval over seeds alone finds a
        difference in up to 37 % of the sweeps, that over examples alone in up to 34 %, both of
        them in up to 8 %, and the three together in up to 5 %.

        With one search, what is said holds for the configurations that were found: another search
        finds others. `python -m benchmarks.luck` simulates how often that misleads.

        The price is paid in seeds. A true difference of two standard deviations (of the scores
        over seeds) of two architectures is found in 37 % of the sweeps with 3 seeds, 61 % with
        4, 76 % with 5 and 87 % with 6, if the test examples are many; among four architectures in
        15 %, 31 %, 47 % and 63 %.
        """
        return "unknown" if self.ungrounded else Comparison(self.difference).verdict

    @property
    def _known(self) -> list[Comparison]:
        if math.isnan(self.runs.difference.low):
            return []
        further = [c for c in (self.examples, self.both) if c is not None]
        return [self.runs, *further]


def judge(group: Sequence[CellResults], outcomes: Outcomes | None = None) -> dict[str, Judgement]:
    """How the best cell of a task compares with each other one, by name of the space.

    Args:
        group: cells of a task, the best first as `by_task` gives them; those without a score
            are left out. Where verdicts are looked at after so and so many seeds, intervals have
            the confidence of the look that the one of the two with more seeds has come to.
        outcomes: of the test examples of the same task; without them nothing is said.
    """
    samples = {cell.space: cell.sample for cell in group if cell.scores}
    if not samples:
        return {}
    best, searches = next(iter(samples)), group[0].searches
    confidence = {
        cell.space: confidence_at(max(cell.seeds, group[0].seeds), cell.looks) for cell in group
    }
    over_runs = compare_with(best, samples, confidence)
    paired: Mapping[str, Paired] = {}
    if outcomes is not None and best in outcomes.values and len(outcomes.values) > 1:
        paired = _over_examples(best, outcomes, confidence)
    further = {space: found.uncertainty for space, found in paired.items()}
    over_both = compare_with(best, samples, confidence, further)
    judged = {}
    for space, runs in over_runs.items():
        level = confidence[space]
        if space not in paired:
            judged[space] = Judgement(runs, confidence=level, searches=searches)
            continue
        examples = _around(runs.difference.mean, paired[space].comparison)
        both = over_both[space]
        known = None if math.isnan(both.difference.low) else both
        judged[space] = Judgement(runs, examples, known, further[space], level, searches)
    return judged


def _over_examples(
    best: str, outcomes: Outcomes, confidence: Mapping[str, float]
) -> dict[str, Paired]:
    """How far the best is from each other one on other examples, each with its confidence."""
    levels = {confidence[space] for space in outcomes.values if space != best}
    found = {
        level: compare_examples(
            best,
            outcomes.values,
            measure=outcomes.measure,
            block=outcomes.block,
            confidence=level,
        )
        for level in levels
    }
    return {s: found[confidence[s]][s] for s in outcomes.values if s != best}


def _around(mean: float, comparison: Comparison) -> Comparison:
    """The comparison about the difference of the recorded scores, which outcomes only round."""
    interval = comparison.difference
    moved = mean - interval.mean
    return Comparison(Interval(mean, interval.low + moved, interval.high + moved))


Judged: TypeAlias = Mapping[str, Mapping[str, Judgement]]
"""What is said of the best architecture against each other one, by task and architecture."""
NOTHING_JUDGED: Judged = MappingProxyType({})
