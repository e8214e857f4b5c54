"""What tasks and architectures promise beyond their types, looked at before money is spent on them.

Each function gives what is wrong, a line a fault: whose it is, what was found, what was expected.
The names of losses and metrics are Keras's, those of inputs and outputs the `DataSpec`'s.
"""

import json
import math
import numbers
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from harness.kinds import KINDS
from harness.spec import (
    DataSpec,
    Direction,
    Kind,
    Objective,
    Score,
    SearchSpace,
    Task,
    TensorSpec,
)
from harness.system.json_values import jsonable, loaded, why
from harness.system.text import quoted

_DIRECTIONS = typing.get_args(Direction)
_KINDS = typing.get_args(Kind)
_FUNCTIONS: Mapping[type, tuple[str, ...]] = {
    Task: ("prepare", "compile_args", "score", "baseline"),
    SearchSpace: ("sample", "build"),
}


class NoSuchTensor(KeyError):
    """An input or an output that an architecture asks for and a task has not."""

    def __init__(self, side: str, name: str, known: Iterable[str]) -> None:
        super().__init__(side, name, tuple(known))
        self.side, self.name, self.known = side, name, _listed(known)

    def __str__(self) -> str:
        return f"the task has no {self.side} {self.name!r}; it has {self.known}"


class _Named(dict[str, TensorSpec]):
    """Inputs or outputs by name, which say so where there is none of a name."""

    side = ""

    def __missing__(self, name: str) -> TensorSpec:
        raise NoSuchTensor(self.side, name, self)


class _Inputs(_Named):
    side = "input"


class _Outputs(_Named):
    side = "output"


def speaking(spec: DataSpec) -> DataSpec:
    """The same specification, which says what there is where an architecture asks for what is not.

    Its mappings raise `NoSuchTensor`, a `KeyError`.
    """
    return DataSpec(_Inputs(spec.inputs), _Outputs(spec.outputs), spec.kind)


# --- what is declared ---------------------------------------------------------------


def task_faults(task: Task) -> Iterator[str]:
    """What is wrong with a task as it stands there, before anything of it is called."""
    who = f"task {task.name!r}"
    yield from _kind_faults(f"{who}: kind", task.kind)
    for name in ("objective", "measure"):
        yield from _objective_faults(f"{who}: {name}", getattr(task, name), name == "measure")
    yield from _function_faults(who, task)
    sizes, rate = task.batch_sizes, task.learning_rate
    if not (isinstance(sizes, tuple) and sizes and all(_positive(size) for size in sizes)):
        yield f"{who}: batch_sizes is {_shown(sizes)}; expected a tuple of positive integers"
    if not (isinstance(rate, numbers.Real) and 0 < rate < math.inf):
        yield f"{who}: learning_rate is {_shown(rate)}; expected a positive number"
    if not isinstance(task.licence, str):
        yield f"{who}: licence is {_shown(task.licence)}; expected a text"


def space_faults(space: SearchSpace) -> Iterator[str]:
    """What is wrong with a search space as it stands there, before anything of it is called."""
    who = f"search space {space.name!r}"
    if not isinstance(space.kinds, tuple) or not space.kinds:
        yield f"{who}: kinds is {_shown(space.kinds)}; expected a tuple of kinds"
    else:
        for kind in space.kinds:
            yield from _kind_faults(f"{who}: a kind", kind)
    yield from _function_faults(who, space)


def _kind_faults(what: str, kind: Any) -> Iterator[str]:
    if kind not in _KINDS:
        yield f"{what} is {_shown(kind)}; expected one of {', '.join(_KINDS)}"


def _objective_faults(what: str, objective: Any, optional: bool) -> Iterator[str]:
    if objective is None and optional:
        return
    if not isinstance(objective, Objective):
        yield f"{what} is {_shown(objective)}; expected an Objective(metric, direction)"
        return
    if objective.direction not in _DIRECTIONS:
        yield (
            f"{what} {objective.metric!r} has the direction {_shown(objective.direction)}; "
            f"expected {' or '.join(map(repr, _DIRECTIONS))}"
        )
    if not isinstance(objective.metric, str) or not objective.metric:
        yield f"{what} is {_shown(objective.metric)}; expected the name of a metric"
    elif (bare := objective.metric.removeprefix("val_").removeprefix("test_")) != objective.metric:
        yield f"{what} is {objective.metric!r}; expected the name alone, {bare!r}"


def _function_faults(who: str, noun: Task | SearchSpace) -> Iterator[str]:
    for name in _FUNCTIONS[type(noun)]:
        if not callable(getattr(noun, name)):
            yield f"{who}: {name} is {_shown(getattr(noun, name))}; expected a function"


def configuration_fault(space: SearchSpace, sampled: Any) -> str | None:
    """What is wrong with what `sample` returned: it must be a frozen dataclass of plain values."""
    try:
        hash(sampled)
        # As the journal has it.
        if not isinstance(loaded(json.dumps(jsonable(sampled))), dict):
            raise TypeError(f"{type(sampled).__name__} is no dataclass")
    except Exception as error:  # noqa: BLE001 - a plugin's values can fail in any way
        return sample_fault(space, why(error))
    return None


def sample_fault(space: SearchSpace, reason: str) -> str:
    """That `sample` gave no configuration, and why."""
    return (
        f"search space {space.name!r}: sample must return a frozen dataclass of plain values "
        f"({reason})"
    )


# --- what is built ------------------------------------------------------------------


def model_faults(space: SearchSpace, task: str, model: Any, spec: DataSpec) -> Iterator[str]:
    """What is wrong with the inputs and outputs of an architecture's model, by name and shape.

    Args:
        space: the architecture.
        task: name of the task it was built for.
        model: a `keras.Model`.
        spec: of the task's data.
    """
    who = f"search space {space.name!r}, on task {task!r}"
    asked = {tensor.name for tensor in getattr(model, "inputs", None) or ()}
    if unknown := asked - set(spec.inputs):
        yield (
            f"{who}: its model asks for {_listed(unknown)}; expected no inputs but "
            f"{_listed(spec.inputs)}"
        )
        return
    outputs = output_specs(model, spec)
    expected = "{" + ", ".join(f"{name!r}: ..." for name in spec.outputs) + "}"
    if not isinstance(outputs, Mapping):
        found = "one tensor" if hasattr(outputs, "shape") else f"a {type(outputs).__name__}"
        yield f"{who}: its model returns {found}; expected its outputs by name, {expected}"
        return
    if set(outputs) != set(spec.outputs):
        yield f"{who}: its model returns {_listed(outputs)}; expected {expected}"
        return
    if spec.kind not in KINDS:
        return  # what shapes there are is between its tasks and its architectures
    for name, output in outputs.items():
        shape, wanted = tuple(output.shape), _output_shape(spec.outputs[name])
        if not _fits(shape, wanted) and not (
            spec.outputs[name].size == 2 and _fits(shape, wanted[:-1])  # one logit for two classes
        ):
            what = "" if spec.outputs[name].size is None else ", the last axis one for each class"
            yield f"{who}: output {name!r} has the shape {shape}; expected {wanted}{what}"


def output_specs(model: Any, spec: DataSpec) -> Any:
    """What a model returns, as `keras.KerasTensor`s: nothing is computed."""
    import keras

    inputs = {
        name: keras.KerasTensor((None, *tensor.shape), tensor.dtype, name=name)
        for name, tensor in spec.inputs.items()
    }
    return model.compute_output_spec(inputs, training=False)


def _output_shape(tensor: TensorSpec) -> tuple[int | None, ...]:
    """Shape of the output for a target: logits where it counts something."""
    classes = () if tensor.size is None else (tensor.size,)
    return (None, *tensor.shape, *classes)


def _fits(shape: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether two shapes can be those of the same tensor; an axis of one value at the end is
    left out by some and not by others."""
    shape, wanted = _without_ones(shape), _without_ones(wanted)
    return len(shape) == len(wanted) and all(
        None in (found, expected) or found == expected
        for found, expected in zip(shape, wanted, strict=True)
    )


def _without_ones(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


# --- what is measured ---------------------------------------------------------------


def log_faults(task: str, objective: Objective, reported: Iterable[str]) -> Iterator[str]:
    """What is wrong with the names that a compiled model of a task reports, without `val_`."""
    known = set(reported)
    if objective.metric not in known:
        yield (
            f"task {task!r}: its objective is {objective.metric!r}; expected one of what its "
            f"models report, {_listed(known)}"
        )


def baseline_faults(task: Task, found: Iterable[str]) -> Iterator[str]:
    """What is wrong with the names that `baseline` gives: some are those of other metrics."""
    known = set(found)
    if known and not known & {task.judged_by.metric, task.objective.metric}:
        measured = "measure" if task.measure else "objective"
        yield (
            f"task {task.name!r}: its {measured} is {task.judged_by.metric!r}, and its baseline "
            f"gives {_listed(known)}; expected the same name for both, or no baseline"
        )


def rival_faults(task: Task, found: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the simple methods among what `baseline` gives: they are measured by what
    the models are."""
    for name, rival in found.items():
        if isinstance(rival, Score) and not {task.judged_by.metric, task.objective.metric} & set(
            rival.metrics
        ):
            yield (
                f"task {task.name!r}: its baseline gives {_listed(rival.metrics)} of {name!r}; "
                f"expected {task.judged_by.metric!r} among them"
            )


def score_faults(task: Task, score: Any) -> Iterator[str]:
    """What is wrong with what `score` returned."""
    who = f"task {task.name!r}: score"
    if not isinstance(score, Score):
        yield f"{who} returned a {type(score).__name__}; expected harness.Score(metrics)"
        return
    if not isinstance(score.metrics, Mapping) or not isinstance(score.per_example, Mapping):
        yield f"{who} returned a Score without names; expected values by name"
        return
    for name, value in score.metrics.items():
        number = isinstance(value, numbers.Real) or (np.ndim(value) == 0 and hasattr(value, "item"))
        if not isinstance(name, str) or not number or isinstance(value, bool | np.bool_):
            yield f"{who} gives {name!r} as {_shown(value)}; expected a number"
    if task.judged_by.metric not in score.metrics:
        yield (
            f"{who} gives {_listed(score.metrics)}; expected {task.judged_by.metric!r} among "
            "them, by which models are compared"
        )
    for name, values in score.per_example.items():
        if np.ndim(values) == 0 or not isinstance(name, str):
            yield f"{who} gives {name!r} per example as {_shown(values)}; expected an array"


# --- words --------------------------------------------------------------------------


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(sorted(map(repr, names))) or "nothing"


def _positive(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value > 0)


def _shown(value: Any) -> str:
    """A value as a person knows it again; of an array its shape."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape}"
    return quoted(repr(value), 60)
