"""What a person asks to have checked, as cells to try."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import registry
from harness.spec import HarnessError, Kind, SearchSpace, Task
from harness.system.text import quoted


@dataclass(frozen=True)
class Attempt:
    """An architecture to try on a task, or on a small one of a kind that is made up for it."""

    space: SearchSpace
    kind: Kind
    task: Task | None = None

    @property
    def name(self) -> str:
        """As it stands in a line."""
        return f"{self.task.name if self.task else self.kind} x {self.space.name}"


def asked(names: Sequence[str]) -> list[Task | SearchSpace]:
    """The tasks and the architectures that names and files stand for, each once.

    Args:
        names: of tasks, of search spaces, and paths of plugin files, which are taken into the
            registry.

    Raises:
        HarnessError: there is no task, no search space and no file of that name, or a file holds
            neither or cannot be loaded.
    """
    files = {name: Path(name).resolve() for name in names if _is_path(name)}
    registry.use([*registry.plugins(), *files.values()])
    found: list[Task | SearchSpace] = []
    for name in names:
        found += _in_file(name, files[name]) if name in files else [_named(name)]
    return list({id(noun): noun for noun in found}.values())


def _is_path(name: str) -> bool:
    known = name in registry.tasks() or name in registry.spaces()
    return not known and (name.endswith((".py", ".toml")) or os.sep in name or Path(name).is_dir())


def _named(name: str) -> Task | SearchSpace:
    known: dict[str, Task | SearchSpace] = {**registry.spaces(), **registry.tasks()}
    if name not in known:
        raise HarnessError(
            f"no task and no search space is called {quoted(repr(name))}; "
            f"{registry.suggestion(name, known)}{registry.left_out()}"
        )
    return known[name]


def _in_file(name: str, path: Path) -> list[Task | SearchSpace]:
    for fault in registry.faults():
        if fault.origin.path == path:
            raise HarnessError(str(fault))
    every: list[Task | SearchSpace] = [*registry.tasks().values(), *registry.spaces().values()]
    return [noun for noun in every if registry.origin(noun).path == path]


def attempts(noun: Task | SearchSpace) -> list[Attempt]:
    """The cells by which a task or an architecture is tried: a task with every architecture that
    fits, an architecture with a small task of every kind that it is for."""
    if isinstance(noun, Task):
        return [Attempt(space, noun.kind, noun) for space in registry.spaces_for(noun)]
    return [Attempt(noun, kind) for kind in noun.kinds]
