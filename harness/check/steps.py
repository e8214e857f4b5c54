"""The steps by which a cell is tried, each of which may find faults of it."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from harness import cause, contract, registry
from harness.check import place
from harness.spec import (
    Array,
    DataSpec,
    HarnessError,
    Prepared,
    SearchSpace,
    Split,
    Task,
    Windows,
)
from harness.training.model import started

EXAMPLES = 16
"""Examples that are validated and scored on, of the validation split."""


class Fault(Exception):
    """Something that is wrong with a task or an architecture, in one line."""


class BuildFault(Fault):
    """An exception of `build`, which other configurations may not raise."""


@contextlib.contextmanager
def blamed(who: str, step: str) -> Iterator[None]:
    """Has whatever a step raises told as a fault of whose step it is."""
    try:
        yield
    except Fault:
        raise
    except HarnessError as error:
        raise Fault(str(error)) from error
    except Exception as error:
        raise Fault(f"{who}: {step} raised {cause.reason(error)}") from error


def owner(noun: Task | SearchSpace) -> str:
    """How a message names a task or an architecture."""
    word = "task" if isinstance(noun, Task) else "search space"
    return f"{word} {noun.name!r}"


def at(fault: str, where: str) -> str:
    """A fault with its place, if it has one."""
    return f"{fault} ({where})" if where else fault


def declaration_faults(noun: Task | SearchSpace) -> Iterator[str]:
    """What is wrong with a task or an architecture as it stands there, with its place."""
    found = contract.task_faults(noun) if isinstance(noun, Task) else contract.space_faults(noun)
    for fault in found:
        yield at(fault, place.of_noun(noun))


def few(data: Prepared, train: int) -> Prepared:
    """So many examples of training, and a few of validation in the place of every other split.

    The test splits are not even looked at.
    """
    val = _spread(data.val, EXAMPLES)
    return Prepared(data.spec, _spread(data.train, train), val, val, data.assets)


def _spread(split: Split, count: int) -> Split:
    """Examples from everywhere in a split: neighbours may be of one class."""
    rows = np.unique(np.linspace(0, len(split) - 1, min(count, len(split))).round().astype(int))

    def chosen(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {
            name: array.take(rows) if isinstance(array, Windows) else np.asarray(array[rows])
            for name, array in arrays.items()
        }

    weight = None if split.weight is None else np.asarray(split.weight[rows])
    return Split(chosen(split.x), chosen(split.y), weight)


def default_configuration(task: Task, space: SearchSpace) -> Any:
    """The configuration that a search tries first.

    Raises:
        Fault: `sample` fails, or returns no frozen dataclass of plain values.
    """
    from harness.search.space import Space

    with blamed(owner(space), "sample"):
        sampled = Space(lambda hp: space.sample(hp, task.kind)).drawn({}).sampled
    fault = contract.configuration_fault(space, sampled)
    if fault is not None:
        raise Fault(at(fault, place.of_function(space.sample, space)))
    return sampled


def built(task: Task, space: SearchSpace, config: Any, data: Prepared) -> Any:
    """The model that an architecture builds of a configuration.

    Raises:
        HarnessError: the preset from which the task starts cannot be had.
        Fault: `build` fails.
    """
    pretrained = started(task, space, data)
    try:
        return space.build(config, contract.speaking(data.spec), *pretrained)
    except contract.NoSuchTensor as error:
        if registry.origin(space).kind == "shipped":
            raise Fault(
                at(
                    f"{owner(task)} has no {error.side} {error.name!r}, which architectures for "
                    f"{task.kind} ask for; it has {error.known}",
                    place.of_noun(task),
                )
            ) from error
        where = cause.own_place(error) or place.of_function(space.build, space)
        fault = f"{owner(space)} asks for {error.side} {error.name!r}; {owner(task)} has"
        raise Fault(at(f"{fault} {error.known}", where)) from error
    except Exception as error:
        # A shipped architecture is right for other data: the task's is to be looked at.
        shipped = registry.origin(space).kind == "shipped"
        own = None if shipped else cause.own_place(error)
        where = own or (place.of_noun(task) if shipped else place.of_function(space.build, space))
        raise BuildFault(at(f"build raised {cause.told(error)}", where)) from error


def model_faults(task: Task, space: SearchSpace, model: Any, spec: DataSpec) -> list[str]:
    """What is wrong with the inputs and outputs of an architecture's model."""
    where = place.of_function(space.build, space)
    with blamed(owner(space), "the model that build returned"):
        return [at(fault, where) for fault in contract.model_faults(space, task.name, model, spec)]


def log_faults(task: Task, model: Any, data: Prepared) -> list[str]:
    """What is wrong with what a compiled model reports.

    Its loss and its metrics are given outputs of zeros, of the right shapes, for two examples of
    validation: the network itself is not computed.

    Raises:
        Fault: the loss or a metric cannot take the targets.
    """
    where = place.of_function(task.compile_args, task)
    with blamed(owner(task), "the loss or a metric, given its targets,"):
        names = _reported(model, data)
    return [at(fault, where) for fault in contract.log_faults(task.name, task.objective, names)]


def _reported(model: Any, data: Prepared) -> set[str]:
    import keras

    tensor = keras.ops.convert_to_tensor
    x, y = ({name: np.asarray(array[:2]) for name, array in side.items()}
            for side in (data.val.x, data.val.y))  # fmt: skip

    def zeros(output: Any, name: str | None) -> Any:
        target = next(iter(y.values())) if name not in y else y[name]
        shape = [
            size or (target.shape[axis] if axis < target.ndim else 1)
            for axis, size in enumerate(output.shape)
        ]
        return keras.ops.zeros([len(target), *shape[1:]], output.dtype)

    outputs = contract.output_specs(model, data.spec)
    predicted = (
        {name: zeros(output, name) for name, output in outputs.items()}
        if isinstance(outputs, Mapping)
        else keras.tree.map_structure(lambda output: zeros(output, None), outputs)
    )
    arguments = ({k: tensor(v) for k, v in x.items()}, {k: tensor(v) for k, v in y.items()})
    model.compute_loss(*arguments, predicted, None, training=False)
    return set(model.compute_metrics(*arguments, predicted, None))


def scored(task: Task, model: Any, data: Prepared) -> tuple[Any, list[str]]:
    """The score of a few examples of validation, and what is wrong with it.

    Raises:
        Fault: there is none.
    """
    with blamed(owner(task), "score"):
        score = task.score(model, data.val, data.assets)
    where = place.of_function(task.score, task)
    return score, [at(fault, where) for fault in contract.score_faults(task, score)]
