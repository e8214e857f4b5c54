"""Which hyperparameters matter to the scores of a search, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import ShuffleSplit

from harness.analysis.statistics import Interval
from harness.report.searches.factors import Factor
from harness.spec import Direction

LEAST_TRIALS = 30
"""Scored trials below which nothing is said: ten are then held out, from twenty to learn from."""
LEAST_EXPLAINED = 0.1
"""Share of the variance of held-out ranks below which a surrogate explains nothing."""
REFITS = 8
TREES = 10
SHUFFLES = 3
"""Times a hyperparameter is shuffled in each refit."""
MOST_TRAINED, MOST_HELD_OUT = 500, 200
"""Trials that a tree learns from, and that are held out: more change little and take long."""


@dataclass(frozen=True)
class Importance:
    """What a surrogate loses without knowing one hyperparameter."""

    name: str
    lost: Interval
    """Of the share of variance explained. An interval that holds zero: perhaps nothing."""


@dataclass(frozen=True)
class Surrogate:
    """What a model of a cell's scored trials says of its hyperparameters."""

    trials: int
    explained: Interval
    """R2: share of the variance of the ranks of held-out trials."""
    importances: tuple[Importance, ...]
    """Most important first; empty where the surrogate explains nothing."""

    @property
    def explains(self) -> bool:
        """Whether importances mean anything."""
        return explains(self.explained)


def explains(explained: Interval) -> bool:
    """Whether a model with this R2 knows more than nothing."""
    return explained.low > 0 and explained.mean >= LEAST_EXPLAINED


def surrogate(
    factors: Sequence[Factor], scores: Sequence[float], direction: Direction, seed: int = 0
) -> Surrogate | None:
    """Permutation importances of the hyperparameters, with intervals over refits.

    A random forest (Breiman 2001, "Random Forests", Machine Learning 45) predicts the ranks of
    the scores, so that a diverged trial weighs no more than a poor one; forests as surrogates of
    a search are those of Hutter, Hoos and Leyton-Brown (2014), "An Efficient Approach for
    Assessing Hyperparameter Importance", ICML. It is fitted `REFITS` times to two thirds of the
    trials, drawn anew, and judged on the others. The importance of a hyperparameter is the share
    of their variance that is no longer explained after its values are shuffled among them
    (Breiman 2001; Fisher, Rudin and Dominici 2019, "All Models are Wrong, but Many are Useful",
    JMLR 20). A hyperparameter that is active in some trials only is shuffled among these, as
    nowhere else does a value of it mean anything; a category is shuffled as a whole.

    Refits share trials, so their scatter alone is too small: intervals are the corrected t
    intervals of Nadeau and Bengio (2003), "Inference for the Generalization Error", Machine
    Learning 52.

    Args:
        factors: hyperparameters that varied, over the scored trials.
        scores: finite, one a trial.
        direction: which way scores get better.
        seed: of the forests and the shuffling.

    Returns:
        `None` with fewer than `LEAST_TRIALS` trials or without a hyperparameter.
    """
    count = len(scores)
    if count < LEAST_TRIALS or not factors:
        return None
    sign = 1.0 if direction == "max" else -1.0
    ranks = scipy.stats.rankdata(sign * np.asarray(scores, dtype=np.float64)) / count
    if not ranks.var():
        return Surrogate(count, Interval(0.0, 0.0, 0.0), ())
    blocks = [factor.columns for factor in factors]
    held_out = min(count // 3, MOST_HELD_OUT)
    split = ShuffleSplit(REFITS, test_size=held_out, random_state=seed)
    random = np.random.default_rng(seed)
    rows = []
    for train, test in split.split(ranks):
        forest = RandomForestRegressor(
            TREES, max_features=1 / 3, min_samples_leaf=3,
            max_samples=min(len(train), MOST_TRAINED), random_state=int(random.integers(2**31)),
        )  # fmt: skip
        forest.fit(np.hstack(blocks)[train], ranks[train])
        tested = [block[test] for block in blocks]
        active = [factor.active[test] for factor in factors]
        rows.append(_losses(forest, tested, active, ranks[test], random) / ranks.var())
    ratio = held_out / (count - held_out)
    errors, *losses = (corrected_interval(column, ratio) for column in np.array(rows).T)
    explained = Interval(1 - errors.mean, 1 - errors.high, 1 - errors.low)
    found = [Importance(f.name, lost) for f, lost in zip(factors, losses, strict=True)]
    found.sort(key=lambda importance: -importance.lost.mean)
    return Surrogate(count, explained, tuple(found) if explains(explained) else ())


def _losses(
    forest: RandomForestRegressor,
    blocks: Sequence[npt.NDArray[np.float32]],
    active: Sequence[npt.NDArray[np.bool_]],
    truth: npt.NDArray[np.float64],
    random: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Mean squared error of a forest, and by how much more each shuffled block makes it."""
    tables = [np.hstack(blocks)]
    for place, (block, has_value) in enumerate(zip(blocks, active, strict=True)):
        for _ in range(SHUFFLES):
            shuffled = block.copy()
            shuffled[has_value] = random.permutation(block[has_value])
            tables.append(np.hstack([*blocks[:place], shuffled, *blocks[place + 1 :]]))
    # At once, as a forest takes as long to be asked as to answer.
    predicted = forest.predict(np.vstack(tables)).reshape(len(tables), -1)
    errors = np.square(predicted - truth).mean(axis=1)
    after = errors[1:].reshape(len(blocks), SHUFFLES).mean(axis=1)
    return np.append(errors[0], after - errors[0])


def corrected_interval(values: npt.ArrayLike, ratio: float, confidence: float = 0.95) -> Interval:
    """Mean and t interval of a measure over repeated random splits of the same trials.

    Nadeau and Bengio (2003): the variance of the mean of J splits is not S² / J but about
    S² (1 / J + held out / trained on), because the splits overlap.

    Args:
        values: one a split, at least two.
        ratio: trials held out to trials trained on.
        confidence: share of such intervals that hold the true mean.
    """
    measured = np.asarray(values, dtype=np.float64)
    count = len(measured)
    mean = float(measured.mean())
    error = math.sqrt(float(measured.var(ddof=1)) * (1 / count + ratio))
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, count - 1)) * error
    return Interval(mean, mean - half, mean + half)
