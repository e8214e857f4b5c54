"""Masked tokens and sentence pairs: what BERT is pretrained on. NumPy alone.

Devlin et al. 2019, arXiv:1810.04805, section 3.1 and appendix A.
"""

from collections.abc import Sequence

import numpy as np

from harness.kinds.text.packing import packed
from harness.kinds.text.tokenizer import MASK, PADDING, RESERVED

SHARE = 0.15
"""Of the tokens of an example, how many are to be told."""
MASKED, REPLACED = 0.8, 0.1
"""Of those, how many become `[MASK]`, and how many another piece; the rest stays."""

Documents = Sequence[Sequence[Sequence[int]]]
"""Ids of each sentence of each document."""


def most_masked(longest: int) -> int:
    """Most tokens that are masked in an example of that many."""
    return round(SHARE * longest)


def sentence_pairs(
    documents: Documents, longest: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every document once, as pairs of stretches of sentences; half of them follow each other.

    A first stretch is as many sentences as fill about half of an example. The second is what
    follows it in its document, or, as likely, what stands somewhere in another one of the same
    documents; then the document goes on behind the first stretch.

    Args:
        documents: of one split, at least two.
        longest: tokens of an example.
        random: decides.

    Returns:
        `tokens` and `segments`, see `packed`, and `follows`, int32 of shape (examples,): 1 where
        the second stretch follows the first in the text.
    """
    documents = [[s for s in document if len(s)] for document in documents]
    documents = [document for document in documents if document]
    if len(documents) < 2:
        raise ValueError(f"{len(documents)} documents with text; expected at least 2")
    half = (longest - 3) // 2
    first, second, follows = [], [], []
    for number, document in enumerate(documents):
        start = 0
        while start < len(document):
            a, after = _stretch(document, start, half)
            true = after < len(document) and random.random() < 0.5
            if true:
                b, after = _stretch(document, after, longest - 3 - min(len(a), half))
            else:
                other = int(random.integers(len(documents) - 1))
                other += other >= number
                begin = int(random.integers(len(documents[other])))
                b, _ = _stretch(documents[other], begin, longest - 3 - min(len(a), half))
            first.append(a)
            second.append(b)
            follows.append(true)
            start = after
    tokens, segments = packed(first, second, longest)
    return tokens, segments, np.array(follows, "int32")


def _stretch(document: Sequence[Sequence[int]], start: int, room: int) -> tuple[list[int], int]:
    """Sentences from `start` on until there is no more room (at least one), and the next one."""
    ids = list(document[start])
    after = start + 1
    while after < len(document) and len(ids) + len(document[after]) <= room:
        ids += document[after]
        after += 1
    return ids, after


def masked(
    tokens: np.ndarray,
    random: np.random.Generator,
    size: int,
    continues: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hides tokens that a model is to tell: 15 % of each example, never padding, unknown ones
    or other reserved ids.

    Of those chosen, 80 % become `[MASK]`, 10 % any other piece, 10 % stay as they are.

    Args:
        tokens: ids, shape (examples, longest).
        random: decides.
        size: pieces of the vocabulary.
        continues: which pieces go on a word, bool of shape (size,): then whole words are chosen,
            all of whose pieces are to be told; a word that is too many is left out.

    Returns:
        The tokens a model reads, of the same shape; the `positions` of the chosen ones in
        rising order and what they were, `originals`, both int32 of shape (examples, most),
        filled up with zeros.
    """
    longest = tokens.shape[1]
    most = most_masked(longest)
    open_ = tokens >= len(RESERVED)
    counts = open_.sum(axis=1)
    wanted = np.minimum(most, np.maximum(1, np.round(SHARE * counts).astype(int)))
    wanted = np.where(counts == 0, 0, wanted)
    # Words are drawn in random order; a piece has the place of its word.
    order = random.random(tokens.shape)
    if continues is not None:
        begins = ~(continues[tokens] & open_)
        word = np.maximum.accumulate(np.where(begins, np.arange(longest), 0), axis=1)
        order = np.take_along_axis(order, word, axis=1)
    order = np.where(open_, order, 2.0)
    ranked = np.argsort(order, axis=1, kind="stable")
    place = np.empty_like(ranked)
    np.put_along_axis(place, ranked, np.broadcast_to(np.arange(longest), ranked.shape), axis=1)
    chosen = open_ & (place < wanted[:, None])
    if continues is not None:
        chosen = _whole(chosen, open_, word)
    kept = np.argsort(~chosen, axis=1, kind="stable")[:, :most]
    real = np.take_along_axis(chosen, kept, axis=1)
    positions = np.where(real, kept, 0).astype("int32")
    originals = np.where(real, np.take_along_axis(tokens, kept, axis=1), PADDING).astype("int32")
    fate = random.random(tokens.shape)
    others = random.integers(len(RESERVED), size, tokens.shape)
    hidden = np.where(fate < MASKED, MASK, np.where(fate < MASKED + REPLACED, others, tokens))
    return np.where(chosen, hidden, tokens).astype("int32"), positions, originals


def _whole(chosen: np.ndarray, open_: np.ndarray, word: np.ndarray) -> np.ndarray:
    """Without the words of which only a part was chosen."""
    examples, longest = chosen.shape
    flat = (np.arange(examples)[:, None] * longest + word).ravel()
    size = examples * longest
    missing = np.bincount(flat, (open_ & ~chosen).ravel(), size)[flat].reshape(chosen.shape)
    whole = chosen & (missing == 0)
    # A single word that is longer than all that may be told: a part of it is better than nothing.
    return np.where(whole.any(axis=1, keepdims=True), whole, chosen)


def unmasked(tokens: np.ndarray, positions: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """The tokens before `masked` hid some, from what it returned."""
    restored = np.array(tokens)
    rows, slots = np.nonzero(originals != PADDING)
    restored[rows, positions[rows, slots]] = originals[rows, slots]
    return restored
