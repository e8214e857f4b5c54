"""Prepared data: made once in a process of its own, then memory-mapped by everyone.

An entry is the folder `<cache>/prepared/<task>/<key>-<sign>`. The key stands for what is known
beforehand of what the data is made from, the sign for what running `prepare` has shown (see
`harness.data.ingredients`), and the digest for what the data is.
"""

import contextlib
import hashlib
import json
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import filelock

from harness.data import child, download, prepare_function
from harness.data.entry import UNREADABLE, Entry, described, is_current, name, read, verified
from harness.data.ingredients import Ingredients, stated
from harness.data.prepare import FORMAT, META
from harness.spec import HarnessError, Prepared, Source, Task
from harness.system.text import counted, one_line

_known: dict[Path, Entry] = {}
"""Entries this process has verified."""
_SHOWN = 3
"""Files that are named of those that a task reads by itself."""


def load(
    task: Task, data_dir: Path | None = None, offline: bool = False, digest: str | None = None
) -> Prepared:
    """A task's data, its arrays memory-mapped read-only; prepared first when needed.

    Args and errors as of `entry`.
    """
    folder = entry(task, data_dir, offline, digest).folder
    try:
        return read(folder)
    except UNREADABLE:
        _known.pop(folder, None)  # somebody removed or cut it since this process looked at it
        return read(entry(task, data_dir, offline, digest).folder)


def entry(
    task: Task, data_dir: Path | None = None, offline: bool = False, digest: str | None = None
) -> Entry:
    """Finds a task's prepared data, preparing it when it is missing, damaged, or of what has
    changed since.

    Args:
        task: a registered task.
        data_dir: directory looked in for source files before they are downloaded.
        offline: whether downloading is forbidden.
        digest: of the data that it must be, whatever has changed since.

    Raises:
        HarnessError: a source cannot be had, `prepare` fails or returns unsound data, the cache
            cannot be written, or what is prepared now is not the data of that digest.
    """
    home = download.cache_root() / "prepared" / task.name
    known = None if digest is None else _of_digest(home, digest)
    if known is not None:
        return known
    found = _prepared(task, home, data_dir, offline)
    _known[found.folder] = found
    if digest not in (None, found.digest):
        raise HarnessError(
            f"task {task.name!r}: its data of digest {str(digest)[:12]} is gone, and what is "
            f"prepared now is other data ({found.digest[:12]}); what it is made from has changed"
        )
    return found


def key(task: Task, data_dir: Path | None = None) -> str:
    """Hash of what is known beforehand of all that a task's data is made from.

    Raises:
        HarnessError: a source that is a file of the person's own is not there.
    """
    sums = [[source.file, _digest(task, source, data_dir)] for source in task.sources]
    bound = prepare_function.options(task.prepare)
    identity = json.dumps([FORMAT, task.name, task.version, sums, bound])
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _digest(task: Task, source: Source, data_dir: Path | None) -> str:
    """The SHA-256 that a source is held to, or that a file of the person's own has now."""
    if source.sha256 is not None:
        return source.sha256
    return download.sha256(download.own_file(source, data_dir, _beside(task)))


def peek(task: Task, data_dir: Path | None = None) -> Prepared | None:
    """A task's data if they are prepared, without a look at whether all of them are sound."""
    try:
        first = key(task, data_dir)
        home = download.cache_root() / "prepared" / task.name
        current = (
            folder for folder in sorted(home.glob(f"{first}-*")) if is_current(folder, first)
        )
        folder = next(current, None)
        return None if folder is None else read(folder)
    except (HarnessError, *UNREADABLE):  # the former: a file of the person's own is gone
        return None


def _beside(task: Task) -> Path | None:
    file = prepare_function.source_file(task.prepare)
    return None if file is None else file.parent


def _of_digest(home: Path, digest: str) -> Entry | None:
    """The entry that holds certain data, whatever it was made from."""
    for folder, found in _known.items():
        if found.digest == digest and folder.parent == home and (folder / META).is_file():
            return found
    for folder in sorted(home.glob("[!.]*-*")):
        with contextlib.suppress(*UNREADABLE):
            if described(folder)["digest"] == digest and (entry := verified(folder)):
                _known[folder] = entry
                return entry
    return None


def _prepared(task: Task, home: Path, data_dir: Path | None, offline: bool) -> Entry:
    first = key(task, data_dir)
    found = _current(home, first)
    if found is not None:
        return found
    with _writing(home / first):
        found = _current(home, first)  # someone else may have made it while this one waited
        if found is not None:
            return found
        folder = _prepare(task, home, first, data_dir, offline)
        made = verified(folder)
    if made is None:
        raise HarnessError(f"{folder}: damaged as soon as it was written; check the disk")
    return made


def _current(home: Path, key: str) -> Entry | None:
    """The entry made from what there is now, if it is whole."""
    for folder in sorted(home.glob(f"{key}-*")):
        if is_current(folder, key) and (found := _known.get(folder) or verified(folder)):
            return found
    return None


# --- preparing ------------------------------------------------------------------


@contextlib.contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Holds the lock of a key's entries; a disk that cannot be written is bad input."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(place.with_name(f"{place.name}.lock")):
            yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise HarnessError(f"{place.parent}: cannot write there ({reason})") from error


def _prepare(task: Task, home: Path, key: str, data_dir: Path | None, offline: bool) -> Path:
    """Prepares beside the final folder and renames; the caller holds the lock."""
    progress = sys.stderr.isatty()
    files = download.fetch(task.sources, data_dir, offline, progress, _beside(task))
    for leftover in home.glob(f".{key}.*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    work = home / f".{key}.{uuid.uuid4().hex}"
    work.mkdir()
    try:
        child.prepare(task, work, files)
        meta = described(work)
        folder = home / name(key, meta)
        if folder.exists():
            folder.replace(work.with_suffix(".damaged"))
        work.replace(folder)
        (home / child.FAILED).unlink(missing_ok=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(work.with_suffix(".damaged"), ignore_errors=True)
    _tell(task, stated(meta))
    return folder


def _tell(task: Task, made_from: Ingredients) -> None:
    """Says in a line which files a task reads by itself."""
    names = [one_line(name) for name in (*made_from.files, *made_from.folders)]
    if names:
        shown = ", ".join(names[:_SHOWN])
        if len(names) > _SHOWN:
            shown += f" and {counted(len(names) - _SHOWN, 'other')}"
        print(
            f"harness: task {task.name!r}: prepare reads {shown}, which its sources do not name "
            "(Source.local does); its data is prepared anew whenever that changes",
            file=sys.stderr,
        )
