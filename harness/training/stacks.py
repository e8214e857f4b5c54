"""Batches by the dozen, for steps that follow each other on the device.

Frameworks are imported inside functions, so that the driver can import this file without loading
one.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.spec import Array, Split, Windows
from harness.training.batches import Batches
from harness.training.readers import COMPILED_MULTIPLE, mapped

STEPS, STEPS_OF_VARYING = 64, 8
"""Steps that one launch may take. Batches whose length varies seldom follow others of theirs."""
STACKED_BYTES = 2**26
"""Of the batches of one launch, at most."""
RESIDENT_SHARE = 0.25
"""Of an accelerator's free memory, which the training examples may take."""

Cut = tuple[int, ...]
"""Examples of a batch, and the steps left of each array whose length varies."""


class Stacks:
    """The batches of an epoch, several of one shape at once.

    Args:
        batches: which examples make up each batch.
        resident: whether the examples lie on the device, where their batches are gathered.
        beside: stacks of the same examples in another order, which lie there once for both.
    """

    def __init__(
        self, batches: Batches, resident: bool = False, beside: "Stacks | None" = None
    ) -> None:
        self.batches = batches
        self.resident = resident
        most = STEPS_OF_VARYING if batches.lengths else STEPS
        self.room = max(1, min(most, STACKED_BYTES // max(1, _bytes(batches.split, batches.size))))
        """Batches of a stack, those included that only fill it up."""
        self._read = mapped(batches, self._reader) if resident and beside is None else None
        if resident and beside is not None:
            self._read = beside._read
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Draws the order of the next epoch."""
        self._chosen = list(self.batches.epoch())
        self._cuts = [self._cut(chosen) for chosen in self._chosen]

    def __len__(self) -> int:
        return len(self._chosen)

    def alike(self, first: int, most: int) -> int:
        """How many batches from one on have its shape: that one, and as many as there is room for.

        Args:
            first: number of the batch.
            most: how many are wanted at most.
        """
        end = first + 1
        while end < min(len(self), first + min(most, self.room)):
            if self._cuts[end] != self._cuts[first]:
                break
            end += 1
        return end - first

    def stack(self, first: int, count: int) -> tuple[Any, ...]:
        """Batches of one shape as a fit gets them, each array of shape (room, batch, ...).

        Args:
            first: number of the first one.
            count: how many; what is behind them is never read.
        """
        examples, *cuts = self._cuts[first]
        chosen = np.zeros((self.room, examples), "int64")
        chosen[:count] = self._chosen[first : first + count]
        ends = dict(zip(self.batches.lengths, cuts, strict=True))
        if self._read is not None:
            import jax

            index = jax.numpy.asarray(chosen)
            return tuple(jax.tree.map(lambda read: read(index, ends), part) for part in self._read)

        def rows(name: str, array: Array) -> np.ndarray:
            found = array[chosen[:count].reshape(-1)]
            found = found[:, : ends[name]] if name in ends else found
            result = np.zeros((self.room, examples, *found.shape[1:]), found.dtype)
            result[:count] = found.reshape(count, examples, *found.shape[1:])
            return result

        return mapped(self.batches, rows)

    def _cut(self, chosen: np.ndarray) -> Cut:
        ends = (int(lengths[chosen].max()) for lengths in self.batches.lengths.values())
        return len(chosen), *(-(-end // COMPILED_MULTIPLE) * COMPILED_MULTIPLE for end in ends)

    @staticmethod
    def _reader(name: str, array: Array) -> Callable[[Any, dict[str, int]], Any]:
        """A function from numbers of examples, and from the cuts, to those examples."""
        import jax

        numpy = jax.numpy

        @jax.jit
        def rows(values: tuple[Any, ...], chosen: Any) -> Any:
            if len(values) == 1:
                return values[0][chosen]
            series, starts, within = values
            return series[starts[chosen][..., None] + within]

        values: tuple[Any, ...] = (numpy.asarray(np.asarray(array)),) if not isinstance(
            array, Windows
        ) else (
            numpy.asarray(array.series), numpy.asarray(array.starts), numpy.arange(array.length)
        )  # fmt: skip

        def read(chosen: Any, ends: dict[str, int]) -> Any:
            found = rows(values, chosen)
            return found[:, :, : ends[name]] if name in ends else found

        return read


def fits(split: Split) -> bool:
    """Whether the examples of a split may lie on the accelerator that JAX computes on. Not on a
    processor: there they lie where they are computed on anyway."""
    import jax

    told = jax.local_devices()[0].memory_stats() or {}
    if jax.default_backend() == "cpu" or "bytes_limit" not in told:
        return False
    free = told["bytes_limit"] - told.get("bytes_in_use", 0)
    stored = {id(a): a.nbytes for array in _arrays(split) for a in _parts(array)}
    return bool(sum(stored.values()) <= RESIDENT_SHARE * free)


def _arrays(split: Split) -> list[Array]:
    weight = [] if split.weight is None else [split.weight]
    return [*split.x.values(), *split.y.values(), *weight]


def _parts(array: Array) -> list[np.ndarray]:
    return [array.series, array.starts] if isinstance(array, Windows) else [array]


def _bytes(split: Split, examples: int) -> int:
    """Of a batch."""
    each = (math.prod(array.shape[1:]) * array.dtype.itemsize for array in _arrays(split))
    return examples * sum(each)
