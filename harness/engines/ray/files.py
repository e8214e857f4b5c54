"""Files that cross between driver and nodes, beside jobs and their values.

A node needs no disk of the driver's. Prepared data is brought once to a node, into its cache, where
all its workers map it into memory. A job finds a folder of its worker's own in place of the
sweep's, with the checkpoint or the model in it that it starts from; what it leaves there goes back.
All of it goes through Ray's object store, in parts.
"""

import contextlib
import dataclasses
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

from harness.data import download
from harness.data.prepare import META
from harness.journal.folder import (
    assets_path,
    checkpoint_path,
    interface_path,
    is_state,
    state_path,
)
from harness.system import atomic_files
from harness.trial import Job

PART_BYTES = 32_000_000
"""Length of a part; no process holds more of a file at once."""


@dataclass(frozen=True)
class Sent:
    """A file in the object store."""

    name: str
    """Relative to its folder."""
    stamp: tuple[int, int]
    """Size and time of its last change, by which it is known again."""
    parts: tuple[Any, ...]
    """References to its bytes."""


def stamp(path: Path) -> tuple[int, int]:
    """What tells one content of a file from another."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def put(folder: Path, name: str) -> Sent:
    """Puts a file into the object store; raises `OSError` where it cannot be read."""
    import ray

    path = folder / name
    known, parts = stamp(path), []
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            parts.append(ray.put(part))
    return Sent(name, known, tuple(parts))


def write(sent: Sent, folder: Path) -> None:
    """Writes a file that is whole or absent; raises errors of Ray, and `OSError`."""
    import ray

    with atomic_files.whole(folder / sent.name) as path, path.open("wb") as file:
        for part in sent.parts:
            file.write(ray.get(part))


# --- of the driver ----------------------------------------------------------------


class Outgoing:
    """What jobs need on a node.

    Args:
        folder: the sweep's, if there is one.
        data: the folder of each task's prepared data in the driver's cache.
    """

    def __init__(self, folder: Path | None, data: Mapping[str, Path]) -> None:
        self._folder, self._data = folder, dict(data)
        self._prepared: dict[str, tuple[Sent, ...]] = {}
        self._files: dict[str, Sent] = {}

    @property
    def names(self) -> dict[str, str]:
        """What the prepared data of each task is called in a cache."""
        return {task: folder.name for task, folder in self._data.items()}

    def prepared(self, task: str) -> tuple[Sent, ...]:
        """A task's prepared data; its description, by which it is there, comes last."""
        if task not in self._prepared:
            folder = self._data[task]
            names = sorted((path.name for path in folder.iterdir()), key=lambda name: name == META)
            self._prepared[task] = tuple(put(folder, name) for name in names)
        return self._prepared[task]

    def needed(self, job: Any) -> tuple[Sent, ...]:
        """The files of the sweep's folder that a job starts from."""
        if self._folder is None or not isinstance(job, Job):
            return ()
        names = [path.relative_to(job.folder).as_posix() for path in _starts(job)]
        found = [name for name in names if (self._folder / name).is_file()]
        gone = [name for name in self._files if not (self._folder / name).is_file()]
        for name in gone:
            del self._files[name]
        for name in found:
            known = self._files.get(name)
            if known is None or known.stamp != stamp(self._folder / name):
                self._files[name] = put(self._folder, name)
        return tuple(self._files[name] for name in found)


def _starts(job: Job) -> Iterable[Path]:
    if job.parent is not None:
        yield checkpoint_path(job.folder, job.task, job.space, job.parent)
    yield state_path(job.folder, *job.key)
    if job.encoder is not None:
        model = job.folder / job.encoder
        yield from (model, interface_path(model), assets_path(model))


# --- of a node --------------------------------------------------------------------


def lacking(names: Mapping[str, str]) -> tuple[str, ...]:
    """The tasks whose prepared data is not in this node's cache."""
    home = download.cache_root() / "prepared"
    return tuple(task for task, name in names.items() if not (home / task / name / META).is_file())


def receive(task: str, name: str, prepared: Iterable[Sent]) -> None:
    """Brings prepared data into this node's cache, unless another worker has meanwhile.

    Raises:
        OSError: it cannot be written.
        Exception: of Ray, where the driver is gone.
    """
    home = download.cache_root() / "prepared" / task
    home.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(home / f"{name}.lock"):
        if (home / name / META).is_file():
            return
        work = home / f".{name}.{uuid.uuid4().hex}"
        try:
            for sent in prepared:
                write(sent, work)
            work.replace(home / name)
        finally:
            shutil.rmtree(work, ignore_errors=True)


@dataclass
class Desk:
    """The folder of a worker that stands for the sweep's.

    Args:
        folder: where it is.
    """

    folder: Path
    _known: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The stamps here of files that came from the driver, or went there."""
    _given: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The stamps there of those that came."""

    def receive(self, files: Iterable[Sent]) -> None:
        """Takes what a job starts from; errors as of `write`."""
        for sent in files:
            if self._given.get(sent.name) != sent.stamp or not (self.folder / sent.name).is_file():
                write(sent, self.folder)
                self._given[sent.name] = sent.stamp
                self._known[sent.name] = stamp(self.folder / sent.name)

    def new(self) -> tuple[Sent, ...]:
        """What a job has left since, each file whole."""
        found = []
        for path in sorted(self.folder.glob("*/*")):
            name = path.relative_to(self.folder).as_posix()
            with contextlib.suppress(FileNotFoundError):  # it was a part, or has been removed
                is_new = path.is_file() and self._known.get(name) != stamp(path)
                if is_new and not path.name.startswith(atomic_files.PART):
                    found.append(put(self.folder, name))
                    self._known[name] = found[-1].stamp
        return tuple(found)

    def clear(self) -> None:
        """Removes what a job has left, once it has ended; what it started from stays."""
        for path in self.folder.glob("*/*"):
            name = path.relative_to(self.folder).as_posix()
            if (name not in self._given or is_state(name)) and path.is_file():
                path.unlink(missing_ok=True)
                self._known.pop(name, None)
                self._given.pop(name, None)


def moved(job: Any, folder: Path) -> Any:
    """A job as it is on a node: with that folder in place of the sweep's, if it has one."""
    if dataclasses.is_dataclass(job) and not isinstance(job, type) and hasattr(job, "folder"):
        return dataclasses.replace(job, folder=folder)
    return job
