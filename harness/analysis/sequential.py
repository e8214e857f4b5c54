"""Verdicts looked at again as seeds are added: what each look may spend of the error level.

Whoever looks at an interval again and again, and stops as soon as it is clear of zero, calls equal
architectures different more often than the level of the interval says: with 95 % intervals after
3, 5, 8 and 12 seeds in 12 % of the sweeps. So each look is given a level of its own, such that all
of them together err as one would: a group-sequential design.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.05
"""Share of sweeps of equal architectures in which any look may find a difference."""
POWER = 1.5
"""Of the spending function: the larger, the more is kept for the last look. See `confidences`."""
_POINTS = 801
"""Of the grid on which densities are followed; three times as many move no level by 0.1 %."""


@functools.cache
def confidences(looks: tuple[int, ...], level: float = LEVEL) -> tuple[float, ...]:
    """Confidence of the intervals at each look, such that all looks keep one error level.

    Alpha spending: Lan and DeMets (1983), "Discrete sequential boundaries for clinical trials",
    Biometrika 70(3), with the power family of Kim and DeMets (1987), "Design and analysis of group
    sequential tests based on the type I error spending rate function", Biometrika 74(1): after the
    share t of the most seeds, `level * t ** POWER` is spent. The boundaries are those of a normal
    mean that is looked at as often, worked out by the recursion of Armitage, McPherson and Rowe
    (1969), "Repeated significance tests on accumulating data", JRSS A 132(2). As the variance is
    estimated, their nominal levels are applied to the t, or studentized range, statistics of each
    look (Jennison and Turnbull 2000, "Group sequential methods", section 3.8), which is no exact
    rule; `python -m benchmarks.looks` simulates what it keeps.

    Args:
        looks: how many seeds there are at each, rising; all are planned before the first.
        level: of all together.

    Returns:
        A confidence for each look; that of a single one is `1 - level`.
    """
    import scipy.optimize
    import scipy.stats

    shares = [seeds / looks[-1] for seeds in looks]
    spent, before, found = 0.0, 0.0, []
    sums = _Sums(np.zeros(1), np.ones(1))
    for share in shares:
        step, due = math.sqrt(share - before), level * share**POWER - spent
        wanted = functools.partial(sums.beyond, root=math.sqrt(share), step=step, less=due)
        bound = scipy.optimize.brentq(wanted, 0.0, 12.0)
        found.append(float(1 - 2 * scipy.stats.norm.sf(bound)))
        sums = sums.within(bound * math.sqrt(share), step)
        spent, before = spent + due, share
    return tuple(found)


@dataclass(frozen=True)
class _Sums:
    """Where the sum of all so far is, if no look has stopped yet: points, and the mass at each."""

    points: npt.NDArray[np.float64]
    mass: npt.NDArray[np.float64]

    def beyond(self, z: float, root: float, step: float, less: float) -> float:
        """Chance that the next look stops outside of `z` standard errors, and none did before,
        less a number.

        Args:
            z: so many, each of `root`.
            root: standard deviation of the next sum.
            step: that of what is added to this one.
            less: the number.
        """
        import scipy.stats

        cdf = scipy.stats.norm.cdf
        out = cdf((self.points - z * root) / step) + cdf((-z * root - self.points) / step)
        return float(out @ self.mass) - less

    def within(self, end: float, step: float) -> "_Sums":
        """The next sum, where it stays within its ends."""
        import scipy.stats

        points = np.linspace(-end, end, _POINTS)
        weights = np.full(_POINTS, points[1] - points[0])
        weights[[0, -1]] /= 2
        reached = scipy.stats.norm.pdf((points[:, None] - self.points) / step) / step @ self.mass
        return _Sums(points, reached * weights)


def confidence_at(seeds: int, looks: tuple[int, ...]) -> float:
    """Confidence of the intervals of a pair that has come to so many seeds.

    Args:
        seeds: of the one that has more.
        looks: all that were planned; none where the verdict is looked at once.
    """
    if not looks:
        return 1 - LEVEL
    number = sum(look < seeds for look in looks)
    return confidences(looks)[min(number, len(looks) - 1)]
