"""Batches as a fit reads them: a pipeline of TensorFlow, or arrays cut when they are asked for.

A batch of examples whose length varies is cut where its longest example ends.

Frameworks are imported inside functions, so that the driver can import this file without loading
one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.spec import Array, Windows
from harness.training.batches import Batches

MULTIPLE, COMPILED_MULTIPLE = 4, 32
"""Batches are cut at multiples of it. The second is for backends whose every step XLA compiles:
each shape is a program of its own. On a GPU, translators cut at multiples of 16 compiled for two to
six minutes in their first epoch, and needed two seconds for each one after it."""

_ITERATORS = 2
"""Iterators over a pipeline that Keras makes in an epoch: one that is read, and one at its end."""


def pipeline(batches: Batches) -> Any:
    """Batches as a `tf.data.Dataset`."""
    import tensorflow as tf

    constants: dict[int, Any] = {}  # windows over the same series share it

    def constant(array: np.ndarray) -> Any:
        return constants.setdefault(id(array), tf.constant(array))

    def reader(name: str, array: Array) -> Any:
        """A function from numbers of examples to those examples."""
        lengths = batches.lengths.get(name)
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

    readers = mapped(batches, reader)
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
    pipeline = pipeline.prefetch(2).with_options(options)
    if batches.seed is not None and not batches.lengths:
        for _ in range(_ITERATORS * batches.drawn):
            iter(pipeline)  # each has the next order of TensorFlow's
    return pipeline


def cutter(batches: Batches) -> Any:
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

            def rows(name: str, array: Array) -> np.ndarray:
                lengths = batches.lengths.get(name)
                if lengths is None:
                    return array[chosen]
                return array[chosen, : -(-int(lengths[chosen].max()) // multiple) * multiple]

            return mapped(batches, rows)

        def on_epoch_end(self) -> None:
            self.epoch = list(batches.epoch())

    return Cutter()


def mapped(batches: Batches, read: Callable[[str, Array], Any]) -> tuple[Any, ...]:
    """What `read` makes of the name of each array and of the array, arranged as a fit gets it:
    inputs by name, a single output as the bare array, and weights where there are some."""
    split = batches.split
    x = {name: read(name, array) for name, array in split.x.items()}
    outputs = {name: read(name, array) for name, array in split.y.items()}
    y = outputs if len(outputs) > 1 else next(iter(outputs.values()))
    return (x, y) if split.weight is None else (x, y, read("weight", split.weight))
