"""Whether the best architecture of a task beats the best of the simple methods."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from harness.analysis.cells import CellResults
from harness.analysis.rivals import Rival, Standing, standing, strongest
from harness.analysis.sequential import confidence_at
from harness.analysis.statistics import Interval, distance_from
from harness.report.verdicts.bootstrap import compare_examples
from harness.report.verdicts.per_example import Outcomes
from harness.spec import Objective


@dataclass(frozen=True)
class Beside:
    """The best architecture of a task beside the best simple method."""

    space: str
    rival: Rival
    difference: Interval
    """The architecture minus the simple method."""
    standing: Standing
    paired: bool
    """Whether the interval holds the luck of the test examples, too."""


BesideByTask: TypeAlias = Mapping[str, Beside]
NONE_BESIDE: BesideByTask = MappingProxyType({})


def beside(group: Sequence[CellResults], outcomes: Outcomes | None = None) -> Beside | None:
    """The best architecture with a score beside the best simple method; `None` without either.

    The interval holds for all architectures at once, as the best was chosen by the same scores. A
    simple method has no seed: the luck is that of the architecture's seeds and, where its outcomes
    are there, of the test examples, on which both are compared in pairs.

    Args:
        group: the task's cells, best first.
        outcomes: of its test examples.
    """
    scored = [cell for cell in group if cell.scores]
    if not scored:
        return None
    best = scored[0]
    measure = Objective(best.metric, best.direction)
    rival = strongest(best.baseline, best.rivals, measure)
    if rival is None:
        return None
    groups = len(scored) + 1
    level = confidence_at(best.seeds, best.looks)
    found = distance_from(rival.value, best.sample, groups=groups, confidence=level)
    paired = False
    if outcomes and best.space in outcomes.values and rival.name in outcomes.rivals:
        both = {"": outcomes.values[best.space], rival.name: outcomes.rivals[rival.name]}
        other = compare_examples(
            "", both, measure=outcomes.measure, block=outcomes.block, confidence=level
        )
        further = other[rival.name].uncertainty
        whole = distance_from(
            rival.value, best.sample, groups=groups, confidence=level, further=further
        )
        # Never narrower than that of one source of luck alone.
        lows, highs = (found.low, whole.low), (found.high, whole.high)
        found, paired = Interval(found.mean, min(lows), max(highs)), not math.isnan(whole.low)
    return Beside(best.space, rival, found, standing(found, measure), paired)
