"""Finds tasks and search spaces: what is shipped, what is installed, and files of one's own.

A task or an architecture is one file. Whatever `Task` or `SearchSpace` stands at the top level of a
module of `harness.tasks` or `harness.search_spaces`, of what an entry point in the group of that
name gives, or of a plugin file is registered by existing. Plugin files are named by a sweep file
(`plugins = [...]`) or on the command line (`--plugins`). One that cannot be loaded costs itself
alone: a line on standard error says why, and so does the error that asks for what it holds.
"""

import functools
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from harness.own import file as data_file
from harness.registry import plugin_files
from harness.registry.catalogue import Catalogue, collect
from harness.registry.names import LONGEST_NAME, allowed, portable, suggestion
from harness.registry.origin import Fault, Origin, shown
from harness.spec import HarnessError, SearchSpace, Task
from harness.system.text import quoted

__all__ = [
    "LONGEST_NAME",
    "Fault",
    "Origin",
    "allowed",
    "faults",
    "fit",
    "fits",
    "left_out",
    "located",
    "origin",
    "plugins",
    "portable",
    "refresh",
    "shown",
    "space",
    "spaces",
    "spaces_for",
    "suggestion",
    "task",
    "tasks",
    "use",
]

Noun = TypeVar("Noun", Task, SearchSpace)
_plugins: tuple[Path, ...] = ()
_told: set[str] = set()
"""Faults that standard error has been told of."""


def use(files: Iterable[str | Path]) -> None:
    """Takes plugin files into the registry, in the place of those that were there before.

    Args:
        files: Python files, folders of some, and sweep files with `[data.NAME]` tables.

    Raises:
        HarnessError: one does not exist, or is neither.
    """
    global _plugins
    wanted = tuple(dict.fromkeys(located(Path(file)) for file in files))
    if wanted != _plugins:
        _plugins = wanted
        refresh()
        for plugin in wanted:
            plugin_files.announce(plugin)  # what was pickled may name its modules at once


def located(plugin: Path) -> Path:
    """The absolute path of a plugin file or folder.

    Raises:
        HarnessError: it does not exist, or is neither.
    """
    name = quoted(str(plugin))
    try:
        whole = plugin.resolve()
        file, folder = whole.is_file(), whole.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a circle, a null character
        raise HarnessError(f"plugin {name}: no path ({quoted(str(error))})") from None
    if not (file or folder):
        raise HarnessError(f"plugin {name}: no such file or folder")
    python = whole.suffix == ".py" and "." not in whole.stem
    tables = whole.suffix == data_file.SUFFIX and bool(data_file.tables(whole))
    if file and not python and not tables:
        raise HarnessError(
            f"plugin {name}: expected a Python file, NAME.py, or a folder; or a sweep file with "
            "[data.NAME] tables"
        )
    return whole


def plugins() -> tuple[Path, ...]:
    """The plugin files and folders in use, absolute."""
    return _plugins


def refresh() -> None:
    """Looks anew at what there is when it is asked for next; what is imported stays so."""
    _catalogue.cache_clear()


def tasks() -> Mapping[str, Task]:
    """Every task by name.

    Raises:
        HarnessError: two tasks, or two spaces, share a name.
    """
    return MappingProxyType(_catalogue().tasks)


def spaces() -> Mapping[str, SearchSpace]:
    """Every search space by name.

    Raises:
        HarnessError: two tasks, or two spaces, share a name.
    """
    return MappingProxyType(_catalogue().spaces)


def faults() -> tuple[Fault, ...]:
    """What was left out, as it cannot be loaded."""
    return _catalogue().faults


def origin(noun: Task | SearchSpace) -> Origin:
    """Where a registered task or space comes from.

    Raises:
        KeyError: it is not registered.
    """
    kind = Task if isinstance(noun, Task) else SearchSpace
    return _catalogue().origins[kind, noun.name]


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        HarnessError: there is none; similar names are offered, and what was left out.
    """
    return _find(tasks(), name, "task")


def space(name: str) -> SearchSpace:
    """The search space of that name.

    Raises:
        HarnessError: there is none; similar names are offered, and what was left out.
    """
    return _find(spaces(), name, "search space")


def spaces_for(task: Task) -> tuple[SearchSpace, ...]:
    """The search spaces that fit a task, by name."""
    return tuple(space for space in spaces().values() if fits(task, space))


def fits(task: Task, space: SearchSpace) -> bool:
    """Whether an architecture is one for a task: of its kind, and with a model to go on from where
    it needs one."""
    started = task.init_from is not None or task.kind not in space.fine_tuned
    return task.kind in space.kinds and started


def fit(task: str, space: str) -> bool:
    """Whether an architecture fits a task by their names; false where one is not installed."""
    known_task, known_space = tasks().get(task), spaces().get(space)
    return bool(known_task and known_space and fits(known_task, known_space))


def left_out() -> str:
    """What an error about an unknown name ends with: the plugins that could not be loaded."""
    return "".join(f"; not loaded: {fault}" for fault in faults())


@functools.cache
def _catalogue() -> Catalogue:
    found = collect(_plugins)
    for fault in found.faults:
        line = f"harness: warning: {fault}; left out"
        if line not in _told:
            _told.add(line)
            print(line, file=sys.stderr)
    return found


def _find(registered: Mapping[str, Noun], name: str, word: str) -> Noun:
    if name not in registered:
        known = suggestion(name, registered)
        raise HarnessError(f"unknown {word} {quoted(repr(name))}; {known}{left_out()}")
    return registered[name]
