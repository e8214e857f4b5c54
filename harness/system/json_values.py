"""Values as JSON, and back as what they should be."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pydantic

from harness.spec import HarnessError
from harness.system.text import quoted

T = TypeVar("T")
_PLAIN = frozenset({str, int, bool, type(None)})


def loaded(text: str | bytes) -> Any:
    """The value that JSON stands for.

    Raises:
        ValueError: it is no JSON, or holds a number that is not finite or has more than 64 bits.
    """
    return json.loads(text, parse_float=_finite, parse_int=_short, parse_constant=_finite)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Has it told as bad input that a file may not be read, or not even be looked for."""
    try:
        yield
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read ({error.strerror})") from error


def _finite(text: str) -> float:
    """A number; those that are not finite were written as `null`."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def _short(text: str) -> int:
    """A whole number that tables can hold."""
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{text[:20]}... is no number of 64 bits")
    return value


def why(error: Exception) -> str:
    """What is wrong with a value, in one line."""
    text = str(error)
    if isinstance(error, pydantic.ValidationError):
        fault = error.errors()[0]
        text = ".".join(str(part) for part in (*fault["loc"], fault["msg"]))
    return quoted(f"{type(error).__name__}: {text}")


def jsonable(value: Any) -> Any:
    """The value as JSON types: dataclasses become objects, non-finite numbers `None`."""
    if type(value) in _PLAIN:  # nearly all of what a journal holds
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def unboxed(value: Any) -> Any:
    """The value with Python's numbers, texts and truth values in the place of NumPy's, within
    dataclasses, lists, tuples and dictionaries, too."""
    if type(value) in _PLAIN or type(value) is float:
        return value
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        plain = {name: unboxed(field) for name, field in fields.items()}
        changed = {name: new for name, new in plain.items() if new is not fields[name]}
        return dataclasses.replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        plain = {key: unboxed(item) for key, item in value.items()}
        return plain if any(plain[key] is not item for key, item in value.items()) else value
    if isinstance(value, (list, tuple)):
        items = [unboxed(item) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def from_json(kind: type[T], fields: Mapping[str, Any]) -> T:
    """Builds a dataclass from the fields it knows; unknown ones are left out.

    Raises:
        ValueError: a field is not of its type, or missing.
    """
    dataclass = typing.cast(Any, kind)
    names = {f.name for f in dataclasses.fields(dataclass)}
    known = {name: value for name, value in fields.items() if name in names}
    # As JSON, where lists may stand for tuples and nothing else for anything else. Halves of
    # surrogate pairs, which messages of early versions may hold, are no JSON.
    text = json.dumps(known, default=dataclasses.asdict, ensure_ascii=False)
    return typing.cast(
        T, _adapter(dataclass).validate_json(text.encode(errors="replace"), strict=True)
    )


@functools.cache
def _adapter(kind: type) -> Any:
    return pydantic.TypeAdapter(kind)
