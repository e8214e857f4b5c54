"""Losses Keras does not have. Imports keras at once: import it inside functions only."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="harness")
class SmoothedCrossentropy(keras.losses.Loss):  # type: ignore[misc]
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


@keras.saving.register_keras_serializable(package="harness")
class TokenCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy between the tokens of sequences and logits, padding left out.

    The mean over a batch is that of its real tokens, each with the same weight. Label smoothing
    as of `SmoothedCrossentropy`, computed without one-hot labels: those of a vocabulary are
    large.

    Args:
        label_smoothing: share of the target spread evenly over the vocabulary, 0 to 1.
        padding: the id that fills sequences up.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        padding: int = 0,
        name: str = "token_crossentropy",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.label_smoothing = label_smoothing
        self.padding = padding

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each token in nats, from ids (examples, steps) and logits, scaled so that the
        mean over all positions is the mean over the real ones."""
        ops = keras.ops
        tokens = ops.cast(y_true, "int32")
        loss = keras.losses.sparse_categorical_crossentropy(tokens, y_pred, from_logits=True)
        if self.label_smoothing:
            even = ops.logsumexp(y_pred, axis=-1) - ops.mean(y_pred, axis=-1)
            loss = (1 - self.label_smoothing) * loss + self.label_smoothing * even
        real = ops.cast(tokens != self.padding, loss.dtype)
        return loss * real / ops.maximum(ops.mean(real), keras.config.epsilon())

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "padding": self.padding,
        }


@keras.saving.register_keras_serializable(package="harness")
class TokenAccuracy(keras.metrics.SparseCategoricalAccuracy):  # type: ignore[misc]
    """Share of the tokens of sequences that are the likeliest ones, padding (0) left out."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Counts tokens: ids (examples, steps), logits (examples, steps, vocabulary)."""
        ops = keras.ops
        real = ops.cast(ops.not_equal(y_true, 0), "float32")
        if sample_weight is not None:
            real = real * ops.reshape(sample_weight, (-1, 1))
        # Keras takes the mean over the steps of an example first, in which a token of a batch
        # of short sentences would count for more.
        flat = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
        tokens, weights = ops.reshape(y_true, (-1,)), ops.reshape(real, (-1,))
        return super().update_state(tokens, flat, sample_weight=weights)
