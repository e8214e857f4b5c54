"""Files that are whole or absent, whenever their writer is killed or the disk is full."""

import contextlib
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from harness.spec import HarnessError

PART = ".part."
"""How the name of a file begins that is being written; the number of its writer's process and its
own name follow."""


def write(path: Path, content: bytes) -> None:
    """Writes a file that a reader sees whole, as it was or as it is now.

    Raises:
        HarnessError: it cannot be written.
    """
    try:
        with whole(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written ({error.strerror})") from error


@contextlib.contextmanager
def whole(path: Path, size: int = 0) -> Iterator[Path]:
    """Gives a path to write to instead of this one, which is then replaced at once.

    The path ends as the final one does, as libraries tell by it what to write. What was written
    is on the disk, not only on its way there, before it is seen: a journal that names the file
    would otherwise outlive it in a power cut. If it cannot be written, nothing is left.

    Args:
        path: the file; its folder is made if need be.
        size: bytes for which there must be room, or the disk is full before anything is written:
            HDF5 brings the process down if it is full after that.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(path.parent.glob(f"{PART}*.{glob.escape(path.name)}"))
    part = path.with_name(f"{PART}{os.getpid()}.{path.name}")
    try:
        if size:
            _find_room(part, size)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error says what is wrong
            part.unlink(missing_ok=True)
        raise


def remove_parts(folder: Path) -> None:
    """Removes what writers that were killed left in a folder and in those within it."""
    _remove((*folder.glob(f"{PART}*"), *folder.glob(f"*/{PART}*")))


def _remove(parts: Iterable[Path]) -> None:
    """Removes those whose writer is no more."""
    for part in parts:
        writer = part.name.removeprefix(PART).partition(".")[0]
        if not (writer.isdigit() and psutil.pid_exists(int(writer))):
            part.unlink(missing_ok=True)


def _find_room(path: Path, size: int) -> None:
    """Fails as a write of that many bytes would, and gives the room back."""
    try:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:  # macOS and Windows
                for start in range(0, size, 1 << 20):
                    file.write(bytes(min(1 << 20, size - start)))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    path.unlink()
