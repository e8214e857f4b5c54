"""What a fit is fed with: a split's batches, shuffled anew in each epoch.

Examples whose length varies are batched with others of about their length, and a batch is cut
where its longest example ends, so that little is computed on what only fills up.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from harness.spec import Array, Split, TensorSpec, Windows

FIXED: Mapping[str, str] = MappingProxyType({})
"""Of data whose lengths do not vary."""
EVALUATED_VALUES = 2**25
"""Most values that the outputs of one batch of validation hold: 128 MiB of 32-bit floats."""
POOL = 50
"""Batches that are sorted by length together, then shuffled. Random pools keep the batches of
an epoch different from those of the one before."""
Redraw = Callable[[Split, np.random.Generator], Split]
MULTIPLE, COMPILED_MULTIPLE = 4, 32
"""Batches are cut at multiples of it. The second is for backends whose every step XLA compiles:
each shape is a program of its own. On a GPU, translators cut at multiples of 16 compiled for two to
six minutes in their first epoch, and needed two seconds for each one after it."""


def subset(split: Split, fraction: float) -> Split:
    """A random part of a split: the same one for every trial of every architecture."""
    if fraction >= 1.0:
        return split
    count = max(1, round(fraction * len(split)))
    chosen = np.sort(np.random.default_rng(0).permutation(len(split))[:count])

    def part(array: Array) -> Array:
        return array.take(chosen) if isinstance(array, Windows) else array[chosen]

    return Split(
        {name: part(array) for name, array in split.x.items()},
        {name: part(array) for name, array in split.y.items()},
        None if split.weight is None else split.weight[chosen],
    )


def evaluation_batch(outputs: Mapping[str, TensorSpec], batch_size: int) -> int:
    """Examples of a batch of validation: those of training, or fewer where the outputs are
    large, as the logits of a whole vocabulary at every step are."""
    values = sum(
        int(np.prod([side or tensor.longest or 1 for side in tensor.shape])) * (tensor.size or 1)
        for tensor in outputs.values()
    )
    return max(1, min(batch_size, EVALUATED_VALUES // values))


def data_arguments(
    train: Split,
    val: Split,
    batch_size: int,
    validation_batch_size: int,
    seed: int,
    varying: Mapping[str, str] = FIXED,
    redraw: Redraw | None = None,
) -> dict[str, Any]:
    """The data as arguments of `keras.Model.fit`, shuffled anew in each epoch.

    TensorFlow gets `tf.data` pipelines that gather batches by index: given arrays and a
    global seed, Keras repeats the same order in every epoch there, and takes twice as long
    for a small model. The other backends get batches that are cut when they are asked for.

    Args:
        train: examples to fit to.
        val: examples to validate on.
        batch_size: training examples of a step.
        validation_batch_size: examples of a step of validation.
        seed: of the order.
        varying: inputs and outputs whose length varies, see `varying`.
        redraw: what makes of the training split that of an epoch; lengths must stay as they are.
    """
    import keras

    on_tensorflow = keras.backend.backend() == "tensorflow"
    batches = Batches(train, batch_size, seed, varying, redraw, whole=not on_tensorflow)
    validation = Batches(val, validation_batch_size, None, varying)
    feed = _pipeline if on_tensorflow else _cutter
    return {
        # A pipeline holds the arrays it was made with.
        "x": _cutter(batches) if redraw else feed(batches),
        "shuffle": False,  # by Keras; the batches are
        "validation_data": feed(validation),
    }


def training_steps(examples: int, batch_size: int) -> int:
    """Steps of an epoch of training, on the backend that is in use."""
    import keras

    return _count(examples, batch_size, whole=keras.backend.backend() != "tensorflow")


def _count(examples: int, size: int, whole: bool) -> int:
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
    """

    def __init__(
        self,
        split: Split,
        size: int,
        seed: int | None,
        varying: Mapping[str, str] = FIXED,
        redraw: Redraw | None = None,
        whole: bool = False,
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

    def __len__(self) -> int:
        return _count(len(self.split), self.size, self.whole)

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


def varying(tensors: Mapping[str, TensorSpec]) -> dict[str, str]:
    """The tensors whose length varies, and for each the one whose values tell that length."""
    return {
        name: tensor.aligned or name
        for name, tensor in tensors.items()
        if tensor.longest is not None
    }


def first_example(split: Split, varying: Mapping[str, str] = FIXED) -> dict[str, np.ndarray]:
    """The inputs of a batch of one, cut where it ends."""
    example = {name: np.asarray(array[:1]) for name, array in split.x.items()}

    def cut(name: str, array: np.ndarray) -> np.ndarray:
        if name not in varying:
            return array
        return array[:, : int(example_lengths(example[varying[name]])[0])]

    return {name: cut(name, array) for name, array in example.items()}


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


def _mapped(batches: Batches, read: Callable[[Array, np.ndarray | None], Any]) -> tuple[Any, ...]:
    """What `read` makes of each array and the lengths of its examples, if they vary."""

    def side(arrays: Mapping[str, Array]) -> dict[str, Any]:
        return {name: read(array, batches.lengths.get(name)) for name, array in arrays.items()}

    split = batches.split
    weight = None if split.weight is None else read(split.weight, None)
    return _arrays(Split(side(split.x), side(split.y), weight))


def _arrays(split: Split) -> tuple[Any, ...]:
    """Inputs by name, a single output as the bare array, and weights where there are some."""
    y = dict(split.y) if len(split.y) > 1 else next(iter(split.y.values()))
    return (dict(split.x), y) if split.weight is None else (dict(split.x), y, split.weight)


def _pipeline(batches: Batches) -> Any:
    """Batches as a `tf.data.Dataset`."""
    import tensorflow as tf

    constants: dict[int, Any] = {}  # windows over the same series share it

    def constant(array: np.ndarray) -> Any:
        return constants.setdefault(id(array), tf.constant(array))

    def reader(array: Array, lengths: np.ndarray | None) -> Any:
        """A function from numbers of examples to those examples."""
        if isinstance(array, Windows):
            series, starts = constant(array.series), constant(array.starts)
            within = tf.range(array.length, dtype=tf.int64)
            return lambda chosen: tf.gather(series, tf.gather(starts, chosen)[:, None] + within)
        values = constant(array)
        if lengths is None:
            return lambda chosen: tf.gather(values, chosen)
        ends = constant(lengths)

        def cut(chosen: Any) -> Any:
            longest = tf.reduce_max(tf.gather(ends, chosen))
            return tf.gather(values, chosen)[:, : -(-longest // MULTIPLE) * MULTIPLE]

        return cut

    readers = _mapped(batches, reader)
    if batches.lengths:
        indices = tf.data.Dataset.from_generator(
            batches.epoch, output_signature=tf.TensorSpec((None,), tf.int64)
        ).apply(tf.data.experimental.assert_cardinality(len(batches)))
    else:
        indices = tf.data.Dataset.range(len(batches.split))
        if batches.seed is not None:
            indices = indices.shuffle(
                len(batches.split), seed=batches.seed, reshuffle_each_iteration=True
            )
        indices = indices.batch(batches.size)
    pipeline = indices.map(lambda chosen: tf.nest.map_structure(lambda read: read(chosen), readers))
    options = tf.data.Options()
    # One short step: the threads that would tune it cost more than they could save.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return pipeline.prefetch(2).with_options(options)


def _cutter(batches: Batches) -> Any:
    """Batches for any backend, cut when they are asked for."""
    import keras

    on_tensorflow = keras.backend.backend() == "tensorflow"
    multiple = MULTIPLE if on_tensorflow else COMPILED_MULTIPLE

    class Cutter(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.on_epoch_end()

        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, batch: int) -> Any:
            chosen = self.epoch[batch]

            def rows(array: Array, lengths: np.ndarray | None) -> np.ndarray:
                if lengths is None:
                    return array[chosen]
                return array[chosen, : -(-int(lengths[chosen].max()) // multiple) * multiple]

            return _mapped(batches, rows)

        def on_epoch_end(self) -> None:
            self.epoch = list(batches.epoch())

    return Cutter()
