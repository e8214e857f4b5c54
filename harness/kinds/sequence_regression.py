"""Sequence regression: numbers from a whole sequence.

Inputs
    `sequence`: float32 of shape (steps, channels), all sequences of one length.
Outputs
    `value`: float32 of shape (values,), one or several numbers of the sequence. Models give them
    as they are.
Assets
    `length`: steps of a sequence. `tolerance`: how near an answer must come to be right, if the
    task says so. `encoding`: mean and scale of sequences and values in training, where they are
    standardised: value = standardised * scale + mean.
Architectures
    those of the kind `sequence_regression`: `simple_rnn`, `gru`, `lstm`, `tcn`, `transformer`, by
    `harness.blocks.sequence`.
Loss and metrics
    mean squared error; `mse`.
Score
    `mse` of the values as models see them: of standardised ones it is the share of the variance
    that is not explained. `solved`, the share within the tolerance, if there is one. Per example
    `squared_error`.
Baseline
    the mean of the training values; ridge regression.
Exhibit
    none.

Example:
    import numpy as np
    from harness.kinds import sequence_regression

    def prepare(files):
        sequences = np.random.default_rng(0).normal(size=(1_000, 40))  # or (1000, 40, channels)
        return sequences, sequences.max(axis=1)

    largest = sequence_regression.task("largest", prepare)
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.rivals.sequences import sequence_answers
from harness.kinds.tables import check_alike
from harness.spec import (
    DataSpec,
    HarnessError,
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
"""The input."""
VALUE = "value"
"""The output."""
ENCODING = "encoding"
"""The asset: mean and scale of `sequence`, for each channel, and of `value`."""
EXPECTED = "(sequences, values)"


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    standardise: bool = True,
    tolerance: float | None = None,
    **parts: Any,
) -> Task:
    """A task from sequences and what is asked of them.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns `(sequences, values)`
            by split, or for training alone; `val` and `test` are cut off training where they are
            missing, a tenth for each at random. Sequences are numbers of shape (examples, steps)
            or (examples, steps, channels), values of shape (examples,) or (examples, count).
        standardise: whether channels and values get a mean of 0 and a deviation of 1 in training.
        tolerance: how near to the value an answer is `solved`, on the data's own scale; if absent
            there is no such score.
        parts: fields of `harness.Task` that replace the defaults.

    Raises:
        HarnessError: a part that there is not. `Task.prepare` raises it for sequences of
            different lengths, and for what is no finite number.
    """
    defaults = {
        "objective": Objective("mse", "min"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "batch_sizes": (32, 64, 128),
    }
    options = {"standardise": standardise, "tolerance": tolerance}
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    **options: Any,
) -> Prepared:
    columns = ("sequences", "values")
    data = cut_splits(task, prepare(files), EXPECTED, columns=columns, read=_read)
    return prepared(task, data, **options)


def _read(where: str, part: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    return _numbers(f"{where}, sequences", part[0], 3), _numbers(f"{where}, values", part[1], 2)


def prepared(
    task: str,
    data: Mapping[str, tuple[Any, Any]],
    standardise: bool = True,
    tolerance: float | None = None,
) -> Prepared:
    """The data of a task, from `(sequences, values)` of `train`, `val`, `test` and further splits.

    Args and errors as of `task`.
    """
    sequences, values = {}, {}
    for split, part in data.items():
        sequences[split], values[split] = _read(f"task {task!r}, {split}", part)
    for noun, sides in {"sequences": sequences, "values": values}.items():
        for split, array in sides.items():
            expected = sides["train"].shape[1:]
            if array.shape[1:] != expected:
                raise HarnessError(
                    f"task {task!r}, {split}: {noun} of shape {array.shape[1:]}; expected "
                    f"{expected}, as in training"
                )
    if (values["train"] == values["train"][0]).all():
        raise HarnessError(
            f"task {task!r}, train: all values are {values['train'][0].tolist()}; expected values "
            "to tell apart"
        )
    length = sequences["train"].shape[1]
    assets: dict[str, Any] = {"length": length}
    if tolerance is not None:
        assets["tolerance"] = tolerance
    if standardise:
        assets[ENCODING] = {
            SEQUENCE: _scale(sequences["train"], (0, 1)),
            VALUE: _scale(values["train"], (0,)),
        }
    splits = {
        split: Split(
            {SEQUENCE: _scaled(sequences[split], SEQUENCE, assets)},
            {VALUE: _scaled(values[split], VALUE, assets)},
        )
        for split in data
    }
    return gathered(
        DataSpec(
            inputs={SEQUENCE: TensorSpec(sequences["train"].shape[1:], "float32")},
            outputs={VALUE: TensorSpec(values["train"].shape[1:], "float32")},
            kind=KIND,
        ),
        splits,
        assets,
    )


def _numbers(where: str, values: Any, dimensions: int) -> np.ndarray:
    """Finite numbers with an axis of channels behind, which those of one channel may lack."""
    shapes = "(examples, steps) or (examples, steps, channels)"
    if dimensions == 2:
        shapes = "(examples,) or (examples, count)"
    try:
        array = np.asarray(values)
    except ValueError:  # of sequences of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf":
        check_alike(where, values, "row")
    if array.dtype.kind not in "iuf" or array.ndim not in (dimensions - 1, dimensions):
        raise HarnessError(
            f"{where}: of type {array.dtype} and shape {array.shape}; expected numbers of shape "
            f"{shapes}"
        )
    if array.ndim < dimensions:
        array = array[..., None]
    if not array[0].size:
        raise HarnessError(f"{where}: shape {array.shape}; expected at least one step and channel")
    if (wrong := np.argwhere(~np.isfinite(array))).size:
        raise HarnessError(f"{where}, row {wrong[0][0]}: NaN or infinite; expected finite numbers")
    return array


def _scale(values: np.ndarray, axes: tuple[int, ...]) -> dict[str, list[float]]:
    """Mean and deviation; a deviation of 1 where nothing deviates."""
    deviation = values.std(axis=axes, dtype="float64")
    return {
        "mean": values.mean(axis=axes, dtype="float64").tolist(),
        "scale": np.where(deviation > 0, deviation, 1.0).tolist(),
    }


def _scaled(values: np.ndarray, name: str, assets: Mapping[str, Any]) -> np.ndarray:
    """Values as models see them."""
    if (encoding := assets.get(ENCODING)) is not None:
        values = (values - encoding[name]["mean"]) / encoding[name]["scale"]
    return values.astype("float32")


# --- answers --------------------------------------------------------------------


def encode(raw: Any, spec: DataSpec, assets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Sequences as the model's input.

    Args:
        raw: numbers of shape (sequences, steps) or (sequences, steps, channels), on the data's
            own scale.
        spec: of the task.
        assets: of the task.

    Returns:
        `sequence`, shape (sequences, steps, channels).

    Raises:
        HarnessError: sequences of another shape, or of no finite numbers.
    """
    sequences = _numbers("input", raw, 3)
    expected = spec.inputs[SEQUENCE].shape
    if sequences.shape[1:] != expected:
        raise HarnessError(f"input: sequences of {sequences.shape[1:]}; expected {expected}")
    return {SEQUENCE: _scaled(sequences, SEQUENCE, assets)}


def decode(outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any]) -> list[Any]:
    """The value of each sequence on the data's own scale; of several, a list of them."""
    values = np.asarray(outputs[VALUE], "float64")
    if (encoding := assets.get(ENCODING)) is not None:
        values = values * encoding[VALUE]["scale"] + encoding[VALUE]["mean"]
    return list((values[:, 0] if values.shape[1] == 1 else values).tolist())


# --- training and scoring -------------------------------------------------------


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Mean squared error, as loss and as metric."""
    import keras

    metrics = [keras.metrics.MeanSquaredError(name="mse")]
    return {"loss": keras.losses.MeanSquaredError(), "metrics": metrics}


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Mean squared error of a fitted model, and the share of sequences it has `solved`: of which
    every value is within the tolerance, if there is one.

    Per example: `squared_error`, float32 of shape (examples,).
    """
    answer = np.asarray(model.predict(dict(split.x), batch_size=256, verbose=0)[VALUE], "float64")
    return _score(answer, split, assets)


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores of always answering the mean of the training targets, and of ridge regression,
    see `harness.kinds.rivals.sequences`."""
    splits = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    x = {name: np.asarray(split.x[SEQUENCE], "float64") for name, split in splits.items()}
    y = {name: np.asarray(split.y[VALUE], "float64") for name, split in splits.items()}
    constant = np.tile(y["train"].mean(axis=0), (len(prepared.test), 1))
    name, answer = sequence_answers(x, y)
    floor, rival = (_score(said, prepared.test, prepared.assets) for said in (constant, answer))
    return {**floor.metrics, name: rival}


def _score(answer: np.ndarray, split: Split, assets: Mapping[str, Any]) -> Score:
    truth = np.asarray(split.y[VALUE], "float64")
    if answer.shape != truth.shape:  # NumPy would stretch one to fit the other
        raise ValueError(f"expected answers of shape {truth.shape}, found {answer.shape}")
    error = np.abs(answer - truth)
    metrics = {"mse": float(np.square(error).mean())}
    if (tolerance := assets.get("tolerance")) is not None:
        scale = assets[ENCODING][VALUE]["scale"] if ENCODING in assets else 1.0
        metrics["solved"] = float((error * scale < tolerance).all(axis=1).mean())
    squared = np.square(error).mean(axis=1)
    return Score(metrics, {"squared_error": squared.astype("float32")})
