"""Linear models as a person would fit them: on training, their penalty chosen on validation."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import threadpoolctl  # type: ignore[import-untyped]

from harness.kinds.classification import scored
from harness.kinds.imbalance import MARGIN
from harness.spec import Score

Features: TypeAlias = Mapping[str, Any]
"""What `train`, `val` and `test` are told by: arrays or sparse matrices (examples, features)."""
COMPONENTS = 400
"""Of dense features, most principal components that are fitted."""
LARGEST = 60_000
"""Training examples that are fitted at most; a part of more."""
CHOSEN_ON = 5_000
"""Training examples that penalties are compared on."""
IMPOSSIBLE = 1e-12
PENALTIES = tuple(10.0**power for power in range(-8, 3))
"""Of ridge regression, as shares of the mean sum of squares of a feature."""
ITERATIONS = 60
"""Steps of the optimiser at most: a fit that has not ended by then is as good as it is."""


@dataclass(frozen=True)
class Fitted:
    """A classifier: how good it is on validation, and what it says of the test split."""

    accuracy: float
    """On validation."""
    log_loss: float
    """Likewise, in nats."""
    log_probabilities: np.ndarray
    """Of the classes of test examples, shape (examples, classes)."""

    def __lt__(self, other: "Fitted") -> bool:
        return (self.accuracy, -self.log_loss) < (other.accuracy, -other.log_loss)


def logistic_regression(
    x: Features,
    y: Mapping[str, np.ndarray],
    classes: int,
    strengths: Sequence[float] = (0.01, 0.1, 1.0, 10.0),
    weight: np.ndarray | None = None,
) -> Fitted:
    """Logistic regression; of several classes, the multinomial one.

    Args:
        x: features by split.
        y: classes of `train` and `val`, of which training has two or more.
        classes: how many there are.
        strengths: inverse penalties to choose from, by accuracy on validation, then by log loss.
        weight: of training examples; those of a class weigh as much on validation.
    """
    weight = np.ones(len(y["train"])) if weight is None else np.asarray(weight, "float64")
    counts = np.bincount(y["train"], minlength=classes)
    of_class = np.bincount(y["train"], weight, minlength=classes) / np.maximum(1, counts)
    weighed = of_class[y["val"]] if of_class[y["val"]].any() else np.ones(len(y["val"]))
    rows = _rows(len(y["train"]), LARGEST)
    few = _rows(len(rows), CHOSEN_ON)
    x = principal(x)

    def fitted(strength: float, chosen: np.ndarray) -> Fitted:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=strength, max_iter=ITERATIONS)
        with warnings.catch_warnings():  # see ITERATIONS
            warnings.simplefilter("ignore")
            model.fit(x["train"][chosen], y["train"][chosen], weight[chosen])
        spread = {
            split: _log_of(model.predict_proba(x[split]), model.classes_, classes)
            for split in ("val", "test")
        }
        own = np.take_along_axis(spread["val"], y["val"][:, None].astype(int), axis=1)
        right = spread["val"].argmax(axis=1) == y["val"]
        accuracy = float(np.average(right, weights=weighed))
        log_loss = float(-np.average(own[:, 0], weights=weighed))
        return Fitted(accuracy, log_loss, spread["test"])

    with threadpoolctl.threadpool_limits(
        1
    ):  # threads wait for each other longer than they work here
        tried = {strength: fitted(strength, rows[few]) for strength in strengths}
        best = max(strengths, key=lambda strength: tried[strength])
        return tried[best] if len(few) == len(y["train"]) else fitted(best, rows)


def answered(labels: np.ndarray, fitted: Fitted) -> Score:
    """What a classifier is worth on test examples of these classes, shape (examples,).

    Of two classes the outcomes have the `margin` of the second one, too, of which measures of a
    ranking are made.
    """
    found = scored(labels, fitted.log_probabilities)
    if fitted.log_probabilities.shape[1] != 2:
        return found
    margin = fitted.log_probabilities[:, 1] - fitted.log_probabilities[:, 0]
    return replace(found, per_example={**found.per_example, MARGIN: margin})


def principal(x: Features) -> Features:
    """Dense features as their principal components in training, where they are more than
    `COMPONENTS`; anything else as it is."""
    train = x["train"]
    if not isinstance(train, np.ndarray) or train.shape[1] <= COMPONENTS:
        return x
    mean = train.mean(axis=0)
    spread = train.T @ train / len(train) - np.outer(mean, mean)
    _, vectors = np.linalg.eigh(spread.astype("float64"))
    directions = vectors[:, -COMPONENTS:].astype(train.dtype)
    return {split: (part - mean) @ directions for split, part in x.items()}


def _rows(count: int, most: int) -> np.ndarray:
    """Numbers of examples, at most so many, drawn at random but always the same."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, max(1, most), replace=False))


def _log_of(probabilities: np.ndarray, known: np.ndarray, classes: int) -> np.ndarray:
    """Log-probabilities with a column for each class: one not fitted is all but impossible."""
    full = np.full((len(probabilities), classes), IMPOSSIBLE)
    full[:, known.astype(int)] = np.maximum(probabilities, IMPOSSIBLE)
    return np.asarray(np.log(full))


def ridge_regression(
    x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Ridge regression on standardised features, for several targets at once.

    Hoerl and Kennard (1970), "Ridge regression: biased estimation for nonorthogonal problems",
    Technometrics 12(1). The penalty is chosen by squared error on validation.

    Args:
        x: features by split, shape (examples, features).
        y: targets of `train` and `val`, shape (examples, targets).

    Returns:
        Answers for `val` and `test`, shape (examples, targets).
    """
    centre, mean = x["train"].mean(axis=0), y["train"].mean(axis=0)
    scale = x["train"].std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    told = {split: (part - centre) / scale for split, part in x.items()}
    path = ridge_path(told["train"].T @ told["train"], told["train"].T @ (y["train"] - mean))
    errors = [float(np.mean((told["val"] @ weights + mean - y["val"]) ** 2)) for weights in path]
    best = int(np.argmin(errors))
    return {split: told[split] @ path[best] + mean for split in ("val", "test")}


def ridge_path(gram: np.ndarray, moments: np.ndarray) -> list[np.ndarray]:
    """The weights of ridge regression under penalties from none to all but everything.

    Args:
        gram: products of the features with each other, summed over examples, (features, features).
        moments: those of features and targets, shape (features, targets).

    Returns:
        For each of `PENALTIES`, of which 1 is the mean of the diagonal, (features, targets).
    """
    values, vectors = np.linalg.eigh(gram)
    values, size = np.maximum(values, 0), float(np.trace(gram)) / len(gram) or 1.0
    rotated = vectors.T @ moments
    return [vectors @ (rotated / (values + penalty * size)[:, None]) for penalty in PENALTIES]
