"""What the fit of one trial is fed with: which data, in which batches, and how many steps.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.spec import Array, Prepared, Split, TensorSpec, Windows
from harness.training.batches import FIXED, Batches, Redraw, batches_of, example_lengths
from harness.training.readers import cutter, pipeline

EVALUATED_VALUES = 2**25
"""Most values that the outputs of one batch of validation hold: 128 MiB of 32-bit floats."""

RedrawWith = Callable[[Split, Mapping[str, Any], np.random.Generator], Split]
"""A `Task.redraw`, which is given the assets of the data as well."""


@dataclass(frozen=True)
class Feed:
    """The data of one trial, ready to be fitted to; built once, when the trial begins."""

    train: Split
    """Examples to fit to."""
    val: Split
    """Examples to validate on."""
    batch_size: int
    """Training examples of a step."""
    validation_batch_size: int
    """Examples of a step of validation."""
    seed: int
    """Of the order of the training examples, which is another in each epoch."""
    varying: Mapping[str, str] = field(default_factory=lambda: FIXED)
    """Inputs and outputs whose length varies, see `varying`."""
    redraw: Redraw | None = None
    """What makes of the training split that of an epoch; lengths must stay as they are."""
    drawn: int = 0
    """Epochs whose order is over: an earlier attempt at the trial was trained in it."""

    @classmethod
    def of(
        cls,
        data: Prepared,
        batch_size: int,
        seed: int,
        fraction: float = 1.0,
        redraw: RedrawWith | None = None,
    ) -> "Feed":
        """The feed of a trial on a task's data; the test split is not looked at.

        Args:
            data: of the task.
            batch_size: training examples of a step.
            seed: of the order.
            fraction: share of the training split that is trained on.
            redraw: `Task.redraw`.
        """
        return cls(
            train=subset(data.train, fraction),
            val=data.val,
            batch_size=batch_size,
            validation_batch_size=evaluation_batch(data.spec.outputs, batch_size),
            seed=seed,
            varying=varying({**data.spec.inputs, **data.spec.outputs}),
            redraw=None if redraw is None else functools.partial(_redrawn, redraw, data.assets),
        )

    @property
    def steps(self) -> int:
        """Steps of an epoch of training, on the backend that is in use."""
        return batches_of(len(self.train), self.batch_size, whole=not _on_tensorflow())

    def arguments(self) -> dict[str, Any]:
        """The data as arguments of `keras.Model.fit`, shuffled anew in each epoch.

        TensorFlow gets `tf.data` pipelines that gather batches by index: given arrays and a
        global seed, Keras repeats the same order in every epoch there, and takes twice as long
        for a small model. The other backends get batches that are cut when they are asked for.
        """
        read = pipeline if _on_tensorflow() else cutter
        return {
            # A pipeline holds the arrays it was made with.
            "x": cutter(self.batches()) if self.redraw else read(self.batches()),
            "shuffle": False,  # by Keras; the batches are
            "validation_data": read(self.validation_batches()),
        }

    def batches(self) -> Batches:
        """Those of training, whose next epoch is yet to be drawn."""
        return Batches(
            self.train, self.batch_size, self.seed, self.varying, self.redraw,
            whole=not _on_tensorflow(), drawn=self.drawn,
        )  # fmt: skip

    def validation_batches(self) -> Batches:
        """Those of validation, in order."""
        return Batches(self.val, self.validation_batch_size, None, self.varying)

    def example(self) -> tuple[dict[str, Any], Any]:
        """Inputs and outputs of a batch of one of validation, of median length where lengths vary,
        as a fit gets them."""
        batches = Batches(self.val, 1, None, self.varying)
        x, y, *_ = cutter(batches)[len(batches) // 2]
        return x, y

    def first_example(self, split: Split) -> dict[str, np.ndarray]:
        """The inputs of a batch of one of a split, cut where it ends."""
        example = {name: np.asarray(array[:1]) for name, array in split.x.items()}

        def cut(name: str, array: np.ndarray) -> np.ndarray:
            if name not in self.varying:
                return array
            return array[:, : int(example_lengths(example[self.varying[name]])[0])]

        return {name: cut(name, array) for name, array in example.items()}


def _redrawn(
    redraw: RedrawWith, assets: Mapping[str, Any], split: Split, random: np.random.Generator
) -> Split:
    return redraw(split, assets, random)


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


def varying(tensors: Mapping[str, TensorSpec]) -> dict[str, str]:
    """The tensors whose length varies, and for each the one whose values tell that length."""
    return {
        name: tensor.aligned or name
        for name, tensor in tensors.items()
        if tensor.longest is not None
    }


def evaluation_batch(outputs: Mapping[str, TensorSpec], batch_size: int) -> int:
    """Examples of a batch of validation: those of training, or fewer where the outputs are
    large, as the logits of a whole vocabulary at every step are."""
    values = sum(
        int(np.prod([side or tensor.longest or 1 for side in tensor.shape])) * (tensor.size or 1)
        for tensor in outputs.values()
    )
    return max(1, min(batch_size, EVALUATED_VALUES // values))


def _on_tensorflow() -> bool:
    import keras

    return bool(keras.backend.backend() == "tensorflow")
