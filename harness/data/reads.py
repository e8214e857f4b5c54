"""The files that a task's code reads by itself, beside its declared sources.

What Python opens is heard of through its audit events; what a library opens in its own code, as
`tf.io` and HDF5 do, is not.
"""

import importlib
import os
import pkgutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_SYSTEM = ("/proc", "/sys", "/dev")
INSTALLED = ("site-packages", "dist-packages")
"""Folders of libraries."""
_FINDERS = (str(Path(importlib.__file__).parent), pkgutil.__file__)
_LISTED = ("os.listdir", "os.scandir")


class Reads:
    """Hears, while it is entered, of all files that this process opens and folders it lists.

    An audit hook cannot be taken back: a process makes one of these, not many.

    Args:
        roots: only what lies in these folders counts.
        but: files and folders that do not count, such as the declared sources.
    """

    def __init__(self, roots: Iterable[Path], but: Iterable[Path] = ()) -> None:
        places = (*_SYSTEM, sys.prefix, sys.base_prefix, tempfile.gettempdir())
        self._roots = _both(roots)
        self._but = _both((*but, *map(Path, places)))
        self._opened: dict[str, str] = {}
        self._listed: dict[str, str] = {}
        self._written: set[str] = set()
        self._hears = False
        sys.addaudithook(self._hear)

    def __enter__(self) -> "Reads":
        self._hears = True
        return self

    def __exit__(self, *_: object) -> None:
        self._hears = False

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each file that was read, as it was named and where it lies."""
        modules = {*map(module_file, [*sys.modules])}
        for name, path in self._opened.items():
            counts = path not in self._written and path not in modules
            if counts and self._counts(Path(path)) and Path(path).is_file():
                yield name, Path(path)

    def folders(self) -> Iterator[tuple[str, Path]]:
        """Each folder that was listed, as it was named and where it lies."""
        for name, path in self._listed.items():
            if self._counts(Path(path)) and Path(path).is_dir():
                yield name, Path(path)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._hears or event not in ("open", *_LISTED):
            return
        try:
            path = os.fsdecode(arguments[0] or ".")  # fails for a number of an open file
        except TypeError:
            return
        whole = os.path.abspath(path)  # noqa: PTH100 - `resolve` would follow links
        if event != "open":
            if not _finds_modules(sys._getframe(1).f_code.co_filename):
                self._listed.setdefault(path, whole)
        elif _writes(*arguments[1:3]):
            self._written.add(whole)
        else:
            self._opened.setdefault(path, whole)

    def _counts(self, path: Path) -> bool:
        return any(
            path.is_relative_to(root)
            and _own(path.relative_to(root))
            and not any(
                path.is_relative_to(but) and not root.is_relative_to(but) for but in self._but
            )
            for path in _both([path])
            for root in self._roots
        )


def _both(paths: Iterable[Path]) -> list[Path]:
    """Paths as they are named, and where links lead."""
    found = [Path(path).absolute() for path in paths]
    return list(dict.fromkeys((*found, *(path.resolve() for path in found))))


def module_file(name: str) -> str | None:
    """The file of a module that is imported. Some load others when they are asked for more than
    they hold, so they are not asked."""
    content = getattr(sys.modules.get(name), "__dict__", {})
    file = content.get("__file__")
    return file if isinstance(file, str) else None


def _own(within: Path) -> bool:
    """Whether a path within a root is one of the person's own, and none that tools leave there."""
    return not any(
        part.startswith((".", "__pycache__"))
        or part in INSTALLED
        or part.endswith((".dist-info", ".egg-info", ".pyc"))
        for part in within.parts
    )


def _finds_modules(file: str) -> bool:
    """Whether code of that file lists folders to find modules and distributions in them."""
    return file.startswith("<frozen importlib") or file.startswith(_FINDERS)


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
