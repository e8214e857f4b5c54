"""What every classification task shares: splitting, loss, scores and the trivial predictor.

A classification task has one output, named `label`, with integer classes from 0.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.spec import DataSpec, Prepared, Score, Split, Training

LABEL = "label"


def stratified_holdout(labels: np.ndarray, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts examples off a data set, with its class shares; always the same ones.

    Args:
        labels: class of each example, shape (examples,).
        held_out: number of examples to cut off.

    Returns:
        Indices kept and indices cut off, both ascending.
    """
    from sklearn.model_selection import train_test_split

    kept, cut = train_test_split(
        np.arange(len(labels)), test_size=held_out, stratify=labels, random_state=0
    )
    return np.sort(kept), np.sort(cut)


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of logits (smoothed if asked for) and accuracy."""
    import keras

    classes = spec.outputs[LABEL].size
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if training.label_smoothing > 0:
        from harness.kinds.fitting.losses import SmoothedCrossentropy

        loss = SmoothedCrossentropy(classes, training.label_smoothing)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    return {"loss": loss, "metrics": [accuracy]}


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Accuracy, log loss in nats and macro-averaged F1 of a fitted model.

    Per example: `correct` (bool) and `prediction` (class), both of shape (examples,).
    """
    from scipy.special import log_softmax

    logits = np.asarray(model.predict(dict(split.x), batch_size=256, verbose=0)[LABEL])
    log_probabilities = log_softmax(logits.astype("float64"), axis=-1)
    labels = np.asarray(split.y[LABEL], "int64")
    prediction = logits.argmax(axis=-1)
    return Score(
        metrics=_metrics(labels, prediction, log_probabilities),
        per_example={"correct": prediction == labels, "prediction": prediction},
    )


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of predicting the commonest training class, with the training frequencies
    of the classes as its probabilities."""
    classes = prepared.spec.outputs[LABEL].size
    train = np.asarray(prepared.train.y[LABEL], "int64")
    labels = np.asarray(prepared.test.y[LABEL], "int64")
    counts = np.bincount(train, minlength=classes or 0)
    # A class that training never saw would have an infinite loss: one example is added to each.
    log_frequencies = np.log((counts + 1) / (counts + 1).sum())
    prediction = np.full_like(labels, counts.argmax())
    return _metrics(
        labels, prediction, np.broadcast_to(log_frequencies, (len(labels), len(counts)))
    )


def _metrics(
    labels: np.ndarray, prediction: np.ndarray, log_probabilities: np.ndarray
) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    return {
        "accuracy": float(accuracy_score(labels, prediction)),
        "log_loss": float(-np.take_along_axis(log_probabilities, labels[:, None], axis=1).mean()),
        "f1_macro": float(f1_score(labels, prediction, average="macro", zero_division=0)),
    }
