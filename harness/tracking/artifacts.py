"""Files of a sweep's folder that belong to its runs, and whether they have changed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.data.download import sha256
from harness.journal.folder import FILES, figure_path, figures

FIGURES = "figures"
MODEL = "model"
"""Folders of a run's artifacts."""


def sweep_files(folder: Path) -> dict[str, str]:
    """What the sweep's own run holds: the folder of its artifacts by file name."""
    present = {name: "" for name in FILES if (folder / name).is_file()}
    drawn = [str(figure_path(name)) for name in figures(folder)]
    return present | dict.fromkeys(drawn, FIGURES)


def task_figures(folder: Path, tasks: Sequence[str]) -> dict[str, dict[str, str]]:
    """The figures of each task, as the report names them: `<kind>-<task>`."""
    found: dict[str, dict[str, str]] = {task: {} for task in tasks}
    for name in figures(folder):
        # Of `confusion-deep-digits`, the task may be `digits` or `deep-digits`.
        owners = [task for task in tasks if name.endswith(f"-{task}")]
        if owners:
            found[max(owners, key=len)][str(figure_path(name))] = FIGURES
    return found


class FileDigests:
    """SHA-256 of files, computed again only when size or time of change say so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[tuple[int, int], str]] = {}

    def of(self, names: Iterable[str]) -> Mapping[str, str]:
        """The digest of each file that is there."""
        digests = {name: self._digest(name) for name in sorted(names)}
        return {name: digest for name, digest in digests.items() if digest is not None}

    def _digest(self, name: str) -> str | None:
        path = self._folder / name
        try:
            state = path.stat()
            stamp = (state.st_size, state.st_mtime_ns)
            known = self._known.get(name)
            if known is None or known[0] != stamp:
                known = stamp, sha256(path)
                self._known[name] = known
            return known[1]
        except FileNotFoundError:
            return None
