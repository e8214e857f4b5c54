"""The ways in which what a model did on each test example adds up to a metric."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harness.kinds.files.text_files import OUTSIDE
from harness.kinds.imbalance import MARGIN
from harness.report.verdicts import rankings
from harness.report.verdicts.bootstrap import Floats, Measure, mean

Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]
"""The outcomes of one model by name, each with the test examples as its first axis."""
PAIRS = (("prediction", "truth"), ("hypothesis", "reference"))
"""Names of what a model said and of what would have been right."""
MOST_CLASSES = 100
"""Beyond which F1 is not resampled: it takes three numbers of each example for each class."""


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
    log-likelihood, which is perplexity; the share of answers that are right; F1, macro-averaged
    over classes or of entities; balanced accuracy; ROC AUC and average precision; correlations; and
    BLEU.
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
            kinds = arrays[said].dtype.kind + arrays[right].dtype.kind
            if kinds == "UU" and _are_tags(arrays[right]):
                yield Contribution("F1 of the entities drawn", _entity_parts(said, right), f1)
            elif kinds == "UU":
                yield Contribution("BLEU of the sentences drawn", _bleu_parts(said, right), bleu)
            elif set(kinds) <= set("iu") and arrays[right].max() < MOST_CLASSES:
                parts = _class_parts(said, right)
                yield Contribution("F1 of the classes drawn", parts, macro_f1)
                yield Contribution("recall of the classes drawn", parts, balanced_accuracy)
                if MARGIN in arrays and set(np.unique(arrays[right])) == {0, 1}:
                    for what, measure in _RANKINGS.items():
                        yield Contribution(what, _ranked(measure, right), mean)
            elif kinds == "ff":
                pairs = _moments(said, right, rank=True), _moments(said, right, rank=False)
                yield Contribution("correlation of ranks", pairs[0], correlation)
                yield Contribution("correlation", pairs[1], correlation)


_RANKINGS: Mapping[str, Callable[[npt.ArrayLike, npt.ArrayLike], Floats]] = {
    "ROC AUC, to the first order in the examples": rankings.roc_auc,
    "average precision, to the first order in the examples": rankings.average_precision,
}


def _ranked(
    measure: Callable[[npt.ArrayLike, npt.ArrayLike], Floats], right: str
) -> Callable[[Arrays], Floats]:
    return lambda arrays: measure(arrays[MARGIN], arrays[right])[:, None]


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


def f1(parts: Floats) -> Floats:
    """F1 from means or sums of what was right, what was said and what is true.

    Args:
        parts: shape (..., 3). Nothing right has an F1 of 0.
    """
    said_and_true = parts[..., 1] + parts[..., 2]
    return np.asarray(2 * parts[..., 0] / np.where(said_and_true > 0, said_and_true, 1.0))


def macro_f1(parts: Floats) -> Floats:
    """The mean of the F1 of those classes of which an example was drawn.

    Args:
        parts: shape (..., 3 x classes): those of `f1`, for one class behind the other.
    """
    each = parts.reshape(*parts.shape[:-1], -1, 3)
    there = (each[..., 1] + each[..., 2]) > 0
    return np.asarray((f1(each) * there).sum(axis=-1) / np.maximum(1, there.sum(axis=-1)))


def balanced_accuracy(parts: Floats) -> Floats:
    """The mean of the recall of those classes of which a true example was drawn.

    Args:
        parts: shape (..., 3 x classes): those of `macro_f1`.
    """
    each = parts.reshape(*parts.shape[:-1], -1, 3)
    there = each[..., 2] > 0
    recall = each[..., 0] / np.where(there, each[..., 2], 1.0)
    return np.asarray((recall * there).sum(axis=-1) / np.maximum(1, there.sum(axis=-1)))


def correlation(parts: Floats) -> Floats:
    """Pearson's correlation from means; 0 where one side is constant.

    Of ranks it is Spearman's. The ranks are those among all examples, also where some of these are
    drawn: ranks anew would be about the same, moved and stretched, which changes no correlation.

    Args:
        parts: shape (..., 5): both values, their squares and their product.
    """
    a, b, aa, bb, ab = np.moveaxis(parts, -1, 0)
    variances = np.maximum(0, aa - a * a) * np.maximum(0, bb - b * b)
    return np.asarray((ab - a * b) / np.sqrt(np.where(variances > 0, variances, np.inf)))


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


def _are_tags(texts: npt.NDArray[np.generic]) -> bool:
    """Whether texts are the tags of the words of sentences, as `O B-location I-location`."""
    words = (word for text in texts for word in str(text).split())
    return all(word == OUTSIDE or word[:2] in ("B-", "I-") for word in words)


def _entity_parts(said: str, right: str) -> Callable[[Arrays], Floats]:
    def parts(arrays: Arrays) -> Floats:
        from seqeval.metrics.sequence_labeling import get_entities

        def found(texts: npt.NDArray[np.generic]) -> list[set[tuple[str, int, int]]]:
            return [set(get_entities(str(tags).split())) for tags in texts]

        pairs = zip(found(arrays[said]), found(arrays[right]), strict=True)
        return np.array([[len(a & b), len(a), len(b)] for a, b in pairs], np.float64)

    return parts


def _class_parts(said: str, right: str) -> Callable[[Arrays], Floats]:
    def parts(arrays: Arrays) -> Floats:
        truth, prediction = (np.asarray(arrays[name], np.int64) for name in (right, said))
        classes = np.arange(truth.max() + 1)
        true, told = truth[:, None] == classes, prediction[:, None] == classes
        each = np.stack([true & told, told, true], axis=-1)
        return each.reshape(len(truth), -1).astype(np.float64)

    return parts


def _moments(said: str, right: str, rank: bool) -> Callable[[Arrays], Floats]:
    def parts(arrays: Arrays) -> Floats:
        from scipy.stats import rankdata

        a, b = (np.asarray(arrays[name], np.float64) for name in (said, right))
        a, b = (rankdata(side) if rank else side for side in (a, b))
        # About their means and of size 1: a difference of squares would lose digits.
        a, b = ((side - side.mean()) / (side.std() or 1.0) for side in (a, b))
        return np.stack([a, b, a * a, b * b, a * b], axis=-1)

    return parts


def _percent(parts: Floats) -> Floats:
    return 100 * parts[..., 0]


def _exponential(parts: Floats) -> Floats:
    # Beyond this a mean is no log-likelihood, and its exponential would overflow.
    return np.asarray(np.exp(np.minimum(parts[..., 0], 700.0)))
