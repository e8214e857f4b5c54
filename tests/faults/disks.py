"""Disks that are full or may only be read.

A small disk of its own, as root may mount one, answers as a real one does. For everybody else a
limit on the size of files stands in for the full disk, and permissions for the other.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

KILOBYTE = 1024


def limit_files(size: int) -> None:
    """Has every file of this process and of those it starts end after that many bytes.

    Python ignores the signal that comes with it, so that a write fails as on a full disk.
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextlib.contextmanager
def limited_files(size: int) -> Iterator[None]:
    """The same, for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit_files(size)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Disk:
    """A small disk, mounted at a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def leave(self, size: int) -> None:
        """Fills it up, but for about that many bytes."""
        self._ballast.unlink(missing_ok=True)
        room = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, room.f_bavail * room.f_frsize - size))

    def free(self) -> None:
        """Removes what filled it."""
        self._ballast.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Disk]:
    """A disk of that many bytes; the test is skipped where none can be mounted."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=30)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Has a folder and what is in it only be read, by root as well."""
    if os.geteuid() != 0:
        paths = [folder, *folder.rglob("*")]
        modes = [path.stat().st_mode for path in paths]
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode & ~0o222)
        try:
            yield
        finally:
            for path, mode in zip(paths, modes, strict=True):
                path.chmod(mode)
        return
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=30)


def _mount(*words: str) -> None:
    try:
        answer = subprocess.run(["mount", *words], capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if answer.returncode:
        pytest.skip(f"nothing can be mounted here: {answer.stderr.strip()}")
