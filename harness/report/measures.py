"""What each test example contributes to a metric, found in the outcomes that a task keeps."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harness.report.paired import Floats, Measure, mean

Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]
"""The outcomes of one model by name, each with the test examples as its first axis."""
PAIRS = (("prediction", "truth"), ("hypothesis", "reference"))
"""Names of what a model said and of what would have been right."""


@dataclass(frozen=True)
class Contribution:
    """One way from the outcomes of a model to its metric."""

    what: str
    """As a person would say it."""
    parts: Callable[[Arrays], Floats]
    """From the outcomes to what each example contributes, shape (examples, parts)."""
    measure: Measure
    """From the means of the parts to the metric."""
    tolerance: float = 1e-4
    """How far it may be off the recorded metric, as a share of it: outcomes are rounded."""


def contributions(arrays: Arrays) -> Iterator[Contribution]:
    """The ways that outcomes of these names and types may add up to a metric.

    They are the mean of an outcome, the same in percent; the exponential of a mean negative
    log-likelihood, which is perplexity; the share of answers that are right; and BLEU.
    """
    for name, array in arrays.items():
        if array.ndim == 1 and array.dtype.kind in "biuf":
            yield Contribution(f"mean of {name}", _column(name), mean)
            yield Contribution(f"mean of {name}, in percent", _column(name), _percent)
            # The last stretch of a text is shorter than the others, and counts as much here.
            yield Contribution(f"exponential of the mean {name}", _column(name), _exponential, 0.01)
    for said, right in PAIRS:
        if said in arrays and right in arrays and arrays[said].ndim == arrays[right].ndim == 1:
            yield Contribution(f"{said}s equal to the {right}", _equal(said, right), mean)
            if arrays[said].dtype.kind == arrays[right].dtype.kind == "U":
                yield Contribution("BLEU of the sentences drawn", _bleu_parts(said, right), bleu)


def bleu(parts: Floats) -> Floats:
    """BLEU of a corpus, 0 to 100, from means or sums over its sentences.

    Papineni et al. (2002), "BLEU: a method for automatic evaluation of machine translation",
    ACL. Without smoothing: 0 where no n-gram of an order matches.

    Args:
        parts: shape (..., 10): matches and n-grams of orders 1 to 4, lengths of hypothesis and
            reference in tokens.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.exp(np.log(parts[..., :4] / parts[..., 4:8]).mean(axis=-1))
        brevity = np.exp(np.minimum(0, 1 - parts[..., 9] / parts[..., 8]))
    return np.asarray(100 * np.nan_to_num(precision * brevity))


def _column(name: str) -> Callable[[Arrays], Floats]:
    return lambda arrays: np.asarray(arrays[name], np.float64)[:, None]


def _equal(said: str, right: str) -> Callable[[Arrays], Floats]:
    return lambda arrays: np.asarray(arrays[said] == arrays[right], np.float64)[:, None]


def _bleu_parts(said: str, right: str) -> Callable[[Arrays], Floats]:
    def parts(arrays: Arrays) -> Floats:
        from sacrebleu.metrics.bleu import BLEU

        # The effective order changes the score of a sentence and not what it is made from.
        metric = BLEU(effective_order=True)
        scores = [
            metric.sentence_score(str(hypothesis), [str(reference)])
            for hypothesis, reference in zip(arrays[said], arrays[right], strict=True)
        ]
        return np.array([[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scores], np.float64)

    return parts


def _percent(parts: Floats) -> Floats:
    return 100 * parts[..., 0]


def _exponential(parts: Floats) -> Floats:
    # Beyond this a mean is no log-likelihood, and its exponential would overflow.
    return np.asarray(np.exp(np.minimum(parts[..., 0], 700.0)))
