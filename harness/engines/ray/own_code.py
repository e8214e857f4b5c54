"""Plugin files on nodes, where they do not lie: they go along with what a worker is told first."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import registry
from harness.registry import plugin_files

FOLDER = "HARNESS_NODE_FOLDER"
"""Variable of a worker on a node that names the folder of what is brought there."""


@dataclass(frozen=True)
class OwnCode:
    """Plugins, and the Python files and packages beside them."""

    plugins: tuple[str, ...]
    """Paths with the driver."""
    folders: tuple[str, ...]
    """The folders they lie in, likewise."""
    files: tuple[tuple[int, str, bytes], ...]
    """Number of the folder, path within it, content."""


def gathered(plugins: tuple[Path, ...]) -> OwnCode:
    """What goes along for plugins.

    A plugin may import what lies beside it by its plain name: modules and packages. Sweep files
    with data are left out; they must be seen by all nodes, as their data must.
    """
    python = tuple(plugin for plugin in plugins if plugin.is_dir() or plugin.suffix == ".py")
    folders = dict.fromkeys(plugin if plugin.is_dir() else plugin.parent for plugin in python)
    files = tuple(
        (number, path.relative_to(folder).as_posix(), path.read_bytes())
        for number, folder in enumerate(folders)
        for path in _code(folder)
    )
    return OwnCode(tuple(map(str, plugins)), tuple(map(str, folders)), files)


def _code(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.py"))
    for package in sorted(folder.glob("*/__init__.py")):
        yield from sorted(package.parent.rglob("*.py"))


def begin(code: OwnCode, initialize: Callable[[], None]) -> None:
    """What a worker on a node does once: makes plugins known under the names that they have with
    the driver, as what is pickled names them, then initialises."""
    home = Path(os.environ[FOLDER]) / "plugins"
    here = {}
    for number, folder in enumerate(code.folders):
        here[folder] = home / str(number)
        plugin_files.move(Path(folder), here[folder])
    for number, name, content in code.files:
        path = home / str(number) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    registry.use(_place(plugin, here) for plugin in code.plugins)
    initialize()


def _place(plugin: str, here: dict[str, Path]) -> Path:
    path = Path(plugin)
    if plugin in here:
        return here[plugin]
    return here[str(path.parent)] / path.name if path.suffix == ".py" else path
