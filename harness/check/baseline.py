"""The baseline of a task, as the journal can hold it."""

import json

import pydantic

from harness import cause, contract
from harness.check import place
from harness.spec import HarnessError, Prepared, Task
from harness.system.json_values import jsonable, loaded, why

_NUMBERS = pydantic.TypeAdapter(dict[str, float | None])


def baseline(task: Task, data: Prepared) -> dict[str, float]:
    """Test metrics of the trivial predictor, by name.

    Raises:
        HarnessError: `baseline` fails, or returns anything but numbers by the names of metrics.
    """
    who = f"task {task.name!r}: its baseline cannot be had"
    try:
        found = dict(task.baseline(data))
        _NUMBERS.validate_python(loaded(json.dumps(jsonable(found))), strict=True)
    except pydantic.ValidationError as error:
        raise HarnessError(f"{who} ({why(error)})") from error
    except Exception as error:  # a plugin can fail in any way
        raise HarnessError(f"{who} ({cause.reason(error)})") from error
    for fault in contract.baseline_faults(task, found):
        raise HarnessError(f"{fault} ({place.of_function(task.baseline, task)})")
    return found
