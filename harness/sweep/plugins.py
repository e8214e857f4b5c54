"""Plugin files of a sweep: where they are, as its folder remembers it, and what they were."""

import dataclasses
import os
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness import registry
from harness.journal.folder import QUESTION
from harness.registry import plugin_files
from harness.spec import HarnessError
from harness.sweep import own_data
from harness.sweep.question import Sweep
from harness.system.text import one_line, quoted


def resolved(sweep: Sweep, base: Path) -> Sweep:
    """Takes the plugins of a sweep into the registry, in the place of others.

    Args:
        sweep: the question.
        base: what its plugins are relative to, if they are.

    Returns:
        The sweep with absolute paths.

    Raises:
        HarnessError: one does not exist, or is no plugin.
    """
    registry.use(base / plugin for plugin in sweep.plugins)
    return dataclasses.replace(sweep, plugins=tuple(map(str, registry.plugins())))


def recorded(sweep: Sweep, folder: Path) -> Sweep:
    """The sweep as it is written down in its folder, from where its plugins are found again.

    They are relative: a project that is moved as a whole stays whole, and nothing tells of the
    machine.
    """
    others = own_data.other_plugins(sweep)
    return dataclasses.replace(
        sweep,
        plugins=tuple(_relative(Path(plugin), folder) for plugin in others),
        data=own_data.moved(sweep.data, lambda file: _relative(Path(file), folder)),
    )


def remember(folders: Iterable[Path]) -> None:
    """Takes the plugins into the registry with which the sweeps in these folders were last run,
    beside those in use.

    What a folder says of a sweep does not need them: what is gone, or would stand in the way of
    what is there, is left out with a line on standard error.
    """
    for folder in folders:
        before = registry.plugins()
        registry.use([*before, *_remembered(folder)])
        try:
            if registry.plugins() != before:
                registry.tasks()
        except HarnessError as error:  # a name that is taken
            _warn(f"plugins of {folder}: {error}; left out")
            registry.use(before)


def _remembered(folder: Path) -> Iterator[Path]:
    plugins = _written(folder / QUESTION)
    if own_data.is_in(folder / QUESTION):
        plugins = (*plugins, QUESTION)
    for plugin in plugins:
        try:
            yield registry.located(folder / plugin)
        except HarnessError as error:
            _warn(f"{error}; left out")


def provenance(sweep: Sweep, folder: Path) -> dict[str, dict[str, str]]:
    """What the tasks and spaces of a sweep come from, beside the harness itself.

    Returns:
        `packages`, the version of each distribution, and `plugins`, the SHA-256 of each plugin
        file and of what it has imported beside it, by its path relative to the folder.
    """
    origins = [registry.origin(registry.task(name)) for name in sweep.tasks]
    origins += [registry.origin(registry.space(name)) for name in sweep.spaces]
    roots = [plugin if plugin.is_dir() else plugin.parent for plugin in registry.plugins()]
    return {
        "packages": {o.name: o.version for o in origins if o.kind == "package"},
        "plugins": {
            _relative(path, folder): sha256
            for path, sha256 in sorted(plugin_files.digests().items())
            if any(path.is_relative_to(root) for root in roots)
        },
    }


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.as_posix()


def _written(file: Path) -> tuple[str, ...]:
    """The plugins that the question in a sweep's folder names."""
    try:
        if not file.is_file():
            return ()
    except OSError:  # a folder that cannot be looked into: reading the journal names it
        return ()
    try:
        text = file.read_text(encoding="utf-8")
        plugins: Any = tomllib.loads(text).get("plugins", [])
        if not (isinstance(plugins, list) and all(isinstance(name, str) for name in plugins)):
            raise ValueError("plugins: expected a list of paths")
    except (OSError, ValueError, RecursionError) as error:
        # The journal holds the question as well: whatever it says can be told without plugins.
        _warn(f"{file}: cannot be read ({quoted(str(error))}); its plugins are left out")
        return ()
    return tuple(plugins)


def _warn(text: str) -> None:
    print(one_line(f"harness: warning: {text}"), file=sys.stderr)
