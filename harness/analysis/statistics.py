"""How sure the answer is: intervals over seeds, and comparisons that allow for luck."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.spec import Direction

FAR = 10
Verdict = Literal["different", "not distinguishable", "unknown"]


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval; `low` and `high` are NaN where there is none."""

    mean: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether zero lies in the interval, ends included."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """The difference of two means, and what may be concluded from it."""

    difference: Interval
    p_value: float = math.nan
    """Chance of a difference at least as large between equal means; NaN where not worked out."""

    @property
    def verdict(self) -> Verdict:
        """`not distinguishable` where the interval holds zero, `unknown` without one."""
        if math.isnan(self.difference.low):
            return "unknown"
        return "not distinguishable" if self.difference.holds_zero else "different"


@dataclass(frozen=True)
class Uncertainty:
    """How far an estimate may be off: its variance, and how well that is known."""

    variance: float
    freedom: float
    """Degrees of freedom of the variance."""


def mean_interval(
    values: Sequence[float],
    confidence: float = 0.95,
    ends: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """The mean of independent values, such as test scores over seeds, with its t interval.

    Student (1908), "The probable error of a mean", Biometrika 6. The interval says how
    far the seed of the training moves the mean; it says nothing of the choice of the test
    examples. With few seeds that of an accuracy near 1 would go beyond 1: it is cut at the ends
    of the metric's scale, which costs no coverage, as no true mean lies beyond them.

    A bootstrap interval would not do in its place: the three values of three seeds have ten
    different resamples, and the percentile interval of normal values then holds the true mean
    in 75 % of the cases rather than 95 % (of five values: 84 %), as Hesterberg (2015), "What
    teachers should know about the bootstrap", American Statistician 69(4) warns.

    Args:
        values: finite values; one gives no interval (NaN), none gives NaN throughout,
            equal ones give an interval without width.
        confidence: share of such intervals that hold the true mean.
        ends: of the scale, between which all values lie.
    """
    count = len(values)
    scale = unit(values)
    scaled = [value / scale for value in values]
    mean = math.fsum(scaled) / count if count else math.nan
    if count < 2:
        return Interval(mean * scale, math.nan, math.nan)
    if min(values) == max(values):
        return Interval(values[0], values[0], values[0])
    error = math.sqrt(_variance_of_mean(scaled))
    half = _student_quantile(confidence, count - 1) * error
    low, high = (mean - half) * scale, (mean + half) * scale
    return Interval(mean * scale, max(low, ends[0]), min(high, ends[1]))


def compare(
    a: Sequence[float],
    b: Sequence[float],
    *,
    groups: int = 2,
    confidence: float = 0.95,
    further: Uncertainty | None = None,
) -> Comparison:
    """The difference mean(a) - mean(b) of two out of `groups` samples.

    The Games-Howell procedure: Games and Howell (1976), "Pairwise multiple comparison
    procedures with unequal N's and/or variances", Journal of Educational Statistics 1(2).
    It does not assume equal variances, and the chance of any false difference among all
    pairs of `groups` samples is 1 - confidence, so that the best of them may be chosen
    after the scores are seen. With two groups it is Welch's t test (Welch 1947, "The
    generalization of Student's problem", Biometrika 34). The samples are taken as
    unpaired: seed 0 of one architecture has nothing in common with seed 0 of another.
    `scipy.stats.tukey_hsd(equal_var=False)` gives the same for all pairs at once; here
    only the pairs that are told are computed, because each quantile takes long.

    Another source of luck that does not depend on this one, such as the choice of the test
    examples, adds its variance, with degrees of freedom by Satterthwaite (1946), "An
    approximate distribution of estimates of variance components", Biometrics Bulletin 2(6).
    That all sources count: Bouthillier et al. (2021), "Accounting for variance in machine
    learning benchmarks", MLSys.

    Args:
        a, b: finite values; with fewer than two in either, nothing is known (NaN). If
            nothing varies, the interval has no width.
        groups: number of samples that are compared with each other.
        confidence: joint confidence of the intervals of all pairs.
        further: what else makes the difference uncertain.
    """
    if not len(a) or not len(b):
        return Comparison(Interval(math.nan, math.nan, math.nan), math.nan)
    scale = unit([*a, *b])
    samples = [[value / scale for value in sample] for sample in (a, b)]
    means = [math.fsum(sample) / len(sample) for sample in samples]
    difference = means[0] - means[1]

    def interval(half: float) -> Interval:
        ends = (difference, difference - half, difference + half)
        return Interval(*(end * scale for end in ends))

    if len(a) < 2 or len(b) < 2:
        return Comparison(interval(math.nan), math.nan)
    sources = [Uncertainty(_variance_of_mean(sample), len(sample) - 1) for sample in samples]
    if further is not None:
        sources.append(Uncertainty(further.variance / scale / scale, further.freedom))
    total = sum(source.variance for source in sources)
    if total == 0:
        return Comparison(interval(0.0), float(difference == 0))
    if math.isinf(total):
        return Comparison(interval(math.inf), 1.0)
    # The studentized range is that of two means with one standard error between them.
    p_value = _studentized_tail(abs(difference) / math.sqrt(total / 2), groups, _freedom(sources))
    return Comparison(interval(half_width(sources, groups, confidence)), p_value)


def half_width(sources: Sequence[Uncertainty], groups: int, confidence: float) -> float:
    """Half of the interval of the difference of two out of `groups` means, as `compare` has it.

    Args:
        sources: what makes the difference uncertain; variances that are finite, and not all 0.
        groups: means that are compared with each other.
        confidence: joint confidence of the intervals of all pairs.
    """
    error = math.sqrt(sum(source.variance for source in sources) / 2)
    return _studentized_quantile(confidence, groups, _freedom(sources)) * error


def _freedom(sources: Sequence[Uncertainty]) -> float:
    """Of the sum of variances, by Satterthwaite."""
    total = sum(source.variance for source in sources)
    return 1 / sum((source.variance / total) ** 2 / source.freedom for source in sources)


def distance_from(
    value: float,
    sample: Sequence[float],
    *,
    groups: int = 2,
    confidence: float = 0.95,
    further: Uncertainty | None = None,
) -> Interval:
    """The mean of a sample minus a value that has no luck of its own, such as the score of a method
    without a seed.

    With two groups it is Student's t interval. Of more, one for all samples and the value, so that
    the best sample may be chosen after the scores are seen; see `compare`.

    Args:
        value: what the sample is compared with.
        sample: finite values; with fewer than two nothing is known (NaN).
        groups: number of samples that may be compared with it, and 1 for itself.
        confidence: of the interval.
        further: what else makes the difference uncertain.
    """
    if not sample:
        return Interval(math.nan, math.nan, math.nan)
    scale = unit([*sample, value])
    scaled = [own / scale for own in sample]
    mean = math.fsum(scaled) / len(scaled) - value / scale
    if len(sample) < 2:
        return Interval(mean * scale, math.nan, math.nan)
    sources = [Uncertainty(_variance_of_mean(scaled), len(sample) - 1)]
    if further is not None:
        sources.append(Uncertainty(further.variance / scale / scale, further.freedom))
    total = sum(source.variance for source in sources)
    half = total
    if 0 < total < math.inf:
        half = half_width(sources, groups, confidence)
    return Interval(mean * scale, (mean - half) * scale, (mean + half) * scale)


def compare_with(
    best: str,
    samples: Mapping[str, Sequence[float]],
    confidence: float | Mapping[str, float] = 0.95,
    further: Mapping[str, Uncertainty] = MappingProxyType({}),
) -> dict[str, Comparison]:
    """How far `best` is from each other sample, with the joint confidence of `compare`.

    Args:
        best: name of the sample that is compared with all others.
        samples: values by name; those with fewer than two make no comparison harder.
        confidence: of all intervals, or of each by the name of the other sample.
        further: what else makes the difference to a sample uncertain, by its name.
    """
    groups = groups_of(samples)

    def confidence_of(name: str) -> float:
        return confidence if isinstance(confidence, float) else confidence[name]

    return {
        name: compare(
            samples[best],
            values,
            groups=groups,
            confidence=confidence_of(name),
            further=further.get(name),
        )
        for name, values in samples.items()
        if name != best
    }


def groups_of(samples: Mapping[str, Sequence[float]]) -> int:
    """How many samples are compared with each other: those with two values at least."""
    return max(2, sum(len(values) >= 2 for values in samples.values()))


def corrected_interval(values: npt.ArrayLike, ratio: float, confidence: float = 0.95) -> Interval:
    """Mean and t interval of a measure over repeated splits of the same data.

    Nadeau and Bengio (2003), "Inference for the generalization error", Machine Learning 52(3): the
    variance of the mean of J splits is not S² / J but about S² (1 / J + held out / trained on),
    because the splits overlap.

    Args:
        values: one a split, at least two.
        ratio: examples held out to examples trained on.
        confidence: share of such intervals that hold the true mean.
    """
    measured = np.asarray(values, dtype=np.float64)
    count = len(measured)
    mean = float(measured.mean())
    error = math.sqrt(float(measured.var(ddof=1)) * (1 / count + ratio))
    half = _student_quantile(confidence, count - 1) * error
    return Interval(mean, mean - half, mean + half)


def running_best(scores: npt.ArrayLike, direction: Direction) -> npt.NDArray[np.float64]:
    """The best score so far at each point of a series; what is not finite counts as none.

    Args:
        scores: shape (points,), in the order they were reached.
        direction: which way scores get better.

    Returns:
        Shape (points,); NaN up to the first finite score.
    """
    values = np.asarray(scores, dtype=np.float64)
    known = np.where(np.isfinite(values), values, np.nan)
    best = np.fmax if direction == "max" else np.fmin
    return np.asarray(best.accumulate(known)) if known.size else known


def far_apart(values: Sequence[float], direction: Direction) -> bool:
    """Whether errors differ by more than `FAR` times, as when one of many models has failed.

    They then need a logarithmic scale: on any other, all but the failure are one point.
    """
    if direction == "max" or not values:
        return False
    return min(values) > 0 and max(values) > FAR * min(values)


def unit(values: npt.ArrayLike) -> float:
    """A power of two about as large as the largest value: in it, squares neither overflow nor
    vanish, and nothing is rounded.

    The perplexity of a model that failed may have hundreds of digits.
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest else 1.0


def _student_quantile(confidence: float, freedom: float) -> float:
    """Half the width of a two-sided interval, in standard errors."""
    # Imported where it is needed: the command line and MLflow wait for it otherwise.
    import scipy.stats

    return float(scipy.stats.t.ppf((1 + confidence) / 2, freedom))


@functools.cache
def _studentized_quantile(confidence: float, groups: int, freedom: float) -> float:
    import scipy.stats

    if groups == 2:
        return _student_quantile(confidence, freedom) * math.sqrt(2)
    # Kept, as each takes a tenth of a second and table and sentence ask for the same ones.
    return float(scipy.stats.studentized_range.ppf(confidence, groups, freedom))


def _studentized_tail(value: float, groups: int, freedom: float) -> float:
    import scipy.stats

    if groups == 2:
        return float(2 * scipy.stats.t.sf(value / math.sqrt(2), freedom))
    return float(scipy.stats.studentized_range.sf(value, groups, freedom))


def _variance_of_mean(values: Sequence[float]) -> float:
    # Equal values must give exactly zero, which the sum of squares may miss by rounding.
    if min(values) == max(values):
        return 0.0
    return float(np.var(values, ddof=1)) / len(values)
