"""The function that prepares a task's data: what is bound into it, and where it is written."""

import dataclasses
import functools
import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from harness.data.reads import INSTALLED, module_file
from harness.kinds import author

_DEEPEST = 10
"""Values within values that are looked at, of what is bound into `prepare`."""


def options(prepare: Callable[..., Any]) -> str:
    """A text that stands for all that is bound into a function, the same in every process."""
    return json.dumps(_bound(prepare, _DEEPEST, {}), sort_keys=True)


def _bound(value: Any, depth: int, seen: dict[int, Any]) -> Any:
    """A value as JSON that stands for it; `seen` are those that were met before."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if depth == 0 or id(value) in seen:  # of functions that know each other there is no end
        return [name]
    seen[id(value)] = value  # kept, so that no other can have its number

    def within(values: Iterable[Any]) -> list[Any]:
        return [_bound(part, depth - 1, seen) for part in values]

    match value:
        case functools.partial():
            return ["partial", *within((value.func, value.args, value.keywords))]
        case FunctionType():
            cells = [cell.cell_contents for cell in value.__closure__ or () if _filled(cell)]
            parts = within((cells, value.__defaults__, value.__kwdefaults__))
            return ["function", value.__module__, value.__qualname__, *parts]
        case type() | ModuleType():
            return [type(value).__name__, getattr(value, "__module__", ""), value.__name__]
        case Mapping():
            return ["mapping", *sorted(map(json.dumps, map(within, value.items())))]
        case set() | frozenset():
            return ["set", *sorted(map(json.dumps, within(value)))]
        case list() | tuple():
            return within(value)
        case bytes():
            return ["bytes", hashlib.sha256(value).hexdigest()]
        case np.ndarray():
            content = np.ascontiguousarray(value).tobytes() if value.dtype != object else b""
            return ["array", str(value.dtype), value.shape, hashlib.sha256(content).hexdigest()]
        case os.PathLike():
            return ["path", os.fsdecode(value)]
        case MethodType():
            return ["method", *within((value.__func__, value.__self__))]
    if dataclasses.is_dataclass(value):
        return [name, *within(getattr(value, f.name) for f in dataclasses.fields(value))]
    told = repr(value)
    return [name, *within([getattr(value, "__dict__", None) if " at 0x" in told else told])]


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - it raises where the variable is not assigned yet
    except ValueError:
        return False
    return True


def source_file(prepare: Callable[..., Any]) -> Path | None:
    """The file in which a task's author has written `prepare`."""
    module = inspect.getmodule(author(prepare))
    path = None if module is None else module_file(module.__name__)
    return None if path is None else Path(path)


def home(prepare: Callable[..., Any]) -> Path | None:
    """The folder of that file, or the package it belongs to; none among installed libraries."""
    file = source_file(prepare)
    if file is None:
        return None
    folder = file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    if folder == file.parent:  # it belongs to no package
        return None if folder.name in INSTALLED else folder
    return folder / file.relative_to(folder).parts[0]
