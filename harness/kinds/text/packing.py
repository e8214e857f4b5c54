"""Ids of texts as the arrays that an encoder reads. NumPy alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.kinds.text.tokenizer import CLASSIFICATION, PADDING, SEPARATOR

Ids = Sequence[Sequence[int]]
"""Of each text."""
Sides = tuple[Ids, Ids | None]
"""Of each text, and of the other text of each pair if there are pairs."""


def packed(first: Ids, second: Ids | None, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts or pairs of them as a BERT reads them: `[CLS] first [SEP] second [SEP]`.

    Of a pair that is too long, ids are taken from the end of the longer text, one by one.

    Args:
        first: ids of each text.
        second: of the other text of each pair, if there are pairs.
        longest: most ids of an example.

    Returns:
        `tokens` and `segments`, int32 of shape (examples, longest): ids, filled up with padding,
        and 1 where a token belongs to a second text (its separator included), else 0.
    """
    tokens = np.full((len(first), longest), PADDING, "int32")
    segments = np.zeros_like(tokens)
    pairs: Any = zip(first, second, strict=True) if second is not None else ((a, []) for a in first)
    for row, (a, b) in enumerate(pairs):
        room = longest - (2 if second is None else 3)
        a, b = list(a), list(b)
        shorter = min(len(a), len(b), room // 2)
        a, b = (a[: room - shorter], b[:shorter]) if len(a) > len(b) else (
            a[:shorter], b[: room - shorter])  # fmt: skip
        ids = [CLASSIFICATION, *a, SEPARATOR]
        if second is not None:
            segments[row, len(ids) : len(ids) + len(b) + 1] = 1
            ids += [*b, SEPARATOR]
        tokens[row, : len(ids)] = ids
    return tokens, segments
