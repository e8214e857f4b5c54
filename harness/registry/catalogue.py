"""What there is to load, one module or entry point after the other, and what came of it."""

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.own.task import alike
from harness.registry import plugin_files
from harness.registry.names import allowed
from harness.registry.origin import Fault, Origin, in_file, installed, reason, shipped, shown
from harness.spec import HarnessError, SearchSpace, Task
from harness.system.text import quoted

GROUPS: Mapping[str, type] = {"harness.tasks": Task, "harness.search_spaces": SearchSpace}
"""Packages of the harness, and groups of entry points, with what they hold."""
WORDS: Mapping[type, str] = {Task: "task", SearchSpace: "search space"}
"""What a person calls them."""


@dataclass(frozen=True)
class Candidate:
    """Something that may hold tasks and search spaces, not loaded yet."""

    origin: Origin
    nouns: tuple[type, ...]
    """What is looked for in it."""

    def load(self) -> list[Any] | Fault:
        """The tasks and spaces in it, or why there are none to be had."""
        try:
            return self._held()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin can fail in any way
            return Fault(self.origin, reason(error))

    def _held(self) -> list[Any]:
        value: Any = importlib.import_module(self.origin.module)
        for part in self.origin.attribute:
            value = getattr(value, part)
        # By their types, as proxies that a module imports may raise when asked what they are.
        held = vars(value).values() if isinstance(value, ModuleType) else [value]
        found = [one for one in held if issubclass(type(one), self.nouns)]
        if self.origin.kind == "package" and not found:
            expected = " or ".join(noun.__name__ for noun in self.nouns)
            raise HarnessError(
                f"expected a {expected} or a module with some, found {type(value).__name__} without"
                f" any {' or '.join(WORDS[noun] for noun in self.nouns)}"
            )
        for one in found:
            if not (isinstance(one.name, str) and allowed(one.name)):
                raise HarnessError(
                    f"{_word(one)} {quoted(repr(one.name))}: expected a name of letters, digits, "
                    "'_' and '-'"
                )
        return found


@dataclass(frozen=True)
class Catalogue:
    """Every task and every search space by name, where each comes from, and what was left out."""

    tasks: Mapping[str, Task] = field(default_factory=dict)
    spaces: Mapping[str, SearchSpace] = field(default_factory=dict)
    origins: Mapping[tuple[type, str], Origin] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def candidates(plugins: Iterable[Path] = ()) -> Iterator[Candidate]:
    """All there is: the modules of the two folders, entry points, then plugin files.

    Args:
        plugins: files and folders, absolute.
    """
    for group, noun in GROUPS.items():
        for module in pkgutil.iter_modules(importlib.import_module(group).__path__):
            if not module.name.startswith("_"):
                yield Candidate(shipped(f"{group}.{module.name}"), (noun,))
    for group, noun in GROUPS.items():
        for point in importlib.metadata.entry_points(group=group):
            yield Candidate(installed(point), (noun,))
    for plugin in plugins:
        for name in plugin_files.modules(plugin):
            yield Candidate(in_file(name, plugin), (Task, SearchSpace))


def collect(plugins: Iterable[Path] = ()) -> Catalogue:
    """Loads all there is; what cannot be loaded is left out.

    Raises:
        HarnessError: two tasks, or two spaces, share a name.
    """
    plugins = tuple(plugins)
    found: dict[type, dict[str, Any]] = {Task: {}, SearchSpace: {}}
    origins: dict[tuple[type, str], Origin] = {}
    faults: list[Fault] = []
    # Models of `Mlp` and `mlp` are the same files where systems do not tell cases apart.
    folded: dict[tuple[type, str], tuple[Origin, Any]] = {}
    heard: set[Path | None] = set()
    for candidate in candidates(plugins):
        origin = candidate.origin
        values = candidate.load()
        if isinstance(values, Fault):
            faults.append(values)
            heard.add(origin.path)
            continue
        for value in values:
            heard.add(origin.path)
            noun = _noun(value)
            before, known = folded.setdefault((noun, value.name.casefold()), (origin, value))
            if known is not value and not alike(known, value):
                raise HarnessError(
                    f"{WORDS[noun]} {value.name!r} is defined twice: in {before} and in {origin}"
                )
            found[noun][value.name] = value
            origins.setdefault((noun, value.name), origin)
    for plugin in plugins:
        if plugin not in heard:
            empty = Origin("file", "", shown(plugin), path=plugin)
            expected = "expected a Task or a SearchSpace at the top level of it"
            faults.append(Fault(empty, f"{expected}, found none"))
    return Catalogue(_by_name(found[Task]), _by_name(found[SearchSpace]), origins, tuple(faults))


def _by_name(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in sorted(found)}


def _noun(value: Any) -> type:
    return next(noun for noun in WORDS if issubclass(type(value), noun))


def _word(value: Any) -> str:
    return WORDS[_noun(value)]
