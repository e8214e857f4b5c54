"""Prepared data: made once in a process of its own, then memory-mapped by everyone.

An entry is the folder `<cache>/prepared/<task>/<key>`: one `.npy` file an array and
`meta.json`, which knows the SHA-256 of each. The key stands for what the data was made
from, the digest for what it is.
"""

import contextlib
import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pydantic

from harness import registry
from harness.data import download
from harness.data.prepare import FORMAT, META, SPLITS, digest
from harness.kinds import author
from harness.spec import Array, DataSpec, HarnessError, Prepared, Split, Task, Windows
from harness.system import atomic_files

_known: dict[Path, "Entry"] = {}
"""Entries this process has verified."""
FAILED = "failed.txt"
"""The traceback of the last `prepare` of a task that failed, beside its entries: there one finds it
again, where a temporary folder is another each time; the next that succeeds removes it."""
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading an entry raises that is damaged, in whatever way."""


@dataclass(frozen=True)
class Entry:
    """A task's prepared data on disk."""

    folder: Path
    digest: str
    """SHA-256 over specification, assets and arrays: the same data has the same digest,
    wherever and from whatever code it was made."""


def entry(task: Task, data_dir: Path | None = None, offline: bool = False) -> Entry:
    """Finds a task's prepared data, preparing it when it is missing or damaged.

    Args:
        task: a registered task.
        data_dir: directory looked in for source files before they are downloaded.
        offline: whether downloading is forbidden.

    Raises:
        HarnessError: a source cannot be had, `prepare` fails or returns unsound data, or
            the cache cannot be written.
    """
    folder = download.cache_root() / "prepared" / task.name / key(task)
    if folder in _known and (folder / META).is_file():
        return _known[folder]
    found = _verified(folder)
    if found is None:
        with _writing(folder):
            found = _verified(folder)  # someone else may have made it while this one waited
            if found is None:
                _prepare(task, folder, data_dir, offline)
                found = _verified(folder)
    if found is None:
        raise HarnessError(f"{folder}: damaged as soon as it was written; check the disk")
    _known[folder] = found
    return found


def load(task: Task, data_dir: Path | None = None, offline: bool = False) -> Prepared:
    """A task's data, its arrays memory-mapped read-only; prepared first when needed.

    Args and errors as of `entry`.
    """
    folder = entry(task, data_dir, offline).folder
    try:
        return _read(folder)
    except UNREADABLE:
        _known.pop(folder, None)  # somebody removed or cut it since this process looked at it
        return _read(entry(task, data_dir, offline).folder)


def peek(task: Task) -> Prepared | None:
    """A task's data if they are prepared, without a look at whether all of them are sound."""
    try:
        return _read(download.cache_root() / "prepared" / task.name / key(task))
    except UNREADABLE:
        return None


def _read(folder: Path) -> Prepared:
    meta = json.loads((folder / META).read_text(encoding="utf-8"))
    stored: dict[str, np.ndarray] = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in meta["arrays"]
    }
    windows = {
        name: Windows(stored[parts["series"]], stored[f"{name}.starts"], parts["length"])
        for name, parts in meta.get("windows", {}).items()
    }
    arrays = {**stored, **windows}
    splits = {name: _split(arrays, name) for name in SPLITS}
    further = {name: _split(arrays, name) for name in meta.get("further", ())}
    return Prepared(
        pydantic.TypeAdapter(DataSpec).validate_python(meta["spec"]),
        assets=meta["assets"],
        further=further,
        **splits,
    )


def _split(arrays: Mapping[str, Any], name: str) -> Split:
    def side(letter: str) -> dict[str, Array]:
        prefix = f"{name}.{letter}."
        # Names of inputs and outputs hold no dot: what has one is a part of windows.
        named = {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}
        return {key: array for key, array in named.items() if "." not in key}

    return Split(x=side("x"), y=side("y"), weight=arrays.get(f"{name}.weight"))


# --- identity -------------------------------------------------------------------


def key(task: Task) -> str:
    """Hash of everything a task's data is made from; its entry is called so."""
    identity = hashlib.sha256()
    sums = [[source.file, source.sha256] for source in task.sources]
    identity.update(json.dumps([FORMAT, task.name, task.version, sums]).encode())
    for path in _code(task.prepare):
        identity.update(path.name.encode() + b"\0" + path.read_bytes())
    return identity.hexdigest()[:32]


def _code(prepare: Callable[..., Any]) -> list[Path]:
    """The file that defines a function, and the helper files beside it in its package."""
    module = inspect.getmodule(author(prepare))
    if module is None or not module.__file__:
        return []
    path = Path(module.__file__)
    helpers = path.parent.glob("_*.py") if module.__package__ else ()
    return sorted({path, *helpers})


def _verified(folder: Path) -> Entry | None:
    """The entry of a folder, or `None` when any part of it is missing or altered."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        for name, expected in meta["arrays"].items():
            path = folder / f"{name}.npy"
            if (
                path.stat().st_size != expected["bytes"]
                or download.sha256(path) != expected["sha256"]
            ):
                return None
        expected = (FORMAT, folder.parent.name, digest(meta))
        found = (meta["format"], meta["task"], meta["digest"])
        return Entry(folder, meta["digest"]) if found == expected else None
    except UNREADABLE:
        return None  # whatever is wrong with it, it is made anew


# --- preparing ------------------------------------------------------------------


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Holds the lock of an entry; a disk that cannot be written is bad input."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_name(f"{folder.name}.lock")):
            yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise HarnessError(f"{folder.parent}: cannot write there ({reason})") from error


def _prepare(task: Task, folder: Path, data_dir: Path | None, offline: bool) -> None:
    """Prepares beside the final folder and renames; the caller holds the lock."""
    files = download.fetch(task.sources, data_dir, offline, progress=sys.stderr.isatty())
    for leftover in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    work = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    work.mkdir()
    try:
        _run_child(task, work, files)
        if folder.exists():
            folder.replace(work.with_suffix(".damaged"))
        work.replace(folder)
        folder.with_name(FAILED).unlink(missing_ok=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(work.with_suffix(".damaged"), ignore_errors=True)


def _run_child(task: Task, work: Path, files: Mapping[str, Path]) -> None:
    """Calls `prepare` in a child, so that TensorFlow never enters this process."""
    paths = {name: str(path.absolute()) for name, path in files.items()}
    plugins = [str(path) for path in registry.plugins()]
    order = {"task": task.name, "folder": str(work), "files": paths, "plugins": plugins}
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
    }
    child = subprocess.run(
        # -P: a file of the current folder must not be taken for one of the standard library.
        [sys.executable, "-P", "-m", "harness.data.prepare"],
        input=json.dumps(order),
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if child.returncode == 0:
        return
    try:
        failure = json.loads(child.stdout.strip().splitlines()[-1])
        message, said = failure["message"], failure["traceback"]
    except (ValueError, IndexError):  # it could not even say why
        last = (child.stderr.strip().splitlines() or ["no message"])[-1]
        message = (
            f"task {task.name!r}: preparing it ended with exit code {child.returncode} ({last})"
        )
        said = child.stderr
    raise HarnessError(_with_traceback(message, said, work.parent / FAILED))


def _with_traceback(message: str, traceback: str | None, file: Path) -> str:
    """The message, with the file that has the traceback if there is one."""
    if not traceback:
        return message
    try:
        atomic_files.write(file, traceback.encode(errors="backslashreplace"))
    except HarnessError:  # a disk that is full, of which the message tells
        return message
    return f"{message}; traceback: {file}"
