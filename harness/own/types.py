"""Whether options of a table are of the types that the constructor of their kind takes."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pydantic

from harness.spec import HarnessError, Task
from harness.system.text import quoted

_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "a text",
    Any: "anything",
}


def check(where: str, make: Callable[..., Task], options: Mapping[str, Any]) -> None:
    """Refuses options of another type than they are declared with.

    Args:
        where: for the errors: `reviews.toml: data.reviews`.
        make: the constructor, whose keywords they are, or fields of `Task`.
        options: by name; lists are tuples already.

    Raises:
        HarnessError: names the key, the value and what was expected.
    """
    declared = {**typing.get_type_hints(Task), **_keywords(make)}
    for key, value in options.items():
        # `objective` may be named where the constructor says so, and it looks at that itself.
        if key in declared and key != "objective":
            _check(f"{where}.{key}", declared[key], value)


def _keywords(make: Callable[..., Task]) -> dict[str, Any]:
    parameters = inspect.signature(make).parameters.values()
    return {p.name: p.annotation for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _check(where: str, annotation: Any, value: Any) -> None:
    try:
        pydantic.TypeAdapter(annotation).validate_python(value, strict=True)
    except pydantic.ValidationError:
        shown = list(value) if isinstance(value, tuple) else value
        raise HarnessError(
            f"{where} = {quoted(repr(shown))}: expected {_said(annotation)}"
        ) from None


def _said(annotation: Any) -> str:
    """A type as a person would say it who writes TOML."""
    inner = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Literal:
            return f"{'one of ' if len(inner) > 1 else ''}{', '.join(map(repr, inner))}"
        case typing.Union | types.UnionType:
            said = (_said(part) for part in inner if part is not type(None))
            return " or ".join(dict.fromkeys(filter(None, said)))
        case origin if origin in (tuple, list, Sequence):
            return f"a list, each {_said(inner[0])}"
        case origin if origin is Mapping:
            return f"a table, each {_said(inner[1])}"
        case origin if origin is Callable:
            return ""
    return _WORDS.get(annotation, "another type")
