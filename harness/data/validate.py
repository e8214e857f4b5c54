"""Checks that prepared data is what its specification says, before anything trains on it."""

import json
import re
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.kinds import image_classification
from harness.spec import DataSpec, HarnessError, Kind, Prepared, Split, Task, TensorSpec, Windows
from harness.system.text import quoted


def validate(task: Task, prepared: Prepared) -> None:
    """Checks shapes, types, alignment and values of all arrays, and that assets are JSON.

    Raises:
        HarnessError: names the task, the split, the array and what was expected.
    """
    where = f"task {task.name!r}"
    if not isinstance(prepared, Prepared):
        raise HarnessError(f"{where}: expected prepare to return Prepared, found {_what(prepared)}")
    _check_spec(where, task, prepared.spec)
    splits = {name: getattr(prepared, name) for name in ("train", "val", "test")}
    for name in prepared.further:
        if name in splits or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            raise HarnessError(
                f"{where}: expected another identifier for a further split, found {name!r}"
            )
    for name, split in {**splits, **prepared.further}.items():
        if not isinstance(split, Split):
            raise HarnessError(f"{where}, {name}: expected a Split, found {_what(split)}")
        _check_split(f"{where}, {name}", split, prepared.spec)
    try:
        json.dumps(dict(prepared.assets), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise HarnessError(f"{where}: expected assets of JSON values ({error})") from error


def _check_spec(where: str, task: Task, spec: DataSpec) -> None:
    if spec.kind != task.kind or spec.kind not in typing.get_args(Kind):
        raise HarnessError(f"{where}: expected data of kind {task.kind!r}, found {spec.kind!r}")
    for side in ("inputs", "outputs"):
        names = list(getattr(spec, side))
        if not names:
            raise HarnessError(f"{where}: expected {side} in its specification, found none")
        for name in names:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):  # it names files and layers
                raise HarnessError(f"{where}: expected an identifier in {side}, found {name!r}")
    tensors = {**spec.inputs, **spec.outputs}
    for name, tensor in tensors.items():
        if tensor.aligned is None:
            continue
        other = tensors.get(tensor.aligned)
        if tensor.longest is None or other is None or other.longest is None or other.aligned:
            raise HarnessError(
                f"{where}: expected {name!r} and what it is aligned with to have lengths that "
                f"vary, found aligned={tensor.aligned!r}"
            )


def _check_split(where: str, split: Split, spec: DataSpec) -> None:
    _check_names(f"{where}, x", split.x, spec.inputs)
    _check_names(f"{where}, y", split.y, spec.outputs)
    examples = len(split)
    if examples == 0:
        raise HarnessError(f"{where}: expected at least one example, found none")
    for name, tensor in spec.inputs.items():
        _check_array(f"{where}, x[{name!r}]", split.x[name], tensor, examples)
        if spec.kind == image_classification.KIND:
            _check_pixels(f"{where}, x[{name!r}]", split.x[name])
    for name, tensor in spec.outputs.items():
        _check_array(f"{where}, y[{name!r}]", split.y[name], tensor, examples)
    arrays = {**split.x, **split.y}
    for name, tensor in {**spec.inputs, **spec.outputs}.items():
        if tensor.aligned is None:
            continue
        found, expected = arrays[name].shape[1], arrays[tensor.aligned].shape[1]
        if found != expected:
            raise HarnessError(
                f"{where}: expected {name!r} to be as long as {tensor.aligned!r}, found lengths "
                f"{found} and {expected}"
            )
    if split.weight is not None:
        weight = TensorSpec((), str(np.asarray(split.weight).dtype))
        _check_array(f"{where}, weight", split.weight, weight, examples)
        if np.min(split.weight) < 0:
            raise HarnessError(f"{where}, weight: expected no negative weight")


def _check_names(where: str, arrays: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    if set(arrays) != set(expected):
        raise HarnessError(f"{where}: expected arrays {sorted(expected)}, found {sorted(arrays)}")


def _check_array(where: str, array: Any, tensor: TensorSpec, examples: int) -> None:
    values = array  # whose values are looked at: those of windows are in their series
    if isinstance(array, Windows):
        _check_windows(where, array)
        values = array.series
    elif not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise HarnessError(f"{where}: expected a NumPy array of numbers, found {_what(array)}")
    if array.dtype.name != tensor.dtype:
        raise HarnessError(f"{where}: expected dtype {tensor.dtype}, found {array.dtype.name}")
    if array.ndim == 0 or len(array) != examples:
        raise HarnessError(f"{where}: expected {examples} examples, found shape {array.shape}")
    fits = len(tensor.shape) == array.ndim - 1 and all(
        side in (None, length) for side, length in zip(tensor.shape, array.shape[1:], strict=True)
    )
    if not fits:
        raise HarnessError(
            f"{where}: expected examples of shape {tensor.shape}, found {array.shape[1:]}"
        )
    if tensor.longest is not None:
        _check_length(where, array, tensor)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        first = _first(array, ~np.isfinite(values))
        raise HarnessError(f"{where}: expected finite values, found NaN or infinity {first}")
    if tensor.size is None or not values.size:
        return
    if not 0 <= values.min() <= values.max() < tensor.size:
        raise HarnessError(
            f"{where}: expected values from 0 to {tensor.size - 1}, "
            f"found {values.min()} to {values.max()} "
            f"{_first(array, (values < 0) | (values >= tensor.size))}"
        )


def _first(array: Any, wrong: np.ndarray) -> str:
    """Where the first of wrong values stands, counted from 0."""
    place = int(np.argwhere(wrong)[0][0])
    return (
        f"(first at step {place} of its series)"
        if isinstance(array, Windows)
        else (f"(first in row {place})")
    )


def _what(value: Any) -> str:
    """What a value is, in one line."""
    if isinstance(value, np.ndarray):
        return f"an array of type {value.dtype} and shape {value.shape}"
    if isinstance(value, tuple | list) and any(isinstance(part, np.ndarray) for part in value):
        return f"a {type(value).__name__} of {len(value):,}, arrays among them"
    return quoted(repr(value), 80)


def _check_pixels(where: str, array: Any) -> None:
    """Architectures take integers for pixels 0 to 255 and floats for 0 to 1."""
    if array.ndim == 4 and array.dtype.kind == "f" and not 0 <= np.min(array) <= np.max(array) <= 1:
        raise HarnessError(
            f"{where}: expected images of floats 0 to 1 or of uint8 0 to 255, found floats from "
            f"{float(np.min(array)):.6g} to {float(np.max(array)):.6g}"
        )


def _check_length(where: str, array: Any, tensor: TensorSpec) -> None:
    """What is cut where it ends must be integers whose zeros are padding, and have an end."""
    if isinstance(array, Windows) or array.ndim < 2 or array.dtype.kind not in "iu":
        raise HarnessError(
            f"{where}: expected integers of shape (examples, length) where a length varies, "
            f"found {array.dtype.name} of shape {array.shape}"
        )
    if array.shape[1] > (tensor.longest or 0):
        raise HarnessError(
            f"{where}: expected a length of at most {tensor.longest}, found {array.shape[1]}"
        )


def _check_windows(where: str, windows: Windows) -> None:
    """A window must lie within its series, or cutting it would read something else."""
    series, starts = windows.series, windows.starts
    for part, array in (("series", series), ("starts", starts)):
        if not isinstance(array, np.ndarray) or array.ndim == 0 or array.dtype.kind not in "biuf":
            raise HarnessError(f"{where}: expected a NumPy array as {part}, found {_what(array)}")
    if starts.dtype != np.int64 or starts.ndim != 1:
        raise HarnessError(
            f"{where}: expected starts of type int64, one a window, "
            f"found {starts.dtype} of shape {starts.shape}"
        )
    if windows.length < 1:
        raise HarnessError(f"{where}: expected windows of 1 step or more, found {windows.length}")
    if starts.size and not 0 <= starts.min() <= starts.max() <= len(series) - windows.length:
        raise HarnessError(
            f"{where}: expected windows within a series of {len(series)} steps, "
            f"found steps {starts.min()} to {starts.max() + windows.length - 1}"
        )
