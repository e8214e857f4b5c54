"""Finds tasks and search spaces: the two folders first, then installed plugins.

A task or an architecture is one file. Whatever `Task` or `SearchSpace` stands at the top
level of a module of the package `tasks` or `search_spaces`, or of what an entry point in
the group `harness.tasks` or `harness.search_spaces` names, is registered by existing.
"""

import difflib
import functools
import importlib
import importlib.metadata
import itertools
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

from harness.failure import describe_error
from harness.spec import HarnessError, SearchSpace, Task
from harness.system.text import quoted

LONGEST_NAME = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Names become parts of file names, between dots."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever comes behind the dot."""

Noun = TypeVar("Noun", Task, SearchSpace)


@functools.cache
def tasks() -> Mapping[str, Task]:
    """Every task by name.

    Raises:
        HarnessError: two tasks share a name, a name is no file name, or a plugin cannot be loaded.
    """
    return _collect(Task, "task", "harness.tasks")


@functools.cache
def spaces() -> Mapping[str, SearchSpace]:
    """Every search space by name.

    Raises:
        HarnessError: two spaces share a name, a name is no file name, or a plugin cannot be
            loaded.
    """
    return _collect(SearchSpace, "search space", "harness.search_spaces")


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        HarnessError: there is none; similar names are offered.
    """
    return _find(tasks(), name, "task")


def space(name: str) -> SearchSpace:
    """The search space of that name.

    Raises:
        HarnessError: there is none; similar names are offered.
    """
    return _find(spaces(), name, "search space")


def spaces_for(task: Task) -> tuple[SearchSpace, ...]:
    """The search spaces that fit a task's kind, by name."""
    return tuple(space for space in spaces().values() if task.kind in space.kinds)


def _collect(noun: type[Noun], word: str, group: str) -> Mapping[str, Noun]:
    found: dict[str, Noun] = {}
    # Models of `Mlp` and `mlp` are the same files where systems do not tell cases apart.
    folded: dict[str, tuple[str, Noun]] = {}
    values = itertools.chain(_in_folder(noun, group), _in_plugins(noun, word, group))
    for origin, value in values:
        name: Any = value.name
        if not (isinstance(name, str) and allowed(name)):
            raise HarnessError(
                f"{origin}: {word} {quoted(repr(name))}: expected a name of letters, digits, '_' "
                "and '-'"
            )
        before, known = folded.setdefault(name.casefold(), (origin, value))
        if known is not value:
            raise HarnessError(f"{word} {name!r} is defined twice: in {before} and in {origin}")
        found[name] = value
    return MappingProxyType({name: found[name] for name in sorted(found)})


def _in_folder(noun: type[Noun], package: str) -> Iterator[tuple[str, Noun]]:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.name.startswith("_"):
            name = f"{package}.{module.name}"
            yield from ((name, value) for value in _of_module(noun, _import(name, name)))


def _in_plugins(noun: type[Noun], word: str, group: str) -> Iterator[tuple[str, Noun]]:
    for point in importlib.metadata.entry_points(group=group):
        distribution = point.dist.name if point.dist else "an unnamed distribution"
        origin = f"{distribution} (entry point {point.name} = {point.value})"
        target = _import(point.value, origin)
        values = list(_of_module(noun, target)) if isinstance(target, ModuleType) else [target]
        if not values or not all(issubclass(type(value), noun) for value in values):
            raise HarnessError(
                f"{origin}: expected a {noun.__name__} or a module with some, "
                f"found {type(target).__name__} without any {word}"
            )
        yield from ((origin, value) for value in values)


def _of_module(noun: type[Noun], module: ModuleType) -> Iterator[Noun]:
    # By their types, as proxies that a module imports may raise when asked what they are.
    return (value for value in vars(module).values() if issubclass(type(value), noun))


def _import(target: str, origin: str) -> Any:
    """Imports `module` or `module:attribute`; any fault in it names its origin."""
    module, _, attribute = target.partition(":")
    try:
        value: Any = importlib.import_module(module)
        for part in filter(None, attribute.split(".")):
            value = getattr(value, part)
    except (Exception, SystemExit) as error:
        # A plugin can fail in any way; the person needs to know which one it was.
        reason = describe_error(error).message
        raise HarnessError(f"{origin}: cannot be loaded ({reason})") from error
    return value


def _find(registered: Mapping[str, Noun], name: str, word: str) -> Noun:
    if name not in registered:
        raise HarnessError(f"unknown {word} {quoted(repr(name))}; {suggestion(name, registered)}")
    return registered[name]


def allowed(name: str) -> bool:
    """Whether a task or a space may be called so."""
    return bool(_NAME.fullmatch(name)) and portable(name)


def portable(name: str) -> bool:
    """Whether files and folders may be called so on every system, as far as letters go."""
    return len(name) <= LONGEST_NAME and not name.endswith(".") and not _DEVICES.fullmatch(name)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` where something is close, else the known names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"did you mean {' or '.join(repr(match) for match in close)}?"
    return f"expected one of {', '.join(known)}"


def fit(task: str, space: str) -> bool:
    """Whether an architecture fits a task by their names; false where one is not installed."""
    known_task, known_space = tasks().get(task), spaces().get(space)
    return bool(known_task and known_space and known_task.kind in known_space.kinds)
