"""Which examples make up each batch of a split, shuffled anew in each epoch.

Examples whose length varies are batched with others of about their length, so that little is
computed on what only fills up.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np

from harness.spec import Split

FIXED: Mapping[str, str] = MappingProxyType({})
"""Of data whose lengths do not vary."""
POOL = 50
"""Batches that are sorted by length together, then shuffled. Random pools keep the batches of
an epoch different from those of the one before."""
Redraw = Callable[[Split, np.random.Generator], Split]


def batches_of(examples: int, size: int, whole: bool) -> int:
    """Batches of so many examples; with `whole` no smaller one but where it is the only one."""
    return max(1, examples // size) if whole else -(-examples // size)


class Batches:
    """Which examples make up each batch of a split, epoch by epoch.

    Args:
        split: the examples.
        size: examples of a batch.
        seed: of the order; without one the order is always the same.
        varying: arrays whose length varies, see `varying`.
        redraw: what makes of the split that of an epoch, if not itself.
        whole: whether the last examples of an epoch's order, too few for a batch, are left out of
            it. XLA would compile the training step once more for them, which took as long as
            hundreds of steps on a GPU.
        drawn: epochs that are over: the next one is that after them.
    """

    def __init__(
        self,
        split: Split,
        size: int,
        seed: int | None,
        varying: Mapping[str, str] = FIXED,
        redraw: Redraw | None = None,
        whole: bool = False,
        drawn: int = 0,
    ) -> None:
        self.whole = whole
        self.given = self.split = split
        self.redraw = redraw
        self.size = size
        self.seed = seed
        self.random = np.random.default_rng(seed)
        arrays = {**split.x, **split.y}
        told = {name: example_lengths(np.asarray(arrays[name])) for name in set(varying.values())}
        self.lengths = {name: told[by] for name, by in varying.items()}
        """Of each example, for the arrays whose length varies."""
        self.drawn = drawn
        for _ in range(drawn):
            for _ in self.epoch():
                pass

    def __len__(self) -> int:
        return batches_of(len(self.split), self.size, self.whole)

    def epoch(self) -> Iterator[np.ndarray]:
        """The examples of each batch of the next epoch, int64 of shape (batch,)."""
        if self.redraw is not None:
            self.split = self.redraw(self.given, self.random)
        examples, shuffled = len(self.split), self.seed is not None
        order = self.random.permutation(examples) if shuffled else np.arange(examples)
        order = order[: len(self) * self.size]
        if not self.lengths:
            yield from _parts(order, self.size)
            return
        total = np.sum([*self.lengths.values()], axis=0)
        pools = _parts(order, POOL * self.size) if shuffled else [order]
        batches = [
            batch
            for pool in pools
            for batch in _parts(pool[np.argsort(total[pool], kind="stable")], self.size)
        ]
        if shuffled:
            self.random.shuffle(batches)
        yield from batches


def example_lengths(array: np.ndarray) -> np.ndarray:
    """Steps of each example up to its last value that is not zero, and at least one.

    Args:
        array: shape (examples, steps, ...).

    Returns:
        Shape (examples,).
    """
    filled = (array != 0).reshape(*array.shape[:2], -1).any(axis=-1)
    ends = np.where(filled, np.arange(1, filled.shape[1] + 1), 0)
    return np.asarray(ends.max(axis=1, initial=1))


def _parts(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[first : first + size] for first in range(0, len(order), size)]
