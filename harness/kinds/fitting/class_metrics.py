"""Metrics of classes Keras does not have, of logits. Imports keras: import it inside functions
only."""

import math
from typing import Any, Literal

import keras

BINS = 4096
"""Between which ranks of examples are not told apart."""
FINE, WIDE = 100.0, 1000.0
"""Bins are narrowest, 1 / FINE of a logit and less, where models begin; beyond WIDE all are one."""


@keras.saving.register_keras_serializable(package="harness")
class ClassScore(keras.metrics.Metric):  # type: ignore[misc]
    """Macro-averaged F1, or balanced accuracy, over all examples, however they are batched.

    As `sklearn.metrics.f1_score` and `balanced_accuracy_score` of the same predictions: F1 is that
    of the classes that are true or predicted of some example, recall that of those that are true.
    """

    def __init__(
        self, classes: int, measure: Literal["f1_macro", "balanced_accuracy"], **options: Any
    ) -> None:
        super().__init__(name=measure, **options)
        self.measure = measure
        self.classes = classes
        self.right, self.found, self.true = (
            self.add_weight(shape=(classes,), name=name, initializer="zeros")
            for name in ("right", "found", "true")
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts examples: classes (examples,), logits (examples, classes)."""
        ops = keras.ops
        truth = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), self.classes)
        told = ops.one_hot(ops.argmax(y_pred, axis=-1), self.classes)
        truth, told = ops.cast(truth, "float32"), ops.cast(told, "float32")
        self.right.assign_add(ops.sum(truth * told, axis=0))
        self.found.assign_add(ops.sum(told, axis=0))
        self.true.assign_add(ops.sum(truth, axis=0))

    def result(self) -> Any:
        """0 where no example was counted."""
        ops = keras.ops
        if self.measure == "balanced_accuracy":
            there, of = self.true, self.true
            each = self.right / ops.maximum(of, 1.0)
        else:
            there = self.found + self.true
            each = 2 * self.right / ops.maximum(there, 1.0)
        there = ops.cast(there > 0, "float32")
        return ops.sum(each * there) / ops.maximum(ops.sum(there), 1.0)


@keras.saving.register_keras_serializable(package="harness")
class Ranking(keras.metrics.Metric):  # type: ignore[misc]
    """Area under the ROC curve, or average precision, of two classes, the second one the positive.

    As `sklearn.metrics.roc_auc_score` and `average_precision_score`, of examples in `BINS` by the
    difference of their logits.
    """

    def __init__(self, measure: Literal["roc_auc", "average_precision"], **options: Any) -> None:
        super().__init__(name=measure, **options)
        self.measure = measure
        self.positive, self.negative = (
            self.add_weight(shape=(BINS,), name=name, initializer="zeros")
            for name in ("positive", "negative")
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts examples: classes (examples,), logits (examples, 2)."""
        ops = keras.ops
        truth = ops.reshape(ops.cast(y_true, "float32"), (-1,))
        logits = ops.cast(y_pred, "float32")
        margin = (logits[:, 1] - logits[:, 0]) * FINE
        place = ops.arcsinh(margin) / (2 * math.asinh(FINE * WIDE)) + 0.5
        bins = ops.cast(ops.clip(ops.floor(place * BINS), 0, BINS - 1), "int32")
        for counts, of in ((self.positive, truth), (self.negative, 1 - truth)):
            counts.assign_add(ops.segment_sum(of, bins, num_segments=BINS))

    def result(self) -> Any:
        """Where one of both classes was not seen, 0.5 and 0."""
        ops = keras.ops
        positives, negatives = ops.sum(self.positive), ops.sum(self.negative)
        if self.measure == "roc_auc":
            below = ops.cumsum(self.negative) - self.negative / 2
            pairs = positives * negatives
            area = ops.sum(self.positive * below) / ops.maximum(pairs, 1.0)
            return ops.where(pairs > 0, area, 0.5)
        right = ops.flip(ops.cumsum(ops.flip(self.positive)))
        told = right + ops.flip(ops.cumsum(ops.flip(self.negative)))
        return ops.sum(self.positive * right / ops.maximum(told, 1.0)) / ops.maximum(positives, 1.0)
