"""What the architectures for short texts share: how a body meets tokens, segments and heads.

A body is a function from (examples, steps, width) and a mask of the real steps, (examples, steps),
to (examples, steps, any width). Whatever it does at a step must not depend on padding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.spec import DataSpec, HyperParameters, Kind

TEXT_KINDS: tuple[Kind, ...] = (
    "text_classification",
    "token_classification",
    "sentence_similarity",
)
LOWEST = -1e4
"""Below all that a body puts out, and still a number in 16 bits."""

Body = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Text:
    """The fields that the configurations of all text architectures begin with."""

    dropout: float
    """After the embedding, between the layers of the body, and before the output."""
    embedding: int
    """Width of a token's embedding."""
    pooling: str | None
    """What is read of the body's output: the `max` or the `mean` over the steps. `None` for token
    classification, which reads each by itself."""


def sample_text(hp: HyperParameters, kind: Kind) -> dict[str, Any]:
    """Draws the fields of `Text`, by name."""
    pooling = None
    if kind != "token_classification":
        pooling = hp.Choice("pooling", ["max", "mean"], default="max")
    return {
        "dropout": hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.4),
        "embedding": hp.Choice("embedding", [64, 128, 192], default=128),
        "pooling": pooling,
    }


def text_model(config: Text, spec: DataSpec, body: Body) -> Any:
    """The `keras.Model` of a body, with the stem and the head of the kind of task.

    Returns:
        For tokens and segments (examples, steps), logits of classes (examples, classes), logits
        of tags (examples, steps, tags), or a similarity (examples, 1).
    """
    import keras

    ((output, wanted),) = spec.outputs.items()
    inputs = {
        name: keras.Input(tensor.shape, dtype="int32", name=name)
        for name, tensor in spec.inputs.items()
    }
    tokens, segments = inputs["tokens"], inputs["segments"]
    mask = keras.ops.not_equal(tokens, 0)
    x = keras.layers.Embedding(spec.inputs["tokens"].size, config.embedding)(tokens)
    x = x + keras.layers.Embedding(spec.inputs["segments"].size, config.embedding)(segments)
    x = body(keras.layers.Dropout(config.dropout)(x), mask)
    if config.pooling is not None:
        x = _pooled(x, mask, config.pooling)
    x = keras.layers.Dropout(config.dropout)(x)
    width = wanted.size if wanted.size is not None else wanted.shape[0]
    outputs = keras.layers.Dense(width, dtype="float32", name=output)(x)
    return keras.Model(inputs, {output: outputs})


def masked(x: Any, mask: Any) -> Any:
    """Zeros in the place of padding."""
    import keras

    return x * keras.ops.cast(keras.ops.expand_dims(mask, -1), x.dtype)


def _pooled(x: Any, mask: Any, how: str) -> Any:
    """The real steps as one: (examples, width)."""
    import keras

    if how == "max":
        return keras.ops.max(keras.ops.where(keras.ops.expand_dims(mask, -1), x, LOWEST), axis=1)
    steps = keras.ops.sum(keras.ops.cast(mask, x.dtype), axis=1, keepdims=True)
    return keras.ops.sum(masked(x, mask), axis=1) / keras.ops.maximum(steps, 1)
