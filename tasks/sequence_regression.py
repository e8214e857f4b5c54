"""Sequence regression: one number from a whole sequence, as a probe of long dependencies.

The adding problem of Hochreiter & Schmidhuber 1997, section 5.4
(doi:10.1162/neco.1997.9.8.1735), in the form of Le, Jaitly & Hinton 2015, arXiv:1504.00941,
section 4.1: two numbers, far apart in a long sequence, are marked, and their sum is asked for.
One marked step lies in each half, as in Arjovsky, Shah & Bengio 2016, arXiv:1511.06464. A model
that remembers nothing does no better than to answer 1, with a mean squared error of 1/6, the
variance of a sum of two uniform numbers.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from harness.kinds.sequence_regression import (
    KIND,
    SEQUENCE,
    VALUE,
    baseline,
    compile_args,
    score,
)
from harness.spec import DataSpec, Objective, Prepared, Split, Task, TensorSpec

SIZES = {"train": 10_000, "val": 1_000, "test": 1_000}
SHORT, LONG = 30, 60
TOLERANCE = 0.04
"""A sequence is solved when the answer is closer than this. It is the tolerance of Hochreiter &
Schmidhuber, who asked for half the sum: on their scale it is 0.02, so twice as strict."""


def prepare_adding(files: Mapping[str, Path], length: int) -> Prepared:
    """Sequences of one length; each split is drawn from a seed of its own."""
    splits = {
        name: adding_problem(examples, length, seed)
        for seed, (name, examples) in enumerate(SIZES.items())
    }
    spec = DataSpec(
        inputs={SEQUENCE: TensorSpec((length, 2), "float32")},
        outputs={VALUE: TensorSpec((1,), "float32")},
        kind=KIND,
    )
    return Prepared(spec, **splits, assets={"length": length, "tolerance": TOLERANCE})


def adding_problem(examples: int, length: int, seed: int) -> Split:
    """Sequences with two marked numbers, and their sums.

    Returns:
        `sequence`, float32 of shape (examples, length, 2): numbers drawn from 0 to 1, and a
        marker, 1 at one step of the first half and one of the second, else 0. `value`, float32
        of shape (examples, 1): the sum of the two marked numbers.
    """
    rng = np.random.default_rng([length, seed])
    sequence = np.zeros((examples, length, 2), "float32")
    sequence[:, :, 0] = rng.random((examples, length), "float32")
    row, half = np.arange(examples), length // 2
    marked = rng.integers(0, half, examples), rng.integers(half, length, examples)
    for step in marked:
        sequence[row, step, 1] = 1
    value = sum(sequence[row, step, 0] for step in marked)
    return Split(x={SEQUENCE: sequence}, y={VALUE: np.asarray(value)[:, None]})


def _adding(name: str, length: int) -> Task:
    return Task(
        name=name,
        kind=KIND,
        objective=Objective("mse", "min"),
        prepare=partial(prepare_adding, length=length),
        compile_args=compile_args,
        score=score,
        baseline=baseline,
        batch_sizes=(32, 64, 128),
        learning_rate=5e-3,
        licence="CC0",
        # Published curves are of endlessly fresh sequences; there is no figure on this split.
        reference=None,
    )


adding_short = _adding("adding_short", SHORT)
adding_long = _adding("adding_long", LONG)
