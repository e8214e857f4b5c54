"""Cached and local data against the digests they were recorded with."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from harness.data import cache, download
from harness.data.prepare import META, digest
from harness.doctor.finding import Finding, gigabytes
from harness.spec import HarnessError, Source, Task

PREPARED, DOWNLOADS, LOCAL = "prepared data", "downloads", "data directory"
Advance = Callable[[int], None]
"""Told the number of bytes that have been looked at since the last call."""


@dataclass(frozen=True)
class Stored:
    """What there is to look at."""

    entries: tuple[Path, ...]
    """Folders of prepared data."""
    current: frozenset[Path]
    """Those that the tasks would use; others are from before a change, or of other tasks."""
    downloads: tuple[tuple[Source, Path], ...]
    local: tuple[tuple[Source, Path], ...]
    """Files of a data directory."""
    leftovers: tuple[Path, ...]
    """Folders that a killed process left half prepared."""

    def size(self) -> int:
        """Bytes that have to be read."""
        files = [path for entry in self.entries for path in entry.glob("*.npy")]
        files += [path for _, path in (*self.downloads, *self.local)]
        return sum(_size(path) for path in files)


def stored(root: Path, tasks: Iterable[Task], data_dir: Path | None) -> Stored:
    """Finds what a cache and a data directory hold.

    Args:
        root: `sources.cache_root()`.
        tasks: Those whose source files are looked for, and whose prepared data is used.
        data_dir: As in `sources.fetch`.
    """
    folders = sorted(path for path in (root / "prepared").glob("*/*") if path.is_dir())
    hidden = [path for path in folders if path.name.startswith(".")]
    tasks = tuple(tasks)
    keys = {(task.name, _key(task, data_dir)) for task in tasks}
    # Files of the person's own have no digest to be held to.
    wanted = {(s.dataset, s.file): s for task in tasks for s in task.sources if s.sha256}

    def present(place: Path | None) -> tuple[tuple[Source, Path], ...]:
        if place is None:
            return ()
        paths = ((source, place / source.dataset / source.file) for source in wanted.values())
        return tuple((source, path) for source, path in paths if path.is_file())

    return Stored(
        entries=tuple(path for path in folders if path not in hidden),
        current=frozenset(path for path in folders if _named(path) in keys),
        downloads=present(root / "downloads"),
        local=present(data_dir),
        leftovers=tuple(path for path in hidden if not _in_use(path)),
    )


def _named(folder: Path) -> tuple[str, str]:
    """Task and key that the folder of an entry is called by."""
    return folder.parent.name, folder.name.partition("-")[0]


def _key(task: Task, data_dir: Path | None) -> str | None:
    try:
        return cache.key(task, data_dir)
    except HarnessError:  # a file of the person's own is gone
        return None


def prepared(found: Stored, advance: Advance) -> Iterator[Finding]:
    """Prepared data that is not what it was when it was made."""
    bad = 0
    for entry in found.entries:
        fault = damage(entry, advance)
        if fault is not None and entry.is_dir():  # another process may have replaced it
            bad += 1
            remedy = "delete that folder; a sweep makes anew what it needs"
            if entry in found.current:
                remedy = f"harness prepare {entry.parent.name} makes it anew, as would a sweep"
            yield Finding(
                PREPARED,
                "warning",
                f"{entry.parent.name}: {fault} in {entry}",
                remedy,
            )
    if found.leftovers:
        size = sum(_size(path) for folder in found.leftovers for path in folder.iterdir())
        yield Finding(
            PREPARED,
            "warning",
            f"{gigabytes(size)} left by processes that were killed",
            f"delete {', '.join(map(str, found.leftovers))}",
        )
    if not bad:
        size = sum(_size(path) for entry in found.entries for path in entry.glob("*.npy"))
        message = f"{len(found.entries)} entries, {gigabytes(size)}, as recorded"
        yield Finding(PREPARED, "ok", message if found.entries else "none yet")


def damage(entry: Path, advance: Advance) -> str | None:
    """What is wrong with an entry of the cache, or `None`: each array is read and hashed."""
    try:
        meta = json.loads((entry / META).read_text(encoding="utf-8"))
        arrays = {name: (e["bytes"], e["sha256"]) for name, e in meta["arrays"].items()}
        if digest(meta) != meta["digest"]:
            return f"{META} has changed"
    except FileNotFoundError:
        return f"{META} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{META} cannot be read"
    for name, (size, checksum) in arrays.items():
        path = entry / f"{name}.npy"
        if not path.is_file():
            return f"{path.name} is missing"
        found = path.stat().st_size
        if found != size:
            return f"{path.name} has {found} bytes instead of {size}"
        try:
            altered = download.sha256(path) != checksum
        except OSError as error:
            return f"{path.name} cannot be read ({error.strerror})"
        advance(found)
        if altered:
            return f"{path.name} has changed"
    return None


def downloads(found: Stored, advance: Advance) -> Iterator[Finding]:
    """Downloaded files that are not what the tasks expect."""
    bad = [path for source, path in found.downloads if not _as_expected(source, path, advance)]
    for path in bad:
        yield Finding(
            DOWNLOADS,
            "warning",
            f"{path}: not the expected file (SHA-256)",
            "delete it; it is downloaded again, except with --offline",
        )
    if not bad:
        yield Finding(DOWNLOADS, "ok", f"{len(found.downloads)} files, as expected")


def local(found: Stored, data_dir: Path, advance: Advance) -> Iterator[Finding]:
    """Files of the data directory that the tasks would refuse."""
    if not data_dir.is_dir():
        yield Finding(LOCAL, "error", f"{data_dir}: no such directory", "name it in --data-dir")
        return
    bad = [path for source, path in found.local if not _as_expected(source, path, advance)]
    for path in bad:
        yield Finding(
            LOCAL,
            "error",
            f"{path}: not the expected file (SHA-256), so its task is refused",
            "replace it, or remove it where it can be downloaded",
        )
    if not bad:
        message = f"{data_dir}: {len(found.local)} files, as expected"
        yield Finding(LOCAL, "ok", message)


def _as_expected(source: Source, path: Path, advance: Advance) -> bool:
    try:
        expected = download.sha256(path) == source.sha256
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read ({error.strerror})") from error
    advance(_size(path))
    return expected


def _in_use(folder: Path) -> bool:
    """Whether a process is preparing there: it holds the lock of the entry."""
    key = folder.name.lstrip(".").partition(".")[0]
    lock = folder.with_name(f"{key}.lock")
    if not lock.is_file():
        return False
    try:
        with filelock.FileLock(lock, timeout=0):
            return False
    except (filelock.Timeout, OSError):  # the latter: it may not be looked at
        return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it went away meanwhile
        return 0
