"""What a fit is fed with: a split's batches, shuffled anew in each epoch.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.spec import Array, Split, TensorSpec, Windows

EVALUATED_VALUES = 2**25
"""Most values that the outputs of one batch of validation hold: 128 MiB of 32-bit floats."""


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
        int(np.prod([side or 1 for side in tensor.shape])) * (tensor.size or 1)
        for tensor in outputs.values()
    )
    return max(1, min(batch_size, EVALUATED_VALUES // values))


def data_arguments(
    train: Split, val: Split, batch_size: int, validation_batch_size: int, seed: int
) -> dict[str, Any]:
    """The data as arguments of `keras.Model.fit`, shuffled anew in each epoch.

    TensorFlow gets `tf.data` pipelines that gather batches by index: given arrays and a
    global seed, Keras repeats the same order in every epoch there, and takes twice as long
    for a small model. The other backends get the arrays, or cut windows batch by batch.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        return {
            "x": _pipeline(train, batch_size, seed),
            "shuffle": False,  # by Keras; the pipeline does
            "validation_data": _pipeline(val, validation_batch_size, None),
        }
    if any(isinstance(array, Windows) for array in (*train.x.values(), *train.y.values())):
        return {
            "x": _cutter(train, batch_size, seed),
            "shuffle": False,  # by Keras; the cutter does
            "validation_data": _cutter(val, validation_batch_size, None),
        }
    names = ("x", "y", "sample_weight")
    arguments = dict(zip(names, _arrays(train), strict=False))
    return {
        **arguments,
        "batch_size": batch_size,
        "validation_data": _arrays(val),
        "validation_batch_size": validation_batch_size,
    }


def _arrays(split: Split) -> tuple[Any, ...]:
    """Inputs by name, a single output as the bare array, and weights where there are some."""
    y = dict(split.y) if len(split.y) > 1 else next(iter(split.y.values()))
    return (dict(split.x), y) if split.weight is None else (dict(split.x), y, split.weight)


def _pipeline(split: Split, batch_size: int, seed: int | None) -> Any:
    """Batches of a split as a `tf.data.Dataset`; in their own order without a seed."""
    import tensorflow as tf

    constants: dict[int, Any] = {}  # windows over the same series share it

    def constant(array: np.ndarray) -> Any:
        return constants.setdefault(id(array), tf.constant(array))

    def reader(array: Array) -> Any:
        """A function from numbers of examples to those examples."""
        if not isinstance(array, Windows):
            values = constant(array)
            return lambda chosen: tf.gather(values, chosen)
        series, starts, steps = constant(array.series), constant(array.starts), array.length
        within = tf.range(steps, dtype=tf.int64)
        return lambda chosen: tf.gather(series, tf.gather(starts, chosen)[:, None] + within)

    readers = tf.nest.map_structure(reader, _arrays(split))
    indices = tf.data.Dataset.range(len(split))
    if seed is not None:
        indices = indices.shuffle(len(split), seed=seed, reshuffle_each_iteration=True)
    pipeline = indices.batch(batch_size).map(
        lambda chosen: tf.nest.map_structure(lambda read: read(chosen), readers)
    )
    options = tf.data.Options()
    # One short step: the threads that would tune it cost more than they could save.
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return pipeline.prefetch(2).with_options(options)


def _cutter(split: Split, batch_size: int, seed: int | None) -> Any:
    """Batches of a split for any backend, cut when they are asked for."""
    import keras

    class Cutter(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.random = None if seed is None else np.random.default_rng(seed)
            self.order = np.arange(len(split))
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(split) // batch_size)

        def __getitem__(self, batch: int) -> Any:
            chosen = self.order[batch * batch_size : (batch + 1) * batch_size]
            return keras.tree.map_structure(lambda array: array[chosen], _arrays(split))

        def on_epoch_end(self) -> None:
            if self.random is not None:
                self.order = self.random.permutation(len(split))

    return Cutter()
