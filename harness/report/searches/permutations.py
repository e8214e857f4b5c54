"""What a search would have shown, had the same trials come in another order.

The trials of a random search are exchangeable: each order of them was as likely as the one that
happened. So the best score after some trials, or after some seconds, has a distribution that
follows from the trials that were seen. Only the first trial has its place, as it is the default
configuration in every search.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.special

from harness.spec import Direction

Numbers = npt.NDArray[np.float64]

TAIL = 0.05
"""What the bands leave out on either side."""
POINTS = 100
"""Most points of a curve."""
ORDERS = 200
"""Orders that are drawn where counting all of them would take too long."""


@dataclass(frozen=True)
class Band:
    """The best score so far over all orders of the trials, each of shape (points,)."""

    x: Numbers
    """Trials or seconds so far."""
    mean: Numbers
    low: Numbers
    """Reached or fallen short of by all but 5 % of the orders; NaN where more have no score."""
    high: Numbers


@dataclass(frozen=True)
class Trials:
    """The search trials of a cell as arrays; the first one keeps its place."""

    cost: Numbers
    """Seconds of each trial, shape (trials,)."""
    seconds: Numbers
    """Seconds from a trial's start to each of its scores, shape (trials, points), rising."""
    scores: Numbers
    """Scores at these times, of the same shape; what is not finite counts as none."""
    direction: Direction

    @property
    def gains(self) -> Numbers:
        """Scores such that greater is better and none is the worst."""
        return _gains(self.scores, self.direction)


def by_trials(scores: npt.ArrayLike, direction: Direction) -> Band:
    """The expected best of the first k trials, and where the middle 90 % of the orders lie.

    Dodge, Gururangan, Card, Schwartz and Smith (2019), "Show Your Work: Improved Reporting of
    Experimental Results", EMNLP, report the expected best of k draws. Their estimator draws with
    replacement and is biased; this one draws without, as Tang, Lee, Xin, Liu, Yu and Lin (2020),
    "Showing Your Work Doesn't Always", ACL, show to be unbiased: the i-th worst of n is the best
    of k in C(i - 1, k - 1) out of C(n, k) cases. Failed trials are draws without a score. Mean
    and band are given from the k on at which more than 95 % of the orders have a score, and the
    mean is that of these.

    The band is exact for the trials that were seen. It is no confidence band: the last k knows
    one best score only, and a better configuration that was never drawn is not in it (Lourie, Cho
    and He 2024, "Show Your Work with Confidence", NAACL, on bands that allow for those; with some
    tens of trials they have no upper end).

    Args:
        scores: shape (trials,), at least one, the first of them the trial that is always first.
        direction: which way scores get better.
    """
    gains = _gains(np.asarray(scores, dtype=np.float64), direction)
    count = len(gains)
    x = np.unique(np.linspace(1, count, min(count, POINTS)).round()).astype(np.int64)
    # Whatever else is drawn, the first trial is among those tried.
    gains = np.append(gains[0], np.sort(np.maximum(gains[1:], gains[0])))
    shares = np.zeros((len(x), count))
    shares[:, 1:] = _shares_of_best(count - 1, x - 1)
    shares[x == 1, 0] = 1
    known = np.isfinite(gains)
    scored = shares[:, known].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = shares[:, known] @ gains[known] / scored
    # One place short of the share by rounding would be one trial off.
    steps = np.cumsum(shares, axis=1) + 1e-9
    low, high = (gains[np.argmax(steps >= share, axis=1)] for share in (TAIL, 1 - TAIL))
    return _band(x.astype(np.float64), (mean, low, high), scored, direction)


def by_seconds(trials: Trials, seed: int = 0) -> Band:
    """The best score after some seconds of search, over `ORDERS` random orders of the trials.

    As `by_trials`, with costs: trials that take long use up the seconds of others. Costs and
    scores go together, so that this is drawn and not computed.
    """
    x = np.linspace(0, trials.cost.sum(), POINTS)
    found = np.empty((ORDERS, len(x)))
    # The sum of all costs depends on their order by a rounding.
    until = x * (1 + 1e-9)
    for row, (seconds, best) in zip(found, _orders(trials, seed), strict=True):
        row[:] = np.append(-np.inf, best)[np.searchsorted(seconds, until, side="right")]
    found.sort(axis=0)
    known = np.isfinite(found)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, found, 0).sum(axis=0) / known.sum(axis=0)
    low, high = (found[round(share * ORDERS) - 1] for share in (TAIL, 1 - TAIL))
    return _band(x, (mean, low, high), known.mean(axis=0), trials.direction)


def seconds_to(target: float, trials: Trials, seed: int = 0) -> Numbers:
    """Seconds until the best score reaches a target, in `ORDERS` random orders of the trials.

    Returns:
        Shape (ORDERS,); infinite where it is never reached.
    """
    goal = target if trials.direction == "max" else -target
    times = []
    for seconds, best in _orders(trials, seed):
        place = np.searchsorted(best, goal)
        times.append(seconds[place] if place < len(best) else np.inf)
    return np.array(times)


def observed(trials: Trials) -> tuple[Numbers, Numbers]:
    """Seconds and best score so far, in the order that happened; NaN up to the first score."""
    seconds, best = _path(trials.cost, trials.seconds, trials.gains)
    best = np.where(np.isfinite(best), best, np.nan)
    return seconds, best if trials.direction == "max" else -best


def _orders(trials: Trials, seed: int) -> Iterator[tuple[Numbers, Numbers]]:
    random = np.random.default_rng(seed)
    gains = trials.gains
    for _ in range(ORDERS):
        order = np.append(0, 1 + random.permutation(len(gains) - 1))
        yield _path(trials.cost[order], trials.seconds[order], gains[order])


def _path(cost: Numbers, seconds: Numbers, gains: Numbers) -> tuple[Numbers, Numbers]:
    starts = np.cumsum(cost) - cost
    times = (starts[:, None] + seconds).ravel()
    return times, np.maximum.accumulate(gains.ravel())


def _gains(scores: Numbers, direction: Direction) -> Numbers:
    signed = scores if direction == "max" else -scores
    return np.where(np.isfinite(scores), signed, -np.inf)


def _shares_of_best(count: int, draws: npt.NDArray[np.int64]) -> Numbers:
    """How often the i-th worst of `count` is the best of so many draws, shape (draws, count)."""
    rank = np.arange(1, count + 1)
    with np.errstate(invalid="ignore"):
        ways = _log_choose(rank - 1, draws[:, None] - 1) - _log_choose(count, draws)[:, None]
    return np.where((rank >= draws[:, None]) & (draws[:, None] > 0), np.exp(ways), 0.0)


def _log_choose(n: npt.ArrayLike, k: npt.ArrayLike) -> Numbers:
    n, k = np.asarray(n), np.asarray(k)
    log = scipy.special.gammaln(n + 1.0) - scipy.special.gammaln(k + 1.0)
    return np.asarray(log - scipy.special.gammaln(n - k + 1.0))


def _band(
    x: Numbers, gains: tuple[Numbers, Numbers, Numbers], scored: Numbers, direction: Direction
) -> Band:
    """Gains as scores again, where enough orders have one."""
    enough = scored > 1 - TAIL + 1e-9
    mean, low, high = (np.where(enough & np.isfinite(v), v, np.nan) for v in gains)
    return Band(x, mean, low, high) if direction == "max" else Band(x, -mean, -high, -low)
