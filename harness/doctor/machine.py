"""The machine: cores, memory, disks."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import filelock
import psutil

from harness.doctor.finding import Finding, gigabytes
from harness.system import host

WORKER_BYTES = 4.0e9
"""Memory that a worker of the shipped sweeps grows to before it is recycled (3.9e9 measured)."""
START_BYTES = 1.0e9
"""Memory of a worker that has imported the framework and fitted a small model (0.9e9 measured)."""
ROOM_BYTES, FULL_BYTES = 2.0e9, 0.2e9
"""Free disk space below which there is a warning, and below which there is none to speak of."""
FILES_LEFT = 1000
"""Likewise for the number of files, which some file systems limit."""


GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def cores() -> Finding:
    """Processor cores, by affinity and by the quota of the control group."""
    return Finding("cores", "ok", f"{host.cores()}")


def memory() -> Finding:
    """Memory that is free for workers, a control group's limit included."""
    left = memory_left()
    free = psutil.virtual_memory().available
    whose = ""
    if left is not None and left < free:
        free, whose = left, " by the limit of this control group"
    workers = len(host.devices()) or host.cores()
    message = f"{gigabytes(free)} free{whose}"
    if free < START_BYTES:
        return Finding(
            "memory",
            "error",
            f"{message}: a worker needs {gigabytes(START_BYTES)} once the framework is loaded",
            "end other programs, or raise the limit",
        )
    if free < workers * WORKER_BYTES:
        fitting = max(1, int(free / WORKER_BYTES))
        return Finding(
            "memory",
            "warning",
            f"{message} for {workers} workers, which may grow to {gigabytes(WORKER_BYTES)} each: "
            "the system kills what grows beyond it",
            f"run with --workers {fitting}" if fitting < workers else "set memory_gb in the budget",
        )
    return Finding("memory", "ok", f"{message}, {workers} workers")


def memory_left(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes that a Linux control group, such as a container, leaves to this process; `None` where
    none limits them. psutil knows of the machine alone.

    A group is bound by the limits of all above it. Inside a container the path may be the host's,
    of which only the end, or nothing, is there. Groups of version 1 are not looked at.
    """
    with contextlib.suppress(OSError):  # another system than Linux
        for line in membership.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("0::"):
                own = Path(line.removeprefix("0::").lstrip("/"))
                within = [part for part in (own, *own.parents) if ".." not in part.parts]
                left = [_left(groups / part) for part in within]
                return min((found for found in left if found is not None), default=None)
    return None


def _left(group: Path) -> int | None:
    """What is left in one group, of which cached files make room when it is needed."""
    try:
        limit, used = (int((group / f"memory.{n}").read_text()) for n in ("max", "current"))
        rows = (line.split() for line in (group / "memory.stat").read_text().splitlines())
        cached = int(dict(rows)["inactive_file"])
    except (OSError, ValueError, KeyError):  # no such group, or the word `max`
        return None
    return max(0, limit - used + cached)


def space(name: str, folder: Path) -> Finding:
    """Room on the disk of a folder that exists or is yet to be made."""
    try:
        place = existing(folder)
    except OSError as error:
        reason = f"{folder}: cannot be looked at ({error.strerror})"
        return Finding(name, "error", reason, "choose another folder")
    free = shutil.disk_usage(place).free
    message = f"{gigabytes(free)} free for {folder}"
    remedy = "free some, or choose another folder"
    if free < FULL_BYTES:
        return Finding(name, "error", message, remedy)
    files = _files_left(place)
    if files is not None and files < FILES_LEFT:
        return Finding(name, "error", f"{message}, but only {files} more files", remedy)
    return Finding(name, "warning" if free < ROOM_BYTES else "ok", message,
                   remedy if free < ROOM_BYTES else "")  # fmt: skip


def writable(name: str, folder: Path, remedy: str) -> Finding:
    """Whether a file can be made, locked, filled, renamed and removed in a folder.

    A folder that is yet to be made is not made; then the one above it is written to.
    """
    try:
        place = existing(folder)
        if not place.is_dir():
            return Finding(name, "error", f"{folder}: {place} is a file, not a folder", remedy)
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as scratch:
            first, second = Path(scratch, "first"), Path(scratch, "second")
            with filelock.FileLock(Path(scratch, "lock"), timeout=5), first.open("wb") as file:
                file.write(bytes(2**20))
                file.flush()
                os.fsync(file.fileno())  # a full disk may say so only now
            first.replace(second)
    except (OSError, NotImplementedError) as error:  # the latter: locks are unknown there
        reason = getattr(error, "strerror", None) or str(error)
        return Finding(name, "error", f"{folder}: cannot be written ({reason})", remedy)
    return Finding(name, "ok", f"{folder}")


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists.

    Raises:
        OSError: the folder could not be made there: its name is too long, or one above it may
            not be entered.
    """
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            place.lstat()
            return place
    return folder


def _files_left(place: Path) -> int | None:
    """Files that can still be made; `None` where the file system sets no number."""
    if not hasattr(os, "statvfs"):
        return None
    state = os.statvfs(place)
    return state.f_favail if state.f_files else None
