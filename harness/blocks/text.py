"""Building blocks of architectures for short texts: a stem, a body of one's own, a head.

An architecture samples the fields of `Text` by `sample_text`, and calls `text_model` with its body:
a function from (examples, steps, width) and a mask of the real steps, bool (examples, steps), to
(examples, steps, any width). Whatever a body does at a step must not depend on padding; `masked`
puts zeros there. `search_spaces/text_cnn.py` is a short example.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.blocks.pairs import TOGETHER, apart, compared, sample_pairing
from harness.kinds import sentence_similarity, text_classification, token_classification
from harness.kinds.text.encoding import BYTES, CHARACTERS, SEGMENTS, TOKENS
from harness.kinds.text.tokenizer import PADDING
from harness.spec import DataSpec, HyperParameters, Kind

TEXT_KINDS: tuple[Kind, ...] = (
    text_classification.KIND,
    token_classification.KIND,
    sentence_similarity.KIND,
)
"""The kinds whose inputs are `tokens` and `segments`."""
LETTER, FILTERS, SEEN = 30, 50, 3
"""Width of a letter's embedding, and of the convolution over letters its filters and the letters
that each sees: as in Ma and Hovy 2016, but for 50 filters and not 30."""
READER = "reader"
"""Name of the layer that reads each text of a pair."""
LOWEST = -1e4
"""Below all that a body puts out, and still a number in 16 bits."""

Body = Callable[[Any, Any], Any]
"""Receives tensors and the mask of the real steps, and returns tensors."""


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
    pairing: str | None
    """How pairs are read, see `harness.blocks.pairs`; sentence similarity only."""
    letters: bool | None
    """Whether how a word is written is read beside its tokens, by a convolution over its letters
    (Ma and Hovy 2016, arXiv:1603.01354; Chiu and Nichols 2016, arXiv:1511.08308), where the task
    gives them; token classification only."""


def sample_text(hp: HyperParameters, kind: Kind) -> dict[str, Any]:
    """Draws the fields of `Text`, by name.

    Args:
        hp: where the values are drawn from.
        kind: of the task, one of `TEXT_KINDS`.
    """
    pooling = letters = None
    if kind == token_classification.KIND:
        letters = hp.Boolean("letters", default=True)
    else:
        pooling = hp.Choice("pooling", ["max", "mean"], default="max")
    return {
        "dropout": hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.4),
        "embedding": hp.Choice("embedding", [64, 128, 192], default=128),
        "pooling": pooling,
        "pairing": sample_pairing(hp, kind),
        "letters": letters,
    }


def text_model(config: Text, spec: DataSpec, body: Body) -> Any:
    """The `keras.Model` of a body, with the stem and the head of the kind of task.

    Args:
        config: what was drawn.
        spec: of the data, of one of `TEXT_KINDS`.
        body: of the architecture.

    Returns:
        For tokens and segments (examples, steps), logits of classes (examples, classes), logits
        of tags (examples, steps, tags), or a similarity (examples, 1).
    """
    import keras

    ((output, wanted),) = spec.outputs.items()
    pieces, parts = spec.inputs[TOKENS], spec.inputs[SEGMENTS]
    inputs = {
        name: keras.Input(tensor.shape, dtype=tensor.dtype, name=name)
        for name, tensor in spec.inputs.items()
    }
    tokens, segments = inputs[TOKENS], inputs[SEGMENTS]
    embed = keras.layers.Embedding(pieces.size, config.embedding)
    if config.pairing in (None, TOGETHER):
        x = embed(tokens) + keras.layers.Embedding(parts.size, config.embedding)(segments)
        if config.letters and CHARACTERS in inputs:
            x = keras.layers.Concatenate()([x, _written(config, inputs[CHARACTERS])])
        x = _read(config, x, real_steps(tokens), body)
    else:
        text = keras.Input(tokens.shape[1:], dtype="int32")
        x, mask = embed(text), real_steps(text)
        # The mean of what was embedded, too: it says what two texts share, even untrained (Wieting
        # et al. 2016, arXiv:1511.08198), which a body would have to learn to keep.
        vectors = [_read(config, x, mask, body), _pooled(x, mask, "mean")]
        read = keras.Model(text, vectors, name=READER)
        first, second = apart(tokens, segments)
        x = compared(read(first), read(second), config.pairing)
    x = keras.layers.Dropout(config.dropout)(x)
    width = wanted.size if wanted.size is not None else wanted.shape[0]
    outputs = keras.layers.Dense(width, dtype="float32", name=output)(x)
    return keras.Model(inputs, {output: outputs})


def _read(config: Text, x: Any, mask: Any, body: Body) -> Any:
    """What a body makes of embedded tokens: (examples, width), or each step without pooling."""
    import keras

    x = body(keras.layers.Dropout(config.dropout)(x), mask)
    return x if config.pooling is None else _pooled(x, mask, config.pooling)


def _written(config: Text, characters: Any) -> Any:
    """How words are written: (examples, steps, filters), of letters (examples, steps, letters)."""
    import keras

    x = keras.layers.Embedding(BYTES, LETTER)(characters)
    x = keras.layers.Dropout(config.dropout)(x)
    x = keras.layers.Conv2D(FILTERS, (1, SEEN), padding="same", activation="relu")(x)
    return keras.ops.max(x, axis=2)


def real_steps(tokens: Any) -> Any:
    """The mask of the steps that are read: bool (examples, steps), true but for padding.

    The first is always read: an average, a maximum or an attention over no step at all is no
    number, and one example that is padding alone would spoil a whole training.

    Args:
        tokens: ids, (examples, steps).
    """
    import keras

    mask = keras.ops.not_equal(tokens, PADDING)
    return keras.ops.concatenate([keras.ops.ones_like(mask[:, :1]), mask[:, 1:]], axis=1)


def masked(x: Any, mask: Any) -> Any:
    """Zeros in the place of padding.

    Args:
        x: (examples, steps, width).
        mask: of the real steps, (examples, steps).
    """
    import keras

    return x * keras.ops.cast(keras.ops.expand_dims(mask, -1), x.dtype)


def _pooled(x: Any, mask: Any, how: str) -> Any:
    """The real steps as one: (examples, width)."""
    import keras

    if how == "max":
        return keras.ops.max(keras.ops.where(keras.ops.expand_dims(mask, -1), x, LOWEST), axis=1)
    steps = keras.ops.sum(keras.ops.cast(mask, x.dtype), axis=1, keepdims=True)
    return keras.ops.sum(masked(x, mask), axis=1) / steps
