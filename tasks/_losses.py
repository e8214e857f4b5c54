"""Losses Keras does not have. Imports keras at once: import it inside functions only."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="harness")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy between integer labels and logits, with label smoothing.

    Keras smooths one-hot labels only; this one takes the labels as they are stored.
    Label smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7.

    Args:
        classes: number of classes.
        label_smoothing: share of the target spread evenly over all classes, 0 to 1.
    """

    def __init__(
        self,
        classes: int,
        label_smoothing: float,
        name: str = "smoothed_crossentropy",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.classes = classes
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each example, in nats, from labels (examples,) and logits."""
        labels = keras.ops.reshape(keras.ops.cast(y_true, "int32"), keras.ops.shape(y_pred)[:-1])
        return keras.losses.categorical_crossentropy(
            keras.ops.one_hot(labels, self.classes, dtype=y_pred.dtype),
            y_pred,
            from_logits=True,
            label_smoothing=self.label_smoothing,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "classes": self.classes,
            "label_smoothing": self.label_smoothing,
        }
