"""Brings an MLflow store up to date with the journal of a sweep, again and again."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import filelock

from harness.journal.folder import JOURNAL, TRACKING_LOCK
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.system.redact import hidden, masked
from harness.system.text import one_line
from harness.tracking import artifacts, sweep_run
from harness.tracking.cell_run import study_run, study_status
from harness.tracking.model_registry import cards
from harness.tracking.model_registry.winners import saved, settled, winners
from harness.tracking.pages import describe
from harness.tracking.runs import Cell, Run, cells, cut, latest, study_key, trial_run
from harness.tracking.store import Store
from harness.trial import TrialKey, TrialResult

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
        self._settled: dict[Cell, tuple[object, ...]] = {}
        self._contents = artifacts.Contents(folder)
        self._written: dict[TrialKey, tuple[float, str]] = {}
        if not folder.is_dir():
            raise HarnessError(f"{folder}: no such folder; expected the folder of a sweep")
        try:
            self._lock = filelock.FileLock(folder / TRACKING_LOCK)
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
        if not live or (self._folder / JOURNAL).exists():
            record = read_journal(self._folder)
        if self._store is None:
            self._store = Store(self._uri)
        if record is None:
            return 0
        store = self._store
        for name in (*record.sweep.tasks, sweep_run.EXPERIMENT):
            store.open_experiment(name, record.id)
        figures = artifacts.task_figures(self._folder, record.sweep.tasks)
        groups = cells(record)
        written = done = 0
        for cell, results in groups.items():
            files = self._files(record, cell, results, figures[cell[0]])
            contents = self._contents.of(files)
            state = (len(results), cell in record.ended, live, tuple(contents.items()))
            if self._settled.get(cell) != state:
                run = study_run(record, cell, results, live, files)
                written += self._project_cell(store, record, cell, results, run)
                self._settled[cell] = state
            done += len(results)
            if progress is not None:
                progress(done, sum(map(len, groups.values())))
        files = artifacts.sweep_files(self._folder)
        run = sweep_run.sweep_run(record, live, files, describe.task_links(store, record))
        written += self._write(store, sweep_run.EXPERIMENT, run)
        store.remove_twins(record.id)
        describe.describe(store, record, self._folder)
        self._register(store, record)
        return written

    def _project_cell(
        self,
        store: Store,
        record: SweepRecord,
        cell: Cell,
        results: Sequence[TrialResult],
        study: Run,
    ) -> int:
        written = self._write(store, cell[0], study)
        for result in latest(results):
            attempt = (result.started, result.status)
            if self._written.get(result.key) != attempt:
                run = trial_run(record, result)
                written += store.write(cell[0], run, self._folder, study_key(record, cell))
                self._written[result.key] = attempt
        return written

    def _write(self, store: Store, experiment: str, run: Run) -> int:
        contents = self._contents.of(run.files)
        return int(store.write(experiment, run, self._folder, contents=contents))

    def _files(
        self,
        record: SweepRecord,
        cell: Cell,
        results: Sequence[TrialResult],
        figures: Mapping[str, str],
    ) -> dict[str, str]:
        """A study's artifacts: figures of its task, and its model once it is done."""
        last = latest(results)
        kept = saved(record, last)
        done = study_status(record, cell, last, live=False) == "FINISHED"
        if not done or kept is None or kept.model is None:
            return dict(figures)
        return {**figures, kept.model: artifacts.MODEL}

    def _register(self, store: Store, record: SweepRecord) -> None:
        """Last of all: a server without a registry of models still has every run."""
        for winner in winners(record):
            run_id, experiment_id = store.run_id(winner.study), store.experiment_id(winner.task)
            store.catalogue.write(winner, self._folder, run_id, experiment_id)
            card = cards.task_card(record, winner.task)
            store.catalogue.name(winner, card, settled(record, winner.task))


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
        raise HarnessError(f"MLflow at {masked(uri)}: {first_line(error, uri)}") from error


def first_line(error: Exception, uri: str) -> str:
    """An error as one short line that a terminal can be given; ours need no type.

    It may quote the address: what opens a door there is hidden, before a cut could tear it.
    """
    line = cut(one_line(hidden(str(error).strip(), uri).partition("\n")[0]), 200)
    return line if isinstance(error, HarnessError) else f"{type(error).__name__}: {line}"
