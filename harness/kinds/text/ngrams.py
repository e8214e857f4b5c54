"""Language models that count: the floor and the classic rival of the networks.

Everything is done on whole arrays, so that two million tokens take seconds.
"""

from dataclasses import dataclass

import numpy as np

LONGEST = 6
"""Tokens of the longest n-grams that are tried."""


def unigram_log_likelihoods(train: np.ndarray, test: np.ndarray, vocabulary: int) -> np.ndarray:
    """Log-probability of each test token by its frequency in training, in nats.

    One occurrence is added to every word (Laplace), so that none is impossible.

    Args:
        train, test: token ids, shapes (tokens,).
        vocabulary: number of token ids.

    Returns:
        Shape (test tokens,).
    """
    counts = np.bincount(train, minlength=vocabulary) + 1
    return np.asarray(np.log(counts / counts.sum())[test])


@dataclass(frozen=True)
class _Level:
    """The n-grams of one length, one at each place of a text, and how often each counts."""

    ngrams: np.ndarray
    """Number of the n-gram that begins at each place."""
    contexts: np.ndarray
    """Of each n-gram the number of its first n - 1 tokens."""
    rests: np.ndarray
    """And of its last n - 1."""
    counts: np.ndarray
    """How often each n-gram was seen in training."""


def kneser_ney_log_likelihoods(
    train: np.ndarray, test: np.ndarray, vocabulary: int, longest: int = 3
) -> list[np.ndarray]:
    """Log-probabilities of test tokens by interpolated Kneser-Ney n-grams, in nats.

    Kneser and Ney 1995, interpolated as in Chen and Goodman 1998 (TR-10-98, section 2.8): one
    discount for each length of n-gram, n1 / (n1 + 2 n2); lower orders count in how many
    contexts an n-gram was seen; below the unigram every word is as likely as any other.

    Args:
        train, test: token ids, shapes (tokens,). The first test tokens have the shorter context
            that there is.
        vocabulary: number of token ids.
        longest: tokens of the longest n-grams.

    Returns:
        For the n-grams of each length from 1 to `longest`, shape (test tokens,).
    """
    levels = _levels(train, test, vocabulary, longest)
    lower = np.full(len(test), 1 / vocabulary)
    found = []
    for length, level in enumerate(levels, start=1):
        found.append(np.log(_interpolated(level, level.counts, lower, length, len(train))))
        if length < len(levels):
            # For longer ones: in how many contexts, not how often.
            above = levels[length]
            kinds = np.bincount(above.rests[above.counts > 0], minlength=len(level.counts))
            lower = _interpolated(level, kinds, lower, length, len(train))
    return found


def _levels(train: np.ndarray, test: np.ndarray, vocabulary: int, longest: int) -> list[_Level]:
    """The n-grams of lengths 1 to `longest`, numbered over both texts, counted in training."""
    both = np.concatenate([train, test]).astype("int64")
    before, levels = np.zeros(len(both) + 1, "int64"), []
    for length in range(1, min(longest, len(train), len(test)) + 1):
        last = both[length - 1 :]
        keys, ngrams = np.unique(before[: len(last)] * vocabulary + last, return_inverse=True)
        rests = np.empty(len(keys), "int64")
        rests[ngrams] = before[1 : len(last) + 1]
        seen = ngrams[: len(train) - length + 1]
        counts = np.bincount(seen, minlength=len(keys))
        levels.append(_Level(ngrams, keys // vocabulary, rests, counts))
        before = ngrams
    return levels


def _interpolated(
    level: _Level, counts: np.ndarray, lower: np.ndarray, length: int, begin: int
) -> np.ndarray:
    """Probabilities of the test tokens by n-grams of a length and all below.

    Args:
        level: the n-grams.
        counts: how often each counts.
        lower: probabilities by shorter ones.
        length: tokens of the n-grams.
        begin: place of the first test token.
    """
    once, twice = (int((counts == n).sum()) for n in (1, 2))
    # Something must be left for the n-grams that were never seen.
    discount = once / (once + 2 * twice) if once else 0.5
    totals = np.bincount(level.contexts, counts)
    followers = np.bincount(level.contexts, counts > 0)
    ngrams = level.ngrams[begin:]  # those that lie in the test text, by their last token
    context = level.contexts[ngrams]
    total, rest = totals[context], lower[length - 1 :]
    higher = np.maximum(counts[ngrams] - discount, 0) + discount * followers[context] * rest
    known = np.where(total > 0, higher / np.maximum(total, 1), rest)
    return np.concatenate([lower[: length - 1], known])
