"""Brings an MLflow store up to date with the journal of a sweep, again and again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import filelock

from harness import journal
from harness.journal import SweepRecord, TrialKey
from harness.spec import HarnessError, TrialResult
from harness.tracking.projection import Cell, cells, cut, experiment_tags, study_key, trial_run
from harness.tracking.store import Store, shown
from harness.tracking.study import study_run

Progress = Callable[[int, int], None]


class Projector:
    """The link from one sweep's folder to one MLflow store; used by one thread.

    It holds a lock on the folder until closed, so that no other process creates the same
    runs. What it wrote it does not look at again; after an error it asks the store anew.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        """Takes the lock.

        Raises:
            HarnessError: there is no such folder, or another process has the lock.
        """
        self._folder = folder
        self._uri = uri
        self._store: Store | None = None
        self._settled: dict[Cell, tuple[int, bool, bool]] = {}
        self._written: dict[TrialKey, tuple[float, str]] = {}
        if not folder.is_dir():
            raise HarnessError(f"{folder}: no such folder; expected the folder of a sweep")
        try:
            self._lock = filelock.FileLock(folder / ".tracking.lock")
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise HarnessError(
                f"{folder}: another process is writing this sweep to MLflow; wait until it ends"
            ) from None

    def project(self, live: bool, progress: Progress | None = None) -> int:
        """Writes what the store does not hold yet.

        Args:
            live: whether the sweep is being worked on; its journal may not exist yet.
            progress: told the number of results looked at and the number of all results.

        Returns:
            The number of runs created or brought up to date.

        Raises:
            HarnessError: there is no journal or a damaged one, or mlflow is not installed.
            Exception: whatever a database, a network or a server raises.
        """
        try:
            return self._project(live, progress)
        except BaseException:
            self._store = None
            raise

    def close(self) -> None:
        """Gives the lock back."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _project(self, live: bool, progress: Progress | None) -> int:
        record = None
        if not live or (self._folder / journal.FILE).exists():
            record = journal.read(self._folder)
        if self._store is None:
            self._store = Store(self._uri)
        if record is None:
            return 0
        for task in record.sweep.tasks:
            self._store.open_experiment(task, experiment_tags(record, task), record.id)
        groups = cells(record)
        written = done = 0
        for cell, results in groups.items():
            state = (len(results), cell in record.ended, live)
            if self._settled.get(cell) != state:
                written += self._project_cell(self._store, record, cell, results, live)
                self._settled[cell] = state
            done += len(results)
            if progress is not None:
                progress(done, sum(map(len, groups.values())))
        return written

    def _project_cell(
        self,
        store: Store,
        record: SweepRecord,
        cell: Cell,
        results: Sequence[TrialResult],
        live: bool,
    ) -> int:
        parent = study_key(record, cell)
        written = int(store.write(cell[0], study_run(record, cell, results, live), self._folder))
        for result in {result.key: result for result in results}.values():
            attempt = (result.started, result.status)
            if self._written.get(result.key) != attempt:
                run = trial_run(record, result)
                written += store.write(cell[0], run, self._folder, parent)
                self._written[result.key] = attempt
        return written


def sync(folder: Path, uri: str, progress: Progress | None = None) -> int:
    """Brings MLflow up to date with the journal of a sweep's folder.

    May be repeated, and may follow a live run or an interrupted `sync`: nothing is written
    twice.

    Args:
        folder: a sweep's folder.
        uri: MLflow's tracking URI; `default_uri` has the usual one.
        progress: told the number of results looked at and the number of all results.

    Returns:
        The number of runs that were created or brought up to date.

    Raises:
        HarnessError: the folder holds no journal or a damaged one, is being written to
            MLflow by another process, or MLflow is not installed or fails.
    """
    try:
        with Projector(folder, uri) as projector:
            return projector.project(live=False, progress=progress)
    except HarnessError:
        raise
    except Exception as error:
        reason = first_line(error).replace(uri, shown(uri))
        raise HarnessError(f"MLflow at {shown(uri)}: {reason}") from error


def first_line(error: Exception) -> str:
    """An error as one short line; ours need no type."""
    line = cut(str(error).strip().partition("\n")[0], 200)
    return line if isinstance(error, HarnessError) else f"{type(error).__name__}: {line}"
