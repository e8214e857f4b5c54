"""Texts with gaps, as a masked language model is asked about them, and what it would put there."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.text import encoding as encodings
from harness.kinds.text.encoding import TOKENS, VOCABULARY
from harness.kinds.text.hidden_tokens import MASKED_TOKEN, NEXT_SENTENCE, POSITIONS, guesses
from harness.kinds.text.tokenizer import MASK, RESERVED, Tokenizer
from harness.spec import DataSpec


def encode(raw: Any, spec: DataSpec, assets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Texts with gaps, or pairs of them, as a model reads them.

    Args:
        raw: a list of texts, or of pairs of texts, in which `[MASK]` stands for each hidden token.
        spec: of the task.
        assets: of the task.

    Returns:
        `tokens`, `segments` and `positions`, int32. Gaps that are too many, or cut off, are left
        out.

    Raises:
        HarnessError: an input that is something else, named by its number from 0.
    """
    encoding = encodings.of(spec, assets)
    tokenizer = encoding.tokenizer(assets[VOCABULARY])
    first, second = encodings.columns(raw, None)
    others = None if second is None else _with_gaps(tokenizer, second)
    x = encodings.arrays((_with_gaps(tokenizer, first), others), encoding.longest)
    positions = np.zeros((len(first), spec.inputs[POSITIONS].shape[0] or 0), "int32")
    for row, places in enumerate(_gaps(x[TOKENS], positions.shape[1])):
        positions[row, : len(places)] = places
    return {**x, POSITIONS: positions}


def _with_gaps(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The ids of texts, those of their gaps among them."""
    parts = [text.split(RESERVED[MASK]) for text in texts]
    ids = iter(tokenizer.encode([part for text in parts for part in text]))
    return [[n for part in text for n in (MASK, *next(ids))][1:] for text in parts]


def _gaps(tokens: np.ndarray, most: int) -> list[np.ndarray]:
    return [np.flatnonzero(row == MASK)[:most] for row in tokens]


def decode(
    outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any], raw: Any = None
) -> list[dict[str, Any]]:
    """What a model would put in the gaps.

    Args:
        outputs: logits by name.
        spec: of the task.
        assets: of the task.
        raw: the texts that were asked about, see `encode`.

    Returns:
        Of each text `masked_token`, for each gap the likeliest guesses of a `piece` and its
        `probability` (without `raw`, for as many gaps as there can be), and `next_sentence`, the
        probability that the other text follows.
    """
    from scipy.special import softmax

    tokens = softmax(np.asarray(outputs[MASKED_TOKEN], "float64"), axis=-1)
    follows = softmax(np.asarray(outputs[NEXT_SENTENCE], "float64"), axis=-1)[:, 1]
    most = tokens.shape[1]
    counts = [most] * len(tokens)
    if raw is not None:
        counts = [*map(len, _gaps(encode(raw, spec, assets)[TOKENS], most))]
    return [
        {
            MASKED_TOKEN: [guesses(gap, assets[VOCABULARY]) for gap in gaps[:count]],
            NEXT_SENTENCE: float(pair),
        }
        for gaps, count, pair in zip(tokens, counts, follows, strict=True)
    ]
