"""The two hyperparameters of a cell that are best chosen together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import scipy.stats

from harness.analysis.statistics import far_apart
from harness.report.searches.factors import EPOCHS, Factor, only
from harness.spec import Direction

Numbers = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]

LEAST_TRIALS = 60
"""Scored trials in which both have a value: fewer do not fill a table of four by four."""
LEAST_SHARE = 0.02
"""Share of the variance below which an interaction is not worth seeing, however certain."""
LEVEL = 0.05


class _Part:
    """The trials in which two hyperparameters are active, and what else is known of them."""

    def __init__(self, factors: Sequence[Factor], kept: npt.NDArray[np.bool_]) -> None:
        self.levels = {factor.name: factor.levels() for factor in only(factors, kept)}
        self.main = main_effects(groups for groups, _ in self.levels.values())


@dataclass(frozen=True)
class Interaction:
    """Two hyperparameters whose joint effect is more than the sum of their own."""

    rows: str
    columns: str
    row_levels: tuple[str, ...]
    column_levels: tuple[str, ...]
    means: Numbers
    """Mean score of the trials at each pair of levels, shape (rows, columns); NaN without any."""
    counts: npt.NDArray[np.int64]
    """Trials at each pair of levels."""
    share: float
    """Of the variance of the scores that the interaction explains beside all main effects."""
    p_value: float
    """Corrected for the number of pairs that were tested."""


def strongest_interaction(
    factors: Sequence[Factor], scores: Sequence[float], direction: Direction
) -> Interaction | None:
    """The pair of hyperparameters with the clearest interaction, if any is real.

    Analysis of variance (Fisher 1925, "Statistical Methods for Research Workers"; Scheffé 1959,
    "The Analysis of Variance"): hyperparameters are cut into at most four levels, and an F test
    tells whether the products of two of them explain scores beyond the main effects of all.
    Bonferroni's correction allows for all pairs that were looked at. A forest's own measures of
    interaction, such as the H statistic (Friedman and Popescu 2008, "Predictive Learning via Rule
    Ensembles", Annals of Applied Statistics 2), find one in almost any data and need to be
    refitted to data without any to know what is real.

    Errors of different sizes are compared by their logarithms. Of a hyperparameter that is not
    always active only the trials are used in which it is.

    Args:
        factors: hyperparameters that varied, over the scored trials.
        scores: finite, one a trial.
        direction: which way scores get better.

    Returns:
        `None` where no pair has enough trials, or none that is both certain and worth seeing.
    """
    values = np.asarray(scores, dtype=np.float64)
    gauged = np.log(values) if far_apart(scores, direction) else values
    parts: dict[bytes, _Part] = {}
    found = []
    for first, second in combinations([f for f in factors if f.name != EPOCHS], 2):
        kept = first.active & second.active
        if kept.sum() < LEAST_TRIALS:
            continue
        if (key := kept.tobytes()) not in parts:
            parts[key] = _Part(factors, kept)
        part = parts[key]
        tested = interaction_test(
            part.main, part.levels[first.name][0], part.levels[second.name][0], gauged[kept]
        )
        if tested:
            found.append((*tested, first.name, second.name, kept))
    real = [e for e in found if e[0] * len(found) < LEVEL and e[1] >= LEAST_SHARE]
    if not real:
        return None
    p_value, share, rows, columns, kept = min(real, key=lambda entry: entry[:2])
    levels = parts[kept.tobytes()].levels
    means, counts = _means(levels[rows], levels[columns], values[kept])
    return Interaction(rows, columns, tuple(levels[rows][1]), tuple(levels[columns][1]), means,
                       counts, share, p_value * len(found))  # fmt: skip


def interaction_test(
    main: Numbers, first: Groups, second: Groups, values: Numbers
) -> tuple[float, float] | None:
    """The partial F test of the products of two factors' levels.

    Args:
        main: orthonormal columns that span the mean and all main effects.
        first, second: the level of each factor in each trial.
        values: one a trial.

    Returns:
        The p value, and the share of the variance that the products explain; `None` where the
        levels met too rarely to tell.
    """
    products = _dummies(first * (second.max() + 1) + second)
    rest = _basis(products - main @ (main.T @ products))
    free = len(values) - main.shape[1] - rest.shape[1]
    total = float(np.square(values - values.mean()).sum())
    if not rest.shape[1] or free < LEAST_TRIALS // 3 or not total > 0:
        return None
    residual = values - main @ (main.T @ values)
    explained = float(np.square(rest.T @ residual).sum())
    left = max(float(np.square(residual).sum()) - explained, 1e-12 * total)
    statistic = (explained / rest.shape[1]) / (left / free)
    return float(scipy.stats.f.sf(statistic, rest.shape[1], free)), explained / total


def main_effects(levels: Iterable[Groups]) -> Numbers:
    """Orthonormal columns that span the mean and the levels of each factor, inactive being one."""
    return _basis(np.hstack([_dummies(groups) for groups in levels]))


def _dummies(groups: Groups) -> Numbers:
    return np.asarray(groups[:, None] == np.unique(groups), dtype=np.float64)


def _basis(columns: Numbers) -> Numbers:
    """Orthonormal columns with the same span, without those that add nothing to the others.

    By way of the products of the columns, which are few; of columns of zeros and ones these are
    exact enough.
    """
    sizes, turned = np.linalg.eigh(columns.T @ columns)
    kept = sizes > 1e-9 * len(columns)
    return np.asarray(columns @ (turned[:, kept] / np.sqrt(sizes[kept])))


def _means(
    rows: tuple[Groups, list[str]], columns: tuple[Groups, list[str]], scores: Numbers
) -> tuple[Numbers, Groups]:
    counts = np.zeros((len(rows[1]), len(columns[1])), dtype=np.int64)
    sums = np.zeros(counts.shape)
    np.add.at(counts, (rows[0], columns[0]), 1)
    np.add.at(sums, (rows[0], columns[0]), scores)
    with np.errstate(invalid="ignore"):
        return sums / counts, counts
