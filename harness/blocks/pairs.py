"""Building blocks of architectures for pairs of texts: read apart by one reader, then compared.

Imports keras inside functions only.
"""

from collections.abc import Sequence
from typing import Any

from harness.kinds import sentence_similarity
from harness.kinds.text.tokenizer import CLASSIFICATION, PADDING
from harness.spec import HyperParameters, Kind

TOGETHER, FEATURES, COSINE = "together", "features", "cosine"
PAIRINGS = (COSINE, FEATURES, TOGETHER)
"""How a pair is read. `together`: as one text, `[CLS] text [SEP] other [SEP]`. Else each text
becomes a vector of its own, by the same weights, and a hidden layer sees: with `features` both
vectors, how far they are apart and their product, each place by itself (Conneau et al. 2017,
arXiv:1705.02364), and their cosine; with `cosine` that alone (Reimers and Gurevych 2019,
arXiv:1908.10084)."""
HIDDEN = 128
"""Units of that layer: by it, answers are on the scale of the grades within a few steps."""


def sample_pairing(hp: HyperParameters, kind: Kind) -> str | None:
    """Draws how pairs are read; `None` but for sentence similarity."""
    if kind != sentence_similarity.KIND:
        return None
    return str(hp.Choice("pairing", [*PAIRINGS], default=COSINE))


def apart(tokens: Any, segments: Any) -> tuple[Any, Any]:
    """Both texts of pairs, each `[CLS] text [SEP]` and filled up.

    Args:
        tokens: ids of `[CLS] text [SEP] other [SEP]`, (examples, steps).
        segments: 1 where a token belongs to the other text, likewise.

    Returns:
        Ids, (examples, steps) each.
    """
    import keras

    ops = keras.ops
    other = ops.cast(ops.not_equal(segments, 0), tokens.dtype)
    first = tokens * (1 - other)
    count = ops.sum(ops.cast(ops.not_equal(first, PADDING), tokens.dtype), axis=1, keepdims=True)
    each = ops.ones_like(tokens)
    place = ops.cumsum(each, axis=1) - 1
    # The separator before the other text makes room for what a text begins with.
    source = ops.mod(place + count - 1, ops.sum(each, axis=1, keepdims=True))
    second = ops.take_along_axis(tokens * other, source, axis=1)
    return first, ops.where(ops.equal(place, 0), CLASSIFICATION, second)


def compared(first: Sequence[Any], second: Sequence[Any], pairing: str) -> Any:
    """What a head judges of two texts: (examples, any width).

    Args:
        first: vectors of the one text, (examples, width) each; each has a cosine of its own.
        second: those of the other.
        pairing: `features` or `cosine`.
    """
    import keras

    ops = keras.ops
    parts = []
    for one, other in zip(first, second, strict=True):
        directions = ops.normalize(one, axis=-1) * ops.normalize(other, axis=-1)
        parts.append(ops.sum(directions, axis=-1, keepdims=True))
        if pairing == FEATURES:
            parts += [one, other, ops.abs(one - other), one * other]
    return keras.layers.Dense(HIDDEN, "relu")(ops.concatenate(parts, axis=-1))
