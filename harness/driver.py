"""Drives a sweep: search, confirm, record. The only writer of the journal and of MLflow."""

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from harness import cache, environment, registry
from harness.display import Display
from harness.engines import Done, Engine, Limits, Progress
from harness.engines.worker import Run
from harness.journal import Journal, jsonable, read
from harness.spec import Failure, HarnessError, Status, Sweep, TrialResult
from harness.sweep import differences, toml
from harness.training import Job, run

EXIT_DONE = 0
EXIT_UNCONFIRMED = 1
EXIT_INTERRUPTED = 130

_GRACE_SECONDS = 10.0
"""How long MLflow is waited for after the work is done, before `harness sync` is advised."""


@dataclass(frozen=True)
class Options:
    """How a sweep is run; nothing of it changes the question."""

    output: Path = Path("results")
    workers: int | None = None
    """Worker processes; one for each core, or for each accelerator, if absent."""
    tracking: str | None = None
    """An MLflow tracking URI, `none`, or absent for a database in the output folder."""
    data_dir: Path | None = None
    offline: bool = False
    fresh: bool = False


def run_sweep(sweep: Sweep, options: Options, run_trial: Run = run) -> int:
    """Runs a sweep, or carries on with it, until every cell is confirmed.

    Args:
        sweep: The question.
        options: How it is run.
        run_trial: What workers call for each trial; a function of an importable module.

    Returns:
        The exit code: 0 when every cell has a confirmed result, 1 when some has none,
        130 when it was interrupted.

    Raises:
        HarnessError: the data cannot be had, or the output folder holds another question
            or cannot be written.
    """
    folder = options.output / sweep.name
    data = {name: _data_event(name, options) for name in sweep.tasks}
    with Journal(folder, fresh=options.fresh) as journal:
        record = journal.record
        if record is not None:
            _check_same_question(folder, record.sweep, sweep)
            _check_same_data(folder, record.data, data)
        journal.begin(sweep, environment.describe(), environment.command())
        for name, event in data.items():
            if record is None or name not in record.data:
                journal.append("data", task=name, **event)
        _write(folder / "sweep.toml", toml(sweep))
        description = {**environment.describe(), "sweep": jsonable(sweep), "data": data}
        _write(folder / "environment.json", json.dumps(jsonable(description), indent=2) + "\n")
        driver = _Driver(sweep, options, folder, journal, run_trial)
        try:
            return driver.run()
        finally:
            driver.close()


class _Driver:
    """One run of a sweep, from opening the engine to writing the report."""

    def __init__(
        self, sweep: Sweep, options: Options, folder: Path, journal: Journal, run_trial: Run
    ) -> None:
        self.sweep = sweep
        self.options = options
        self.folder = folder
        self.journal = journal
        self.jobs: dict[str, tuple[Job, float]] = {}
        """Running jobs and when they were started (Unix seconds)."""
        # Workers import the framework while the driver imports KerasTuner.
        self.engine = _engine(sweep, options, folder, run_trial)
        self.tracker = _tracker(folder, options)
        os.environ["KERAS_BACKEND"] = sweep.backend
        from harness.plan import Plan

        self.plan = Plan(sweep, folder, journal.record)
        self.display = Display(self.plan, workers=_workers(options))

    def run(self) -> int:
        with _interruptions() as interruptions, self.display:
            while True:
                if not interruptions:
                    self._start_trials()
                if not self.jobs:
                    break
                if len(interruptions) > 1 or signal.SIGTERM in interruptions:
                    self._interrupt()
                    break
                if interruptions:
                    self.display.note("finishing the running trials; Ctrl-C again stops at once")
                for event in self.engine.poll(timeout=0.5):
                    self._handle(event)
                self.display.refresh()
        return self._conclude(bool(interruptions))

    def close(self) -> None:
        self.engine.close(kill=True)
        if self.tracker is not None:
            message = self.tracker.close(_GRACE_SECONDS)
            if message:
                print(message)

    def _start_trials(self) -> None:
        while self.engine.free():
            for plan, reason in self.plan.end_searches():
                task, space = plan.cell.key
                self.journal.append("search_ended", task=task, space=space, reason=reason)
                self.display.search_ended(plan, reason)
            step = self.plan.next()
            if step is None:
                return
            if step.asked is not None:
                self.journal.append("asked", **jsonable(step.asked))
            job = dataclasses.replace(
                step.job, data_dir=self.options.data_dir, offline=self.options.offline
            )
            job_id = f"{job.task}/{job.space}/{job.phase}/{job.number}"
            self.jobs[job_id] = (job, time.time())
            self.plan.cell(job.task, job.space).start(job)
            self.engine.submit(job_id, job, self._limits(job))

    def _limits(self, job: Job) -> Limits:
        """A confirmation run may take longer by as much as it has more to train."""
        budget = self.sweep.budget
        seconds = budget.trial_seconds
        if seconds is not None and job.phase == "confirm":
            seconds *= max(1.0, job.epochs / budget.epochs) / budget.train_fraction
        return Limits(seconds=seconds, memory_gb=budget.memory_gb)

    def _handle(self, event: Progress | Done) -> None:
        if isinstance(event, Progress):
            self.display.progress(self.jobs[event.job_id][0], event.info)
            return
        job, started = self.jobs.pop(event.job_id)
        if event.failure is None:
            self._finish(event.value)
        else:
            self._finish(_failed(job, started, event.failure, event.seconds))

    def _finish(self, result: TrialResult) -> None:
        self.journal.append("finished", result=result)
        plan = self.plan.cell(result.task, result.space)
        plan.finish(result)
        self.display.finished(plan, result)
        if self.tracker is not None:
            self.tracker.update()

    def _interrupt(self) -> None:
        """Stops the workers and records what they were doing."""
        self.engine.close(kill=True)
        for event in self.engine.poll(timeout=0):  # one may have finished meanwhile
            self._handle(event)
        for job, started in self.jobs.values():
            reason = Failure("interrupted", "the sweep was stopped while the trial ran")
            self._finish(_failed(job, started, reason))
        self.jobs.clear()

    def _conclude(self, interrupted: bool) -> int:
        from harness import report

        report.write(self.folder)
        if self.tracker is not None:
            self.tracker.update()
        record = read(self.folder)
        missing = [] if record is None else report.unconfirmed(record)
        print(f"report: {self.folder / 'report.md'}")
        if interrupted:
            print(f"interrupted; carry on with: {environment.command()}")
            return EXIT_INTERRUPTED
        for task, space in missing:
            print(f"no confirmed result: {task} x {space}")
        return EXIT_UNCONFIRMED if missing else EXIT_DONE


def _failed(
    job: Job, started: float, failure: Failure, seconds: float | None = None
) -> TrialResult:
    """The record of a trial whose worker could not give one; without `seconds`, its cost
    counts from the moment it was given to a worker."""
    statuses: dict[str, Status] = {"timeout": "timeout", "interrupted": "interrupted"}
    result = TrialResult(
        sweep=job.sweep,
        task=job.task,
        space=job.space,
        phase=job.phase,
        number=job.number,
        seed=job.seed,
        config=jsonable(job.config),
        training=jsonable(job.training),
        status=statuses.get(failure.kind, "failed"),
        failure=failure,
        started=started,
    )
    ran = time.time() - started if seconds is None else seconds
    cost = dataclasses.replace(result.cost, seconds=ran)
    return dataclasses.replace(result, cost=cost)


def _data_event(name: str, options: Options) -> dict[str, Any]:
    """What the journal says of a task's data; prepares it when it is not cached."""
    task = registry.task(name)
    data = cache.load(task, options.data_dir, options.offline)
    return {
        "digest": cache.entry(task, options.data_dir, options.offline).digest,
        "sizes": {"train": len(data.train), "val": len(data.val), "test": len(data.test)},
        "objective": task.objective,
        "baseline": dict(task.baseline(data)),
        "reference": task.reference,
        "licence": task.licence,
    }


def _check_same_question(folder: Path, old: Sweep, new: Sweep) -> None:
    changes = differences(old, new)
    if changes:
        raise HarnessError(
            f"{folder} holds the answer to another question ({'; '.join(changes)}); "
            "choose another --output, or discard it with --fresh"
        )


def _check_same_data(folder: Path, old: Any, new: dict[str, dict[str, Any]]) -> None:
    for name, event in new.items():
        if name in old and old[name]["digest"] != event["digest"]:
            raise HarnessError(
                f"{folder}: the data of task {name!r} has changed since this sweep began "
                f"({old[name]['digest'][:12]}, now {event['digest'][:12]}); "
                "choose another --output, or discard the answer with --fresh"
            )


def _workers(options: Options) -> int:
    return options.workers or len(environment.accelerators()) or environment.cores()


def _engine(sweep: Sweep, options: Options, folder: Path, run_trial: Run) -> Engine:
    from harness.engines.local import LocalEngine

    return LocalEngine(
        run_trial,
        workers=_workers(options),
        environment={"KERAS_BACKEND": sweep.backend, "TF_CPP_MIN_LOG_LEVEL": "2"},
        initialize=_import_framework,
        devices=[str(index) for index in range(len(environment.accelerators()))],
        log=folder / "workers.log",
    )


def _import_framework() -> None:
    """Done once in a worker, before its first trial."""
    import keras

    keras.backend.backend()


def _tracker(folder: Path, options: Options) -> Any:
    """The MLflow projection of the journal, or nothing with `--tracking none`."""
    if options.tracking == "none":
        return None
    from harness import tracking

    return tracking.Tracker(folder, options.tracking or tracking.default_uri(options.output))


@contextlib.contextmanager
def _interruptions() -> Iterator[list[int]]:
    """The list that every Ctrl-C and termination request is appended to."""
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)

    previous = {
        number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _write(path: Path, text: str) -> None:
    """Writes a whole file or none."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written ({error.strerror})") from error
