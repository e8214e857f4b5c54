"""The baselines of a task, as journal and folder can hold them."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic

from harness import cause, contract
from harness.check import place
from harness.spec import HarnessError, Prepared, Score, Task
from harness.system.json_values import jsonable, loaded, why

_NUMBERS = pydantic.TypeAdapter(dict[str, float | None])


@dataclass(frozen=True)
class Baselines:
    """What the trivial predictor and simple methods reach on the test split."""

    metrics: Mapping[str, float]
    """By name; those of a simple method as `<metric>_<method>`."""
    outcomes: Mapping[str, Mapping[str, np.ndarray]]
    """Of each test example, by simple method, as far as it keeps them."""


def baselines(task: Task, data: Prepared) -> Baselines:
    """What a task compares its models with.

    Raises:
        HarnessError: `baseline` fails, or returns anything but numbers by the names of metrics and
            scores by the names of methods.
    """
    who = f"task {task.name!r}: its baseline cannot be had"
    try:
        found = dict(task.baseline(data))
        numbers = _numbers(found)
        _NUMBERS.validate_python(loaded(json.dumps(jsonable(numbers))), strict=True)
    except pydantic.ValidationError as error:
        raise HarnessError(f"{who} ({why(error)})") from error
    except Exception as error:  # a plugin can fail in any way
        raise HarnessError(f"{who} ({cause.reason(error)})") from error
    faults = *contract.baseline_faults(task, numbers), *contract.rival_faults(task, found)
    for fault in faults:
        raise HarnessError(f"{fault} ({place.of_function(task.baseline, task)})")
    outcomes = {
        name: value.per_example
        for name, value in found.items()
        if isinstance(value, Score) and value.per_example
    }
    return Baselines(numbers, outcomes)


def _numbers(found: Mapping[str, Any]) -> dict[str, float]:
    """All by name; what could not be computed of a method is left out."""
    numbers: dict[str, float] = {}
    for name, value in found.items():
        if isinstance(value, Score):
            known = {n: own for n, own in value.metrics.items() if not math.isnan(own)}
            numbers |= {f"{metric}_{name}": own for metric, own in known.items()}
        else:
            numbers[name] = value
    return numbers
