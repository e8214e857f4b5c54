"""Simple methods beside the architectures: the best of them, and whether a network beats it."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.analysis.statistics import Interval
from harness.spec import Objective
from harness.system.markdown import plain

Standing: TypeAlias = Literal["beaten", "ahead of", "not told from", "unbeaten"]
"""What a simple method is to the best architecture: `ahead of` where its mean is better and nothing
is known of its luck."""


@dataclass(frozen=True)
class Rival:
    """A simple method and its score on the test split."""

    name: str
    """In words; empty for the trivial predictor."""
    value: float

    @property
    def described(self) -> str:
        """In a sentence, such as `a ridge regression`."""
        if not self.name:
            return "the trivial baseline"
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {plain(self.name)}"


def rivals_of(
    baseline: Mapping[str, float], metric: str, metrics: Collection[str]
) -> dict[str, float]:
    """Scores of simple methods by name: of perplexity, those under `perplexity_<name>`.

    Args:
        baseline: as the journal has it.
        metric: that architectures are compared by.
        metrics: names of test metrics of the models; one of these that begins likewise is no
            baseline.
    """
    prefix = f"{metric}_"
    return {
        name.removeprefix(prefix).replace("_", " "): value
        for name, value in baseline.items()
        if name.startswith(prefix) and f"test_{name}" not in metrics
    }


def strongest(trivial: float, rivals: Mapping[str, float], measure: Objective) -> Rival | None:
    """The best of the simple methods, the trivial predictor among them (NaN if there is none)."""
    known = [Rival(name, value) for name, value in {"": trivial, **rivals}.items()]
    finite = [rival for rival in known if math.isfinite(rival.value)]
    choose = max if measure.direction == "max" else min
    return choose(finite, key=lambda rival: rival.value) if finite else None


def standing(found: Interval, measure: Objective) -> Standing:
    """What a difference, architecture minus simple method, says."""
    better = found.mean > 0 if measure.direction == "max" else found.mean < 0
    if not better:
        return "unbeaten"
    if math.isnan(found.low):
        return "ahead of"
    return "not told from" if found.holds_zero else "beaten"
