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
from typing import Any

import numpy as np

from harness.spec import (
    DataSpec,
    Kind,
    Objective,
    Prepared,
    Score,
    Split,
    Task,
    TensorSpec,
    Training,
)

KIND: Kind = "sequence_regression"
SEQUENCE = "sequence"
VALUE = "value"
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


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Mean squared error, as loss and as metric."""
    import keras

    metrics = [keras.metrics.MeanSquaredError(name="mse")]
    return {"loss": keras.losses.MeanSquaredError(), "metrics": metrics}


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Mean squared error of a fitted model, and the share of sequences it has `solved`.

    Per example: `squared_error`, float32 of shape (examples,).
    """
    answer = np.asarray(model.predict(dict(split.x), batch_size=256, verbose=0)[VALUE], "float64")
    return _score(answer, split, assets)


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of always answering the mean of the training targets."""
    mean = np.asarray(prepared.train.y[VALUE], "float64").mean()
    answer = np.full((len(prepared.test), 1), mean)
    return dict(_score(answer, prepared.test, prepared.assets).metrics)


def _score(answer: np.ndarray, split: Split, assets: Mapping[str, Any]) -> Score:
    truth = np.asarray(split.y[VALUE], "float64")
    if answer.shape != truth.shape:  # NumPy would stretch one to fit the other
        raise ValueError(f"expected answers of shape {truth.shape}, found {answer.shape}")
    error = np.abs(answer - truth)[:, 0]
    return Score(
        metrics={
            "mse": float(np.square(error).mean()),
            "solved": float((error < assets["tolerance"]).mean()),
        },
        per_example={"squared_error": np.square(error).astype("float32")},
    )


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
