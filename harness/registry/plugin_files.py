"""Plugin files: tasks and architectures in files of one's own, without packaging them.

The folder of a plugin file becomes a package, `harness_plugins.<folder>_<hash of its path>`, and
the file a module of it: the same name in every process, and never that of anything else. Beside
relative imports such a module may import the files and packages beside it by their plain names.
They come before installed packages, as for a script, but never before the standard library or the
harness itself; and the search path of the process stays as it is.

A sweep file is one, too: its `[data.NAME]` tables are tasks (see `harness.own`), and it is a module
without a file, as a change of a budget in it is none of the data.
"""

import builtins
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pkgutil
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.own import file as data_file

PACKAGE = "harness_plugins"
"""What the names of all modules of plugin files begin with."""
_BEFORE_SIBLINGS = sys.stdlib_module_names | {"harness"}
_folders: dict[str, Path] = {}
"""Folders of plugin files by the name of their package."""
_tables: dict[str, Path] = {}
"""Sweep files with data by the name of their module."""
_digests: dict[Path, str] = {}
_moved: dict[Path, Path] = {}
"""Where a folder of plugin files was that has been brought here from another machine."""


def announce(plugin: Path) -> str:
    """The name of the package of a plugin, whose modules can be imported from now on.

    Args:
        plugin: an absolute path of a file or a folder.
    """
    folder = plugin if plugin.is_dir() else plugin.parent
    named = _moved.get(folder, folder)
    sign = hashlib.sha256(os.fsencode(named)).hexdigest()[:8]
    name = f"{re.sub(r'[^0-9A-Za-z_]', '_', named.name)}_{sign}"
    _folders[name] = folder
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    package = f"{PACKAGE}.{name}"
    if plugin.suffix == data_file.SUFFIX:
        _tables[_table_module(package, plugin)] = plugin
    return package


def move(folder: Path, here: Path) -> None:
    """Gives the modules of a folder the names that they have elsewhere, where pickles come from.

    Args:
        folder: an absolute path on the other machine.
        here: that of the same files on this one.
    """
    _moved[here.resolve()] = folder


def modules(plugin: Path) -> list[str]:
    """The modules that a plugin stands for, by name: a file itself, or all that a folder holds.

    As in the folders of the harness, modules whose names begin with an underscore are for others
    to import; and what a folder's `__init__.py` defines counts.

    Args:
        plugin: an absolute path.
    """
    package = announce(plugin)
    if plugin.suffix == data_file.SUFFIX:
        module = _table_module(package, plugin)
        sys.modules.pop(module, None)  # what it says may be another by now
        return [module]
    if not plugin.is_dir():
        return [f"{package}.{plugin.stem}"]
    found = [f"{package}.{module.name}" for module in pkgutil.iter_modules([str(plugin)])
             if not module.name.startswith("_")]  # fmt: skip
    return [package, *found] if (plugin / "__init__.py").is_file() else found


def _table_module(package: str, plugin: Path) -> str:
    sign = hashlib.sha256(os.fsencode(plugin.name)).hexdigest()[:8]
    return f"{package}.{re.sub(r'[^0-9A-Za-z_]', '_', plugin.stem)}_data_{sign}"


def source_of(module: str) -> Path | None:
    """The file that a module of a plugin is or would be, or whose tables it is; of a package
    without one, its folder."""
    folder = folder_of(module)
    if folder is None or module in _tables:
        return _tables.get(module)
    path = folder.joinpath(*module.split(".")[2:])
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    file = path.with_name(f"{path.name}.py")
    return file if path != folder and file.is_file() else path


def folder_of(module: str) -> Path | None:
    """The folder whose files a module of a plugin may import by their plain names."""
    top, _, rest = module.partition(".")
    return _folders.get(rest.partition(".")[0]) if top == PACKAGE else None


def relocated(module: str, plugins: Iterable[Path]) -> str:
    """The name of a module of plugins, which may have been elsewhere when it was noted down.

    Args:
        module: any name; one that is no plugin's, or is that of a plugin in use, stays as it is.
        plugins: absolute paths.
    """
    inner = module.split(".")[2:]
    if module.partition(".")[0] != PACKAGE or (source_of(module) or Path()).is_file():
        return module
    names = (".".join((announce(plugin), *inner)) for plugin in plugins)
    return next((name for name in names if (source_of(name) or Path()).is_file()), module)


def digests() -> dict[Path, str]:
    """SHA-256 of every file that this process has imported as a plugin or for one."""
    return dict(_digests)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules of plugin files, by their names alone."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == PACKAGE:
            return importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        if fullname in _tables:
            return importlib.machinery.ModuleSpec(fullname, _TableLoader(_tables[fullname]))
        found = source_of(fullname)
        if found is None:
            return None
        if found.is_dir():
            spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(found)]
            return spec
        if not found.is_file():
            return None  # a compiled module is found as any other is
        return importlib.util.spec_from_file_location(
            fullname,
            found,
            loader=_Loader(fullname, str(found)),
            submodule_search_locations=[str(found.parent)] if found.stem == "__init__" else None,
        )


class _TableLoader(importlib.abc.Loader):
    """Makes the tasks of a sweep file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Python's own will do."""

    def exec_module(self, module: types.ModuleType) -> None:
        vars(module).update(data_file.tasks(self._file))


class _Loader(importlib.abc.FileLoader, importlib.abc.SourceLoader):
    """Runs a file with an `import` that looks beside it. Nothing compiled is left there."""

    def source_to_code(  # type: ignore[override]
        self, data: bytes, path: str, **options: Any
    ) -> types.CodeType:
        _digests[Path(path)] = hashlib.sha256(data).hexdigest()
        return super().source_to_code(data, path, **options)

    def exec_module(self, module: types.ModuleType) -> None:
        # Documented of `exec`: the built-ins of a module may be given to it.
        vars(module)["__builtins__"] = {
            **vars(builtins), "__import__": _siblings_first(module.__name__)
        }  # fmt: skip
        super().exec_module(module)


def _siblings_first(module: str) -> Callable[..., Any]:
    """What the statement `import` calls in a module of a plugin."""
    folder = folder_of(module)
    assert folder is not None
    package = ".".join(module.split(".")[:2])

    def import_(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> types.ModuleType:
        top = name.partition(".")[0]
        other = top not in _BEFORE_SIBLINGS and f"{package}.{top}" != module
        if level == 0 and other and _is_module(folder / top):
            globals, level = {"__package__": package}, 1
        return builtins.__import__(name, globals, locals, fromlist, level)

    return import_


def _is_module(path: Path) -> bool:
    return path.with_name(f"{path.name}.py").is_file() or (path / "__init__.py").is_file()
