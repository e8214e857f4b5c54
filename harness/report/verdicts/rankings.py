"""ROC AUC and average precision as means over examples, so that they can be resampled.

Both compare each example with all others, so no mean of what each one does gives them. To the
first order they are the mean of pseudo-values: the measure, plus how much it changes with the
weight of an example (infinitesimal jackknife: Jaeckel 1972; Efron 1982, "The Jackknife, the
Bootstrap and Other Resampling Plans", chapter 6). Of ROC AUC these are the placements by whose
variance DeLong, DeLong and Clarke-Pearson (1988, "Comparing the areas under two or more correlated
receiver operating characteristic curves", Biometrics 44(3)) compare curves.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
TWO = 2
"""Classes."""


def roc_auc(margin: npt.ArrayLike, truth: npt.ArrayLike) -> Floats:
    """Pseudo-values of ROC AUC, whose mean it is.

    Args:
        margin: how much each example is likelier of class 1 than of class 0, shape (examples,).
        truth: classes, 0 or 1; there are examples of both.

    Returns:
        Shape (examples,).
    """
    values, positive = np.asarray(margin, np.float64), np.asarray(truth) == 1
    ranks, own = (np.sort(values[chosen]) for chosen in (~positive, positive))
    # Of each example the share of the other class that is on its right side, ties half.
    below = _share_below(ranks, values)
    above = 1 - _share_below(own, values)
    placement = np.where(positive, below, above)
    area = float(placement[positive].mean())
    share = np.where(positive, positive.mean(), (~positive).mean())
    return np.asarray(area + (placement - area) / share)


def _share_below(ordered: Floats, values: Floats) -> Floats:
    """The share of ordered values that each one is above, ties half."""
    sides = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray(sum(sides) / (2 * len(ordered)), np.float64)


def average_precision(margin: npt.ArrayLike, truth: npt.ArrayLike) -> Floats:
    """Pseudo-values of average precision, whose mean it is.

    With weight w of the examples it is the sum over positives i of w_i T_i / A_i, over that of
    their weights: T_i and A_i are the weights of positives and of all that rank as high as i. The
    derivative by w_j has three parts: j as a positive, j within the T_i and within the A_i of those
    that rank as high as j or lower.

    Args and returns as of `roc_auc`.
    """
    values, positive = np.asarray(margin, np.float64), np.asarray(truth) == 1
    _, place = np.unique(-values, return_inverse=True)  # 0 for the highest
    levels = int(place.max()) + 1
    hits = np.bincount(place, weights=positive, minlength=levels)
    true, every = np.cumsum(hits), np.cumsum(np.bincount(place, minlength=levels))
    precision = true / every
    count = true[-1]
    found = float((hits * precision).sum() / count)
    # Sums over all levels from that of j on.
    gained = np.cumsum((hits / every)[::-1])[::-1]
    lost = np.cumsum((hits * true / every**2)[::-1])[::-1]
    slope = positive * (precision[place] - found + gained[place]) - lost[place]
    return np.asarray(found + len(values) / count * slope)
