"""Configurations to begin searches with, as a sweep file gives them: `first = [...]`."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.sweep.question import Start, Sweep

_VALUES = (bool, int, float, str)
_KEYS = tuple(field.name for field in dataclasses.fields(Start))


def shape_faults(first: Any) -> Iterator[tuple[str, Any, str]]:
    """What is wrong with the field before its names are looked at: key, value, what was
    expected."""
    if isinstance(first, str):
        if not first:
            yield "first", first, "a list of tables, or the folder of an earlier sweep"
        return
    if not isinstance(first, list | tuple):
        yield "first", first, "a list of tables, or the folder of an earlier sweep"
        return
    for number, start in enumerate(first):
        key = f"first[{number}]"
        if not isinstance(start, Mapping):
            yield key, start, "a table of 'space', 'values' and, for one task alone, 'task'"
            continue
        for name in start:
            if name not in _KEYS:
                yield f"{key}.{name}", start[name], f"only {', '.join(_KEYS)} here"
        if not isinstance(start.get("space"), str):
            yield f"{key}.space", start.get("space"), "the name of a space"
        if not isinstance(start.get("task"), str | None):
            yield f"{key}.task", start.get("task"), "the name of a task"
        values = start.get("values")
        if not isinstance(values, Mapping):
            yield f"{key}.values", values, "a table of hyperparameters by name"
            continue
        for name, value in values.items():
            if not isinstance(value, _VALUES):
                yield f"{key}.values.{name}", value, "a number, a text, true or false"


def name_faults(sweep: Sweep) -> Iterator[tuple[str, Any, str]]:
    """What of the field is none of the sweep's: key, value, what was expected."""
    if isinstance(sweep.first, str):
        return
    for number, start in enumerate(sweep.first):
        if start.space not in sweep.spaces:
            yield f"first[{number}].space", start.space, f"one of {', '.join(sweep.spaces)}"
        if start.task is not None and start.task not in sweep.tasks:
            yield f"first[{number}].task", start.task, f"one of {', '.join(sweep.tasks)}"


def located(sweep: Sweep, base: Path) -> Sweep:
    """The sweep with the folder that it begins with as an absolute path, which was relative to
    `base`."""
    if not isinstance(sweep.first, str):
        return sweep
    return dataclasses.replace(sweep, first=str((base / sweep.first).expanduser().absolute()))


def of_cell(sweep: Sweep, task: str, space: str) -> dict[str, Mapping[str, Any]]:
    """What the search of a cell begins with after the defaults: values by key in the file.

    Raises:
        TypeError: the sweep names a folder that was not looked into.
    """
    if isinstance(sweep.first, str):
        raise TypeError(f"first = {sweep.first!r} is not resolved")
    return {
        f"first[{number}].values": start.values
        for number, start in enumerate(sweep.first)
        if start.space == space and start.task in (None, task)
    }
