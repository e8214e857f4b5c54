"""Memory that a Linux control group leaves to its processes, as containers are given it."""

from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_UNLIMITED = 2**60
"""Version 1 writes no limit as the largest number it has; no machine has an exabyte."""
# Of the two versions: the folder of the controller, its limit, what is used, and in the
# statistics what of that is cached files, which make room when it is needed.
_FILES = (
    ("", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def memory_left(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes that processes of this group may still take; `None` where nothing limits them.

    A group is bound by the limits of all above it, of both versions of control groups.
    """
    left = [
        found
        for controller, *files in _FILES
        for folder in _folders(groups, controller, membership)
        if (found := _left(folder, *files)) is not None
    ]
    return min(left, default=None)


def _folders(groups: Path, controller: str, membership: Path) -> Iterator[Path]:
    """The folders of this process's group and of all groups above it.

    Inside a container the path may be the host's, of which only the end, or nothing, is there.
    """
    try:
        lines = membership.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # another system than Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            own = Path(path.lstrip("/"))
            for part in (own, *own.parents):
                if ".." not in part.parts:
                    yield groups / controller / part


def _left(folder: Path, limit_file: str, used_file: str, cached: str) -> int | None:
    try:
        limit = int((folder / limit_file).read_text())
        used = int((folder / used_file).read_text())
        rows = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        statistics = {name: int(value) for name, value in rows}
    except (OSError, ValueError):  # no such group, or the word `max`
        return None
    if limit >= _UNLIMITED:
        return None
    return max(0, limit - used + statistics.get(cached, 0))
