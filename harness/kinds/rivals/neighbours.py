"""Hidden tokens told without a network: from the token before and the token behind."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.kinds.text.tokenizer import MASK

DISCOUNT = 0.75
"""Taken off each count, for what was never seen: Ney, Essen and Kneser 1994, about."""
WEIGHTS = (0.25, 0.5, 0.75, 1.0)
"""Of what the neighbours say, to choose from."""
CHOSEN_ON = 4_000
"""Hidden tokens of validation that weights are compared on."""
CHUNK = 256
"""Hidden tokens that are told at once."""


@dataclass(frozen=True)
class Gaps:
    """Hidden tokens: what stands before and behind each, and what it was. Shapes (gaps,)."""

    before: np.ndarray
    behind: np.ndarray
    truth: np.ndarray


def gaps(tokens: np.ndarray, positions: np.ndarray, originals: np.ndarray) -> Gaps:
    """The gaps of examples, as `masking.masked` returns them; padding is left out."""
    rows, slots = np.nonzero(originals)
    places = positions[rows, slots]
    last = tokens.shape[1] - 1
    return Gaps(
        tokens[rows, np.maximum(0, places - 1)],
        tokens[rows, np.minimum(last, places + 1)],
        originals[rows, slots],
    )


@dataclass(frozen=True)
class _Side:
    """How often which token stands beside another, on one side."""

    counts: Any
    """Sparse, shape (tokens, tokens): a row for each neighbour."""
    totals: np.ndarray
    different: np.ndarray

    def log_lift(self, neighbours: np.ndarray, frequency: np.ndarray) -> np.ndarray:
        """How much likelier each token is beside a neighbour than elsewhere, as a logarithm:
        (neighbours, tokens); 0 beside one that was never seen, or is hidden itself."""
        seen = np.asarray(self.counts[neighbours].todense())
        total = self.totals[neighbours][:, None]
        rest = DISCOUNT * self.different[neighbours][:, None]
        known = (total > 0) & (neighbours != MASK)[:, None]
        probability = (np.maximum(seen - DISCOUNT, 0) + rest * frequency) / np.maximum(total, 1)
        return np.asarray(np.log(np.where(known, probability, frequency) / frequency))


class Neighbours:
    """Tells hidden tokens by the naive Bayes rule from both neighbours.

    The probability of a token is its frequency, times how much likelier it is beside either
    neighbour raised to a weight, as what both say overlaps.

    Args:
        tokens: of training, none hidden, shape (examples, longest).
        size: of the vocabulary.
    """

    def __init__(self, tokens: np.ndarray, size: int) -> None:
        pairs = tokens[:, :-1].ravel(), tokens[:, 1:].ravel()
        real = (pairs[0] > 0) & (pairs[1] > 0)
        left, right = (side[real].astype(np.int64) for side in pairs)
        counts = np.bincount(tokens[tokens > 0], minlength=size) + 1.0
        self.frequency = counts / counts.sum()
        self.before, self.behind = _side(left, right, size), _side(right, left, size)
        self.weight = WEIGHTS[-1]

    def choose_weight(self, found: Gaps) -> None:
        """Takes the weight under which these gaps are the likeliest."""
        step = -(-len(found.truth) // CHOSEN_ON) if len(found.truth) else 1
        some = Gaps(found.before[::step], found.behind[::step], found.truth[::step])
        losses = {}
        for weight in WEIGHTS:
            self.weight = weight
            losses[weight] = -self.tell(some)[0].mean()
        self.weight = min(losses, key=lambda weight: losses[weight])

    def tell(self, found: Gaps) -> tuple[np.ndarray, np.ndarray]:
        """Of each gap the log-likelihood of what stood there, and whether it is the likeliest."""
        from scipy.special import log_softmax

        own, right = [np.zeros(0)], [np.zeros(0, bool)]
        for first in range(0, len(found.truth), CHUNK):
            part = slice(first, first + CHUNK)
            lift = self.before.log_lift(found.before[part], self.frequency)
            lift += self.behind.log_lift(found.behind[part], self.frequency)
            told = log_softmax(np.log(self.frequency) + self.weight * lift, axis=-1)
            truth = found.truth[part]
            own.append(told[np.arange(len(truth)), truth])
            right.append(told.argmax(axis=-1) == truth)
        return np.concatenate(own), np.concatenate(right)


def _side(neighbours: np.ndarray, tokens: np.ndarray, size: int) -> _Side:
    from scipy.sparse import csr_matrix

    counts = csr_matrix((np.ones(len(tokens)), (neighbours, tokens)), shape=(size, size))
    counts.sum_duplicates()
    different = np.diff(counts.indptr)
    return _Side(counts, np.asarray(counts.sum(axis=1)).ravel(), different)
