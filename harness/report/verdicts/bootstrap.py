"""Architectures compared on the same test examples: would other examples undo a difference?"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.stats

from harness.analysis.statistics import Comparison, Interval, Uncertainty, unit

Floats: TypeAlias = npt.NDArray[np.float64]
Measure: TypeAlias = Callable[[Floats], Floats]
"""From means over examples, shape (..., parts), to a metric, shape (...)."""

REPLICATES = 2000
"""Resamples of the test examples: the ends of an interval move by about 2 % of its width."""
CHUNK = 100
"""Most resamples drawn at once."""
DRAWN_AT_ONCE = 2_000_000
"""Test examples drawn at once, which bounds the memory to some 50 MB."""
FEWEST_BLOCKS = 10
"""With fewer stretches of examples to draw from, a bootstrap says little."""


@dataclass(frozen=True)
class Paired:
    """The difference of two architectures on the same test examples."""

    comparison: Comparison
    uncertainty: Uncertainty
    """Variance of the difference over other choices of the test examples."""


def mean(parts: Floats) -> Floats:
    """The measure of outcomes whose mean is the metric, such as `correct`."""
    return parts[..., 0]


def compare_examples(
    best: str,
    outcomes: Mapping[str, npt.ArrayLike],
    *,
    measure: Measure = mean,
    block: int = 1,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
) -> dict[str, Paired]:
    """How far `best` is from each other architecture, had the test examples been others.

    The paired bootstrap: Efron (1979), "Bootstrap methods: another look at the jackknife",
    Annals of Statistics 7(1); for metrics of language Koehn (2004), "Statistical significance
    tests for machine translation evaluation", EMNLP. Each replicate draws as many test examples
    as there are, with replacement, the same ones for all architectures, and takes the metric
    over them, averaged over seeds. The trained models stay as they are: the interval holds the
    luck of the test examples and no other.

    The intervals hold jointly for all pairs of architectures, so that the best of them may be
    chosen after the scores are seen: their half width is a quantile of the largest studentized
    deviation among all pairs (Romano and Wolf 2005, "Exact and approximate stepdown methods for
    multiple hypothesis testing", JASA 100(469), of which this is the first step). It is widened
    by the ratio of Student's to the normal quantile, as a bootstrap of few draws is too narrow
    (Hesterberg 2015, "What teachers should know about the bootstrap", American Statistician
    69(4)).

    Examples that follow each other in a series are no independent draws: they are drawn in
    blocks, from a series closed to a circle (Politis and Romano 1992, "A circular block
    resampling procedure for stationary data").

    Args:
        best: name of the architecture that is compared with all others.
        outcomes: finite values by architecture, shape (seeds, examples) or (seeds, examples,
            parts): what each example contributes. All have the same examples in the same order.
        measure: gives the metric of one model from the means of its parts over examples.
        block: examples in a block; 1 where they are independent.
        confidence: joint confidence of the intervals of all pairs.
        replicates: how many resamples are drawn; always the same ones.

    Returns:
        By architecture, without the best. A difference that no choice of examples changes has
        an interval without width.

    Raises:
        ValueError: the numbers of examples differ, or there are fewer than two blocks.
    """
    arrays = {name: _with_parts(values) for name, values in outcomes.items()}
    examples = {array.shape[1] for array in arrays.values()}
    if len(examples) != 1:
        raise ValueError(f"expected the same examples, found {sorted(examples)} of them")
    drawn = math.ceil(max(examples) / block)
    if drawn < 2:
        raise ValueError(f"a block of {block} examples out of {max(examples)}")
    observed, deviations = _resampled(arrays, measure, block, replicates)
    pairs = list(itertools.combinations(arrays, 2))
    scale = unit(list(observed.values()))
    differences = np.array([observed[a] / scale - observed[b] / scale for a, b in pairs])
    spread = np.stack([(deviations[a] - deviations[b]) / scale for a, b in pairs], axis=-1)
    errors = np.sqrt(np.square(spread).mean(axis=0) * drawn / (drawn - 1))
    # Rounding must not make a difference of what is equal on every example.
    errors[errors <= 1e-12 * np.max(np.abs(list(observed.values()))) / scale] = 0
    largest = np.max(np.abs(spread) / np.where(errors > 0, errors, np.inf), axis=1)
    upper = (1 + confidence) / 2
    wider = scipy.stats.t.ppf(upper, drawn - 1) / scipy.stats.norm.ppf(upper)
    halves = wider * np.quantile(largest, confidence) * errors
    found = {}
    for pair, *numbers in zip(pairs, differences, halves, errors, strict=True):
        if best in pair:
            difference, half, error = map(float, numbers)
            difference *= 1 if pair[0] == best else -1
            ends = (difference, difference - half, difference + half)
            found[pair[1] if pair[0] == best else pair[0]] = Paired(
                Comparison(Interval(*(end * scale for end in ends))),
                Uncertainty(error * scale * error * scale, drawn - 1),
            )
    return found


def dependence(series: npt.ArrayLike) -> int:
    """Over how many steps the values of a series depend on each other; 0 for independent ones.

    The rule of Politis and White (2004), "Automatic block-length selection for the dependent
    bootstrap", Econometric Reviews 23(1): the lag behind which the autocorrelations of several
    lags in a row are what noise alone would give.

    Args:
        series: shape (steps,).
    """
    values = np.asarray(series, np.float64)
    steps = len(values)
    values = values / unit(values)
    if steps < 2 or np.ptp(values) == 0:
        return 0
    covariance = _autocovariance(values)
    limit = 2 * math.sqrt(math.log10(steps) / steps)
    beyond = np.abs(covariance[1:] / covariance[0]) > limit
    run = min(max(5, math.ceil(math.log10(steps))), len(beyond))
    quiet = np.convolve(beyond, np.ones(run), "valid") == 0
    return int(np.argmax(quiet)) if quiet.any() else steps


def _autocovariance(series: Floats) -> Floats:
    """At every lag, shape (steps,)."""
    steps = len(series)
    spectrum = np.fft.rfft(series - series.mean(), 2 * steps)
    return np.asarray(np.fft.irfft(spectrum * spectrum.conj())[:steps] / steps)


def block_length(outcomes: Sequence[npt.ArrayLike]) -> int:
    """How long the blocks of examples that follow each other in a series must be.

    The best length for a circular block bootstrap of the mean: Politis and White (2004),
    "Automatic block-length selection for the dependent bootstrap", Econometric Reviews 23, as
    corrected by Patton, Politis and White (2009), ibid. 28. Of the differences between two
    architectures, the median over all pairs, as all are resampled together.

    Args:
        outcomes: of two architectures or more, shape (seeds, examples).
    """
    series = [np.mean(np.asarray(values, np.float64), axis=0) for values in outcomes]
    found = [_best_block(a - b) for a, b in itertools.combinations(series, 2)]
    return max(1, math.ceil(float(np.median(found))))


def _best_block(series: Floats) -> float:
    bandwidth = 2 * dependence(series)
    if not bandwidth:
        return 1.0
    steps = len(series)
    covariance = _autocovariance(series / unit(series))[: bandwidth + 1]
    lags = np.arange(len(covariance))
    # A window that is flat up to half the bandwidth and then falls to zero.
    weighed = np.minimum(1, 2 * (1 - lags / bandwidth)) * covariance
    bias = 2 * float((lags * weighed).sum())
    variance = float(weighed[0] + 2 * weighed[1:].sum())
    longest = math.ceil(min(3 * math.sqrt(steps), steps / 3))
    if variance <= 0:
        return float(longest)
    return min(float(longest), math.cbrt(1.5 * (bias / variance) ** 2 * steps))


def _resampled(
    arrays: Mapping[str, Floats], measure: Measure, block: int, replicates: int
) -> tuple[dict[str, float], dict[str, Floats]]:
    """The metric of each architecture, and how far each replicate is from it."""
    columns = {name: array.swapaxes(0, 1).reshape(array.shape[1], -1)
               for name, array in arrays.items()}  # fmt: skip
    table = np.concatenate(list(columns.values()), axis=1)
    means = np.vstack([table.mean(axis=0), _means(table, block, replicates)])
    # Whole blocks hold a few examples more than there are, and so vary a little less.
    whole = math.ceil(len(table) / block) * block
    observed, deviations, first = {}, {}, 0
    for name, array in arrays.items():
        own = means[:, first : first + columns[name].shape[1]]
        first += own.shape[1]
        seeds, _, parts = array.shape
        metric = measure(own.reshape(len(own), seeds, parts)).mean(axis=1)
        observed[name] = float(metric[0])
        deviations[name] = (metric[1:] - metric[0]) * math.sqrt(whole / len(table))
    return observed, deviations


def _means(table: Floats, block: int, replicates: int) -> Floats:
    """Means of the columns over resampled rows, shape (replicates, columns)."""
    rows = len(table)
    closed = np.concatenate([np.zeros_like(table[:1]), table, table[: block - 1]])
    sums = np.cumsum(closed, axis=0)
    blocks = table if block == 1 else sums[block:] - sums[:-block]
    drawn = math.ceil(rows / block)
    random = np.random.default_rng(0)
    found = np.empty((replicates, table.shape[1]))
    chunk = max(1, min(CHUNK, DRAWN_AT_ONCE // rows))
    for first in range(0, replicates, chunk):
        size = min(chunk, replicates - first)
        starts = random.integers(rows, size=(size, drawn)) + rows * np.arange(size)[:, None]
        counts = np.bincount(starts.ravel(), minlength=size * rows).reshape(size, rows)
        found[first : first + size] = counts @ blocks / (drawn * block)
    return found


def _with_parts(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, np.float64)
    return array if array.ndim == 3 else array[..., None]
