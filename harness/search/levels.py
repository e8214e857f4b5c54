"""The values that a hyperparameter can have, as optimisers that work on numbers need them."""

import math
from typing import Any

JUST_BELOW_1 = 1 - 1e-9
"""KerasTuner's ranges begin at 0 and end before 1."""
MOST_LISTED = 20
"""Values that are listed one by one where something else was given."""


def levels(parameter: Any) -> list[Any] | None:
    """All values of a KerasTuner hyperparameter, in order; `None` where they are continuous."""
    match type(parameter).__name__:
        case "Fixed":
            return [parameter.value]
        case "Boolean":
            return [False, True]
        case "Choice":
            return list(parameter.values)
    return None if parameter.step is None else [_plain(parameter, v) for v in parameter.values]


def ordered(parameter: Any) -> bool:
    """Whether values that are near to each other are alike."""
    match type(parameter).__name__:
        case "Fixed" | "Boolean":
            return False
        case "Choice":
            return bool(parameter.ordered)
    return True


def level(values: list[Any], value: Any) -> int:
    """The place of a value among the values of its hyperparameter; the nearest number's place,
    as steps add up to numbers that are not quite the same."""
    if value in values:
        return values.index(value)
    return min(range(len(values)), key=lambda i: abs(values[i] - value))


def share(parameter: Any, value: Any) -> float:
    """Where a value lies in the range of its hyperparameter, from 0 to just below 1."""
    return min(max(float(parameter.value_to_prob(value)), 0.0), JUST_BELOW_1)


def expected(parameter: Any, value: Any) -> str | None:
    """What a value of a hyperparameter should be; `None` if it is."""
    wanted = levels(parameter)
    if wanted is not None and len(wanted) <= MOST_LISTED:
        sound = any(_same(value, one) for one in wanted)
        text = f"one of {', '.join(map(repr, wanted))}"
    else:
        low, high = parameter.min_value, parameter.max_value
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        sound = sound and low <= value <= high
        whole = type(parameter).__name__ == "Int"
        sound = sound and (not whole or isinstance(value, int))
        sound = sound and (wanted is None or any(_same(value, one) for one in wanted))
        text = f"a {'whole ' if whole else ''}number from {low:g} to {high:g}"
        text += "" if parameter.step is None else f" in steps of {parameter.step:g}"
    return None if sound else text


def _same(value: Any, one: Any) -> bool:
    if isinstance(one, bool) or isinstance(value, bool) or isinstance(one, str):
        return type(value) is type(one) and bool(value == one)
    return isinstance(value, int | float) and math.isclose(value, one, rel_tol=1e-9, abs_tol=1e-12)


def _plain(parameter: Any, value: Any) -> Any:
    return int(value) if type(parameter).__name__ == "Int" else value
