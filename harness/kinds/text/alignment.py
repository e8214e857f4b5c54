"""IBM model 1: which words translate which, learned from sentence pairs alone.

Brown et al. 1993, "The mathematics of statistical machine translation", section 4.2. The
expectation-maximisation here is the textbook's, over arrays: NLTK's `IBMModel1` needs minutes for
10,000 sentence pairs, this seconds for 29,000.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from harness.kinds.text.scripts import UNSPACED

ITERATIONS = 5
_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]")


def words(sentence: str) -> list[str]:
    """The words and the punctuation marks of a sentence; characters of scripts without spaces."""
    return _WORD.findall(sentence)


def dictionary(source: Sequence[str], target: Sequence[str]) -> dict[str, str]:
    """The likeliest translation of each word of the source sentences.

    Args:
        source: sentences.
        target: their translations.
    """
    source_words, source_ids, source_counts = _ids(source)
    target_words, target_ids, target_counts = _ids(target)
    positions = _positions(source_counts, target_counts)
    # Each cell is a word of a translation (its position) beside a word of its source.
    words_there = source_ids[positions[0]].astype("int64")
    words_here = target_ids[positions[1]].astype("int64")
    cells, cell = np.unique(words_there * len(target_words) + words_here, return_inverse=True)
    origin = cells // len(target_words)
    probability = np.full(len(cells), 1.0 / len(target_words))
    for _ in range(ITERATIONS):
        joint = probability[cell]
        share = joint / np.bincount(positions[1], joint)[positions[1]]
        counts = np.bincount(cell, share, len(cells))
        probability = counts / np.bincount(origin, counts)[origin]
    order = np.argsort(probability, kind="stable")  # of each word the likeliest comes last
    best = dict(zip(origin[order].tolist(), cells[order].tolist(), strict=True))
    return {
        source_words[word]: target_words[number % len(target_words)]
        for word, number in best.items()
    }


def word_by_word(sentence: str, known: Mapping[str, str]) -> str:
    """A sentence with each word replaced by its translation; unknown words stay.

    Punctuation marks are set behind the word before them.
    """
    text = " ".join(known.get(word, word) for word in words(sentence))
    return re.sub(r"\s+([.,;:!?])", r"\1", text)


def _ids(sentences: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The different words, the number of each word in turn, and the words of each sentence."""
    split = [words(sentence) for sentence in sentences]
    flat = [word for sentence in split for word in sentence]
    known, ids = np.unique(np.array(flat, dtype=np.str_), return_inverse=True)
    return known.tolist(), ids, np.array([len(sentence) for sentence in split])


def _positions(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Where the two words of each cell stand, shape (2, cells): every word of a translation with
    every word of its source.

    Args:
        source: words of each source sentence.
        target: words of each translation.
    """
    starts = np.cumsum(source) - source
    lengths = np.repeat(source, target)  # of the source of each word of a translation
    here = np.repeat(np.arange(len(lengths)), lengths)
    within = np.arange(len(here)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.stack([np.repeat(starts, source * target) + within, here])
