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

from harness.kinds import sequence_regression
from harness.spec import Task

SIZES = {"train": 10_000, "val": 1_000, "test": 1_000}
SHORT, LONG = 30, 60
TOLERANCE = 0.04
"""A sequence is solved when the answer is closer than this. It is the tolerance of Hochreiter &
Schmidhuber, who asked for half the sum: on their scale it is 0.02, so twice as strict."""


def prepare_adding(
    files: Mapping[str, Path], length: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Sequences of one length; each split is drawn from a seed of its own."""
    return {
        split: adding_problem(examples, length, seed)
        for seed, (split, examples) in enumerate(SIZES.items())
    }


def adding_problem(examples: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences with two marked numbers, and their sums.

    Returns:
        Sequences, float32 of shape (examples, length, 2): numbers drawn from 0 to 1, and a
        marker, 1 at one step of the first half and one of the second, else 0. Values, float32 of
        shape (examples,): the sum of the two marked numbers.
    """
    rng = np.random.default_rng([length, seed])
    sequences = np.zeros((examples, length, 2), "float32")
    sequences[:, :, 0] = rng.random((examples, length), "float32")
    row, half = np.arange(examples), length // 2
    marked = rng.integers(0, half, examples), rng.integers(half, length, examples)
    for step in marked:
        sequences[row, step, 1] = 1
    first, second = (sequences[row, step, 0] for step in marked)
    return sequences, first + second


def _adding(name: str, length: int) -> Task:
    return sequence_regression.task(
        name,
        partial(prepare_adding, length=length),
        standardise=False,
        tolerance=TOLERANCE,
        learning_rate=5e-3,
        licence="CC0",
        # Published curves are of endlessly fresh sequences; there is no figure on this split.
        reference=None,
    )


adding_short = _adding("adding_short", SHORT)
adding_long = _adding("adding_long", LONG)
