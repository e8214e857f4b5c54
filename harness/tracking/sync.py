"""Brings an MLflow store up to date with the journal of a sweep, again and again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import filelock

from harness.journal.folder import JOURNAL, TRACKING_LOCK
from harness.journal.read import JournalReader
from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.system.redact import hidden, masked
from harness.system.text import one_line
from harness.tracking import artifacts, sweep_run
from harness.tracking.cell_run import cell_run, cell_status
from harness.tracking.model_registry import cards
from harness.tracking.model_registry.winners import Winner, settled, winners
from harness.tracking.pages import describe
from harness.tracking.pages.views import views
from harness.tracking.runs import Run, cell_key
from harness.tracking.store import Store
from harness.tracking.trial_run import trial_run
from harness.tracking.trials import CellTrials, SweepTrials
from harness.tracking.values import cut
from harness.trial import CellKey, TrialKey, TrialResult


class SweepSync:
    """The link from one sweep's folder to one MLflow store; used by one thread.

    It holds a lock on the folder until closed, so that no other process creates the same
    runs. What it wrote it does not look at again; after an error it asks the store anew.
    An update takes as long as what is new in the journal, however long that is.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        """Takes the lock.

        Raises:
            HarnessError: there is no such folder, or another process has the lock.
        """
        self._folder = folder
        self._uri = uri
        self._store: Store | None = None
        self._reader = JournalReader(folder)
        self._digests = artifacts.FileDigests(folder)
        self._begin()
        if not folder.is_dir():
            raise HarnessError(f"{folder}: no such folder; expected the folder of a sweep")
        try:
            self._lock = filelock.FileLock(folder / TRACKING_LOCK)
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise HarnessError(
                f"{folder}: another process is writing this sweep to MLflow; wait until it ends"
            ) from None

    def update(self, live: bool) -> int:
        """Writes what the store does not hold yet.

        Args:
            live: whether the sweep is being worked on; its journal may not exist yet.

        Returns:
            The number of runs created or brought up to date.

        Raises:
            HarnessError: there is no journal or a damaged one, or mlflow is not installed.
            Exception: whatever a database, a network or a server raises.
        """
        try:
            return self._update(live)
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

    def _begin(self) -> None:
        """Forgets what was read and written."""
        self._trials = SweepTrials()
        self._due: dict[CellKey, dict[TrialKey, TrialResult]] = {}
        """Results that are to be written, of each cell."""
        self._settled: dict[CellKey, tuple[object, ...]] = {}
        """What each cell was like when it was written."""

    def _update(self, live: bool) -> int:
        record = None
        if not live or (self._folder / JOURNAL).exists():
            record = self._reader.read()
        if self._store is None:
            self._store = Store(self._uri)
        if record is None:
            return 0
        self._take(record)
        store, trials = self._store, self._trials
        for name in (*record.sweep.tasks, sweep_run.EXPERIMENT):
            store.open_experiment(name, record.id)
        figures = artifacts.task_figures(self._folder, record.sweep.tasks)
        written = sum(
            self._write_cell(store, record, cell, figures[cell.key[0]], live)
            for cell in trials.shown(record)
        )
        files = artifacts.sweep_files(self._folder)
        made = {task: views(record, trials, task) for task in record.sweep.tasks}
        links = describe.task_links(store, made)
        run = sweep_run.sweep_run(record, trials, live, files, links)
        written += self._write(store, sweep_run.EXPERIMENT, run)
        store.remove_twins()
        found = tuple(winners(record, trials))
        describe.describe(store, record, trials, self._folder, made, found)
        self._register(store, record, found)
        return written

    def _take(self, record: SweepRecord) -> None:
        if not self._trials.follows(record):  # another journal has taken the place of this one
            self._begin()
        for result in self._trials.take(record):
            self._due.setdefault(result.key[:2], {})[result.key] = result

    def _write_cell(
        self,
        store: Store,
        record: SweepRecord,
        cell: CellTrials,
        figures: Mapping[str, str],
        live: bool,
    ) -> int:
        """Writes the run of a cell and those of its trials, unless nothing has changed."""
        files = self._files(record, cell, figures)
        contents = tuple(self._digests.of(files).items())
        state = (cell.attempts, record.ended.get(cell.key), live, contents)
        if self._settled.get(cell.key) == state:
            return 0
        written = self._write(store, cell.key[0], cell_run(record, cell, live, files))
        due = self._due.get(cell.key, {})
        for key, result in tuple(due.items()):
            run, parent = trial_run(record, result), cell_key(record, cell.key)
            written += store.write(cell.key[0], run, self._folder, parent)
            del due[key]
        self._settled[cell.key] = state
        return written

    def _write(self, store: Store, experiment: str, run: Run) -> int:
        contents = self._digests.of(run.files)
        return int(store.write(experiment, run, self._folder, contents=contents))

    def _files(
        self, record: SweepRecord, cell: CellTrials, figures: Mapping[str, str]
    ) -> dict[str, str]:
        """The artifacts of a cell's run: figures of its task, and its model once it is done."""
        kept = cell.kept()
        done = cell_status(record, cell, live=False) == "FINISHED"
        if not done or kept is None or kept.model is None:
            return dict(figures)
        return {**figures, kept.model: artifacts.MODEL}

    def _register(self, store: Store, record: SweepRecord, found: Sequence[Winner]) -> None:
        """Last of all: a server without a registry of models still has every run."""
        for winner in found:
            run_id, experiment_id = store.run_id(winner.run), store.experiment_id(winner.task)
            store.models.write(winner, self._folder, run_id, experiment_id)
            card = cards.task_card(record, winner.task)
            store.models.name(winner, card, settled(record, self._trials, winner.task))


def sync(folder: Path, uri: str) -> int:
    """Brings MLflow up to date with the journal of a sweep's folder.

    May be repeated, and may follow a live run or an interrupted `sync`: nothing is written
    twice.

    Args:
        folder: a sweep's folder.
        uri: MLflow's tracking URI; `default_uri` has the usual one.

    Returns:
        The number of runs that were created or brought up to date.

    Raises:
        HarnessError: the folder holds no journal or a damaged one, is being written to
            MLflow by another process, or MLflow is not installed or fails.
    """
    try:
        with SweepSync(folder, uri) as link:
            return link.update(live=False)
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
