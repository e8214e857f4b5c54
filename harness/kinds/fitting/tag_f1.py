"""The metric of tags Keras does not have. Imports keras: import it inside functions only."""

from typing import Any

import keras

OUTSIDE = 1
"""The id of the tag `O`: of words that belong to no entity."""


@keras.saving.register_keras_serializable(package="harness")
class TagF1(keras.metrics.Metric):  # type: ignore[misc]
    """Micro-averaged F1 of tags, over the tokens whose true or predicted tag is not `O`.

    Ids as of `harness.kinds.token_classification`: 0 stands for tokens that are not judged, and is
    never predicted; 1 is `O`. Tokens count alike however they are batched.
    """

    def __init__(self, name: str = "f1_tokens", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.right = self.add_weight(name="right", initializer="zeros")
        self.found = self.add_weight(name="found", initializer="zeros")
        """Tags but `O` that were predicted."""
        self.true = self.add_weight(name="true", initializer="zeros")
        """Tags but `O` that there are."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts tokens: ids (examples, steps), logits (examples, steps, tags and one)."""
        ops = keras.ops
        truth = ops.cast(y_true, "int32")
        prediction = ops.cast(ops.argmax(y_pred[..., 1:], axis=-1), "int32") + 1
        judged = ops.cast(truth > 0, "float32")
        if sample_weight is not None:
            judged = judged * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        true = ops.cast(truth > OUTSIDE, "float32") * judged
        found = ops.cast(prediction > OUTSIDE, "float32") * judged
        self.right.assign_add(ops.sum(true * ops.cast(truth == prediction, "float32")))
        self.found.assign_add(ops.sum(found))
        self.true.assign_add(ops.sum(true))

    def result(self) -> Any:
        """0 where there is nothing to find and nothing was found."""
        return 2 * self.right / keras.ops.maximum(self.found + self.true, 1e-7)
