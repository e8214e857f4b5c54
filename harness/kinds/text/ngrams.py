"""Language models that count: the floor and the classic rival of the networks.

Everything is done on whole arrays, so that two million tokens take seconds.
"""

from dataclasses import dataclass

import numpy as np

ORDER = 3


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
    """The n-grams of one length: how often each was counted, and what its context knows."""

    ngrams: np.ndarray
    """Sorted keys of the n-grams."""
    counts: np.ndarray
    contexts: np.ndarray
    """Sorted keys of their first n - 1 tokens."""
    totals: np.ndarray
    """Sum of the counts behind each context."""
    followers: np.ndarray
    """Number of different n-grams behind each context."""
    discount: float


def kneser_ney_log_likelihoods(train: np.ndarray, test: np.ndarray, vocabulary: int) -> np.ndarray:
    """Log-probability of each test token by an interpolated Kneser-Ney trigram, in nats.

    Kneser and Ney 1995, interpolated as in Chen and Goodman 1998 (TR-10-98, section 2.8): one
    discount for each length of n-gram, n1 / (n1 + 2 n2); lower orders count in how many
    contexts an n-gram was seen; below the unigram every word is as likely as any other.

    Args:
        train, test: token ids, shapes (tokens,). The first two test tokens have the shorter
            context that there is.
        vocabulary: number of token ids; its cube must fit 63 bits.

    Returns:
        Shape (test tokens,).
    """
    levels = _levels(train.astype("int64"), vocabulary)
    test = test.astype("int64")
    probability = np.full(len(test), 1 / vocabulary)
    for length, level in enumerate(levels, start=1):
        known = np.arange(len(test)) >= length - 1
        keys = _keys(test, length, vocabulary)
        count = _look_up(level.ngrams, level.counts, keys)
        context = keys // vocabulary
        total = _look_up(level.contexts, level.totals, context)
        followers = _look_up(level.contexts, level.followers, context)
        seen = total > 0
        total = np.where(seen, total, 1)
        lower = probability[known]
        higher = (
            np.maximum(count - level.discount, 0) + level.discount * followers * lower
        ) / total
        probability[known] = np.where(seen, higher, lower)
    return np.asarray(np.log(probability))


def _levels(train: np.ndarray, vocabulary: int) -> list[_Level]:
    """The n-grams of lengths 1 to `ORDER`."""
    levels: list[_Level] = []
    ngrams, counts = np.unique(_keys(train, ORDER, vocabulary), return_counts=True)
    for length in range(ORDER, 0, -1):
        contexts, first = np.unique(ngrams // vocabulary, return_index=True)
        once, twice = (int((counts == n).sum()) for n in (1, 2))
        levels.append(
            _Level(
                ngrams=ngrams,
                counts=counts,
                contexts=contexts,
                totals=np.add.reduceat(counts, first),
                followers=np.diff(np.append(first, len(ngrams))),
                # Something must be left for the n-grams that were never seen.
                discount=once / (once + 2 * twice) if once else 0.5,
            )
        )
        # The next lower order counts in how many contexts, not how often.
        ngrams, counts = np.unique(ngrams % vocabulary ** (length - 1), return_counts=True)
    return levels[::-1]


def _keys(tokens: np.ndarray, length: int, vocabulary: int) -> np.ndarray:
    """One number for each run of `length` tokens, the first token in the highest place."""
    count = len(tokens) - length + 1
    keys = np.zeros(max(count, 0), "int64")
    for place in range(length):
        keys = keys * vocabulary + tokens[place : place + len(keys)]
    return keys


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The values of sorted keys, 0 for those that are not there."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
