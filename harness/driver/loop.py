"""Drives a sweep: search, confirm, record. The only writer of the journal and of MLflow."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import registry
from harness.analysis.cells import exit_code, unconfirmed
from harness.check.rehearsal import run_or_rehearse
from harness.driver import looks, preflight, together, winners, workplace
from harness.driver.display import Display
from harness.driver.placement import Placement
from harness.driver.running import Running, failed
from harness.driver.whole_time import WholeTime
from harness.engines.engine import Done, Engine, Limits, Told
from harness.engines.local.worker import Run
from harness.engines.ray.share import ClusterOptions
from harness.journal.folder import ENVIRONMENT, PAGE, QUESTION, failure_path
from harness.journal.grown import superseded
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.journal.write import Journal
from harness.spec import Faults, HarnessError
from harness.sweep import plugins
from harness.sweep.load import toml
from harness.sweep.pairs import cells
from harness.sweep.question import Sweep
from harness.system import atomic_files, host
from harness.system.json_values import jsonable
from harness.system.signals import EXIT_INTERRUPTED, Interruptions
from harness.system.text import counted
from harness.training import worker_start
from harness.training.run import run_trial
from harness.trial import Failure, Job, TrialResult

if TYPE_CHECKING:
    from harness.driver.cell_plan import CellPlan, Step

EXIT_UNCONFIRMED = 1

_GRACE_SECONDS = 60.0
"""How long MLflow is waited for after the work is done, before `harness sync` is advised."""
_REHEARSAL_SECONDS = 120.0
"""How long the look at one cell may take."""
_INTERRUPTED_GRACE_SECONDS = 5.0
"""Likewise after an interruption, when somebody is waiting."""


@dataclass(frozen=True)
class Options:
    """How a sweep is run; nothing of it changes the question."""

    output: Path = Path("results")
    workers: int | None = None
    """Worker processes; one for each core, or for each accelerator, if absent. On a cluster as many
    as it takes, at most these."""
    per_device: int | None = None
    """Worker processes for each accelerator, in place of `workers`; as many as the memory holds, by
    what trials of the sweep took before, if absent."""
    cluster: ClusterOptions | None = None
    """The Ray cluster that runs the trials; this machine if absent."""
    tracking: str | None = None
    """An MLflow tracking URI, `none`, or absent for a database in the output folder."""
    data_dir: Path | None = None
    offline: bool = False
    fresh: bool = False
    together: int | None = None
    """Seeds of a winner that train as one program, at most, on JAX; 1 for never, as many as it
    pays for if absent."""
    retry_failed: bool = False
    """Run the trials again that a worker or the machine failed, and the confirmation runs that
    failed by their code."""


def run_sweep(
    sweep: Sweep,
    options: Options,
    run_trial: Run = run_trial,
    initialize: Callable[[], None] = worker_start.import_framework,
    rehearse: bool = True,
) -> int:
    """Runs a sweep, or carries on with it, until every cell is confirmed.

    Args:
        sweep: The question.
        options: How it is run.
        run_trial: What workers call for each trial; a function of an importable module.
        initialize: What they call once, before their first trial; likewise.
        rehearse: Whether cells are looked at before their first trial: see
            `harness.check.rehearsal`.

    Returns:
        The exit code: 0 when every cell has a confirmed result, 1 when some has none,
        130 when it was interrupted.

    Raises:
        HarnessError: the backend is not installed, the data cannot be had, a task or an
            architecture does not keep to what is expected of it, or the output folder holds another
            question or cannot be written.
    """
    # Until the journal is begun, nothing of what was asked for has been done.
    resume = host.command(once=True)
    with Interruptions() as interruptions:
        try:
            with contextlib.ExitStack() as stack:
                driver = _open(sweep, options, run_trial, initialize, rehearse, stack)
                resume = host.command()
                if driver is None:
                    return _write_report(options.output / sweep.name)
                return driver.run(interruptions)
        except KeyboardInterrupt:
            return _interrupted(resume)


def _open(
    sweep: Sweep,
    options: Options,
    run_trial: Run,
    initialize: Callable[[], None],
    rehearse: bool,
    stack: contextlib.ExitStack,
) -> "_Driver | None":
    """The driver of a sweep that has begun, or carries on; `None` where nothing is left to do.

    Everything that can be refused is, before anything is written over.
    """
    preflight.check_backend(sweep)
    together.check(sweep.backend, options.together)
    place = stack.enter_context(
        workplace.opened(
            options.cluster,
            options.workers,
            options.per_device,
            functools.partial(preflight.prepared, options.data_dir, options.offline),
        )
    )
    sweep = plugins.resolved(sweep, Path())
    preflight.check_declarations(cells(sweep))
    folder = options.output / sweep.name
    data = {
        name: preflight.data_event(name, options.data_dir, options.offline) for name in sweep.tasks
    }
    journal = stack.enter_context(Journal(folder, fresh=options.fresh))
    record = journal.read()
    sweep = winners.resolved(sweep, record)
    if record is not None:
        preflight.carried_on(folder, record, sweep)  # refuses what cannot be
        preflight.check_same_data(folder, record.data, data)
        if options.retry_failed:
            record = _reopen(journal, record)
        record = preflight.carried_on(folder, record, sweep)
        if preflight.complete(record):
            print(f"{folder}: complete already{_way_on(record)}; --fresh runs it anew")
            return None
    begin = functools.partial(worker_start.begin, registry.plugins(), initialize)
    engine = functools.partial(place.engine, functools.partial(run_or_rehearse, run_trial), begin)
    digests = {name: event["digest"] for name, event in data.items()}
    workers = place.workers(record)
    driver = _Driver(sweep, options, folder, journal, record, engine, workers, stack, digests)
    if rehearse:
        driver.rehearse()
    new = [name for name in data if record is None or name not in record.data]
    if new:  # which may take a minute for some
        print(f"{folder}: fitting simple methods to compare with: {', '.join(new)}", flush=True)
    rivals = {name: preflight.baselines_of(name, options.data_dir, options.offline) for name in new}
    atomic_files.remove_parts(folder)
    described = host.describe()
    for name, found in plugins.provenance(sweep, folder).items():
        if found:
            described[name] = {**described.get(name, {}), **found}
    asked = plugins.recorded(sweep, folder)
    journal.begin(asked, described, host.command())
    if record is not None and record.sweep is sweep:  # it has grown
        journal.append("grown", sweep=asked)
    for name in data.keys() - rivals.keys():
        assert record is not None
        data[name] |= {"baseline": record.data[name].get("baseline", {})}
    for name, baselines in rivals.items():
        preflight.keep_rivals(folder, name, baselines)
        data[name] |= {"baseline": baselines.metrics}
        journal.append("data", task=name, **data[name])
    atomic_files.write(folder / QUESTION, toml(asked).encode())
    description = {**described, "sweep": jsonable(asked), "data": data}
    text = json.dumps(jsonable(description), indent=2) + "\n"
    atomic_files.write(folder / ENVIRONMENT, text.encode())
    return driver


def _interrupted(resume: str) -> int:
    print(f"interrupted; carry on with: {resume}", flush=True)
    return EXIT_INTERRUPTED


def _way_on(record: SweepRecord) -> str:
    """What may be tried again of a sweep that is complete, without all of it."""
    again = preflight.reopened(record)
    return f"; --retry-failed runs {counted(len(again), 'failed trial')} again" if again else ""


def _reopen(journal: Journal, record: SweepRecord) -> SweepRecord:
    """Takes back what was recorded of trials that may be run again."""
    again = preflight.reopened(record)
    for result in again:
        journal.finish(dataclasses.replace(result, status="interrupted"))
    print(f"{counted(len(again), 'failed trial')} to run again")
    left = sum(map(preflight.retriable, record.results))
    if left > len(again):
        print(
            f"{counted(left - len(again), 'failed trial')} left alone: the search has no seconds "
            "left, or others rest on what it found"
        )
    reread = journal.read()
    assert reread is not None
    return reread


class _Driver:
    """One run of a sweep, from opening the engine to writing the report."""

    def __init__(
        self,
        sweep: Sweep,
        options: Options,
        folder: Path,
        journal: Journal,
        record: SweepRecord | None,
        engine: Callable[[Sweep, int, Path], Engine],
        workers: int,
        stack: contextlib.ExitStack,
        digests: Mapping[str, str],
    ) -> None:
        began = time.monotonic()
        count = len(cells(sweep))
        print(f"{folder}: cells {count}, workers {workers}, {sweep.backend}", flush=True)
        self.sweep = sweep
        self.options = options
        self.folder = folder
        self.journal = journal
        self.digests = digests
        self.interrupted = False
        self.jobs: dict[str, dict[int, Running]] = {}
        """The trials of each job that have not ended, by their numbers."""
        self.together = (
            together.Together.here(sweep.backend, options.together, workers)
            if options.cluster is None  # what a node's accelerators hold is not known here
            else together.Together(sweep.backend, options.together)
        )
        self.held: Step | None = None
        """A trial that is to run alone, until nothing else runs."""
        self.placement = Placement()
        # Workers import the framework while the driver imports KerasTuner.
        self.engine = engine(sweep, workers, folder)
        stack.callback(self.engine.close, kill=True)
        self.tracker: Any = None
        stack.push(self._close_tracker)
        os.environ["KERAS_BACKEND"] = sweep.backend
        from harness.driver.plan import Plan

        self.plan = Plan(sweep, folder, record)
        if sweep.minutes is not None:
            spent = record.active if record is not None else 0.0
            self.plan.time = WholeTime.of(sweep, self.plan.cells, workers, spent, began)
        self.display = Display(self.plan, workers)

    def rehearse(self) -> None:
        """Looks at every cell that has no trial yet, in the workers.

        Raises:
            Faults: what is wrong with some, a line each.
        """
        begun = {plan.cell.key for plan in self.plan.cells if plan.suggestions}
        new = dict.fromkeys(p.cell.key for p in self.plan.cells if p.cell.key not in begun)
        todo = preflight.rehearsals(new, self.options.data_dir, self.options.offline, self.digests)
        limits = {f"{job.task}/{job.space}": self._rehearsal_limits(job.task) for job in todo}
        waiting, faults = list(todo), dict[str, None]()
        while waiting or limits:
            while waiting and self.engine.free():
                job = waiting.pop(0)
                name = f"{job.task}/{job.space}"
                self.engine.submit(name, job, limits[name])
            for event in self.engine.poll(timeout=0.5):
                if isinstance(event, Done):
                    del limits[event.job_id]
                    # What ended a worker there will end a trial, which is recorded.
                    faults |= dict.fromkeys(event.value or ())
        if faults:
            raise Faults(faults)

    def _rehearsal_limits(self, task: str) -> Limits:
        budget = self.sweep.budget_of(task)
        return Limits(
            seconds=min(budget.trial_seconds or math.inf, _REHEARSAL_SECONDS),
            memory_gb=budget.memory_gb,
        )

    def run(self, interruptions: Interruptions) -> int:
        self.tracker = _tracker(self.folder, self.options)
        with interruptions.held() as received, self.display:
            while True:
                if not received:
                    self._start_trials()
                if not self.jobs:
                    break
                if len(received) > 1 or set(received) - {signal.SIGINT}:
                    self._interrupt()
                    break
                if received:
                    self.display.note("finishing the running trials; Ctrl-C again stops at once")
                for event in self.engine.poll(timeout=0.5):
                    self._handle(event)
                self.display.refresh()
        self.interrupted = bool(received)
        return self._conclude()

    def _close_tracker(self, kind: object, *_: object) -> None:
        if self.tracker is not None:
            stopped = self.interrupted or kind is not None
            seconds = _INTERRUPTED_GRACE_SECONDS if stopped else _GRACE_SECONDS
            message = self.tracker.close(seconds)
            if message:
                print(message)

    def _start_trials(self) -> None:
        while self.engine.free() and not self._alone():
            self.plan.divide_time()
            self._end_searches()
            self._look()
            step = self.held or self.plan.next(self.placement.here(), self.placement.elsewhere())
            if step is None:
                # Asking may have shown that a space is exhausted: then it can be confirmed.
                if self._end_searches():
                    continue
                return
            if step.asked is not None:
                self.journal.append("asked", **jsonable(step.asked))
            plan = self.plan.cell(step.job.task, step.job.space, step.job.number)
            self.held = step if step.job.alone and self.jobs else None
            if self.held is not None:
                plan.start(step.job)
                return
            whole = self.together.job(step.job, plan, self.engine.free())
            limits = self._limits(whole)
            job = dataclasses.replace(
                whole,
                wanted=self.plan.wanted(),
                memory_gb=limits.memory_gb,
                digest=self.digests[step.job.task],
                data_dir=self.options.data_dir,
                offline=self.options.offline,
            )
            job_id = f"{job.task}/{job.space}/{job.phase}/{job.number}"
            self.jobs[job_id] = {one.number: Running(one, bool(job.members)) for one in job.each}
            plan.start(job)
            self.engine.submit(job_id, job, limits, self.placement.start(job_id, job))

    def _alone(self) -> bool:
        """Whether a trial runs beside which none may."""
        return any(r.job.alone for trials in self.jobs.values() for r in trials.values())

    def _end_searches(self) -> bool:
        """Records every search that is over now; returns whether there was one."""
        ended = False
        for plan, reason in self.plan.end_searches():
            ended = True
            for job, failure in plan.abandoned():
                self._finish(failed(Running(job), failure, seconds=0.0))
            self._set_aside(plan)  # before the search has ended to a driver that carries on
            task, space = plan.cell.key
            self.journal.append(
                "search_ended", task=task, space=space, search=plan.search, reason=reason
            )
            self.display.search_ended(plan, reason)
        return ended

    def _look(self) -> None:
        """Decides on more seeds for every task whose cells have all of those decided before."""
        while tasks := self.plan.to_look_at():
            for task in tasks:
                record = self.journal.read()
                assert record is not None
                look = looks.look(self.folder, record, task)
                self.journal.append("looked", **jsonable(look))
                self.plan.take(look)
                self.display.looked(look)

    def _set_aside(self, plan: "CellPlan") -> None:
        """Records that confirmation runs count no more that were not of the winner of now."""
        why = "of another configuration; the search has gone on and found a better one"
        for result in superseded(plan.superseded(), why):
            self._finish(result)

    def _limits(self, job: Job) -> Limits:
        """A confirmation run may take longer by as much as it has more to train."""
        budget = self.sweep.budget_of(job.task)
        seconds = budget.trial_seconds
        if seconds is not None and job.phase == "confirm":
            seconds *= max(1.0, job.epochs / budget.epochs) / budget.train_fraction
            seconds *= len(job.each)
        return Limits(seconds=seconds, memory_gb=budget.memory_gb, alone=job.alone)

    def _handle(self, event: Told | Done) -> None:
        trials = self.jobs[event.job_id]
        if isinstance(event, Told):
            number = event.info.get("number", next(iter(trials), None))
            if "result" in event.info:
                del trials[number]
                self._end(event.info["result"])
                return
            running = trials[number]
            running.epochs += 1
            running.flops = event.info.get("flops")
            self.display.progress(running.job, event.info)
            return
        del self.jobs[event.job_id]
        self.placement.end(event.job_id, event.worker)
        if isinstance(event.value, TrialResult):
            self._end(event.value)
            return
        failure = event.failure or event.value.failure
        if failure and failure.kind != "interrupted" and any(r.member for r in trials.values()):
            self._set_apart([*trials.values()], failure)
            return
        for running in trials.values():
            self._end(failed(running, failure, event.seconds))

    def _set_apart(self, trials: list[Running], failure: Failure) -> None:
        """Has trials run one by one that could not be one program."""
        jobs = [running.job for running in trials]
        plan = self.plan.cell(jobs[0].task, jobs[0].space, jobs[0].number)
        plan.set_apart(jobs, failure.message)
        task, space = plan.cell.key
        self.journal.append(
            "apart", task=task, space=space, search=plan.search, reason=failure.message,
            numbers=[job.number for job in jobs], seconds=time.monotonic() - trials[0].since,
        )  # fmt: skip
        self.display.note(f"{task} · {space}: seeds are trained one by one: {failure.message}")

    def _end(self, result: TrialResult) -> None:
        """Records the end of a trial, which may deserve another attempt."""
        if self.plan.cell(result.task, result.space, result.number).deserves_another(result):
            result = dataclasses.replace(result, status="interrupted")
        self._finish(result)

    def _finish(self, result: TrialResult) -> None:
        result = self.journal.finish(result)
        self._keep_traceback(result)
        plan = self.plan.cell(result.task, result.space, result.number)
        plan.finish(result)
        self.display.finished(plan, result)
        if self.tracker is not None:
            self.tracker.update()

    def _keep_traceback(self, result: TrialResult) -> None:
        """Writes what exceptions left behind where a person can read it."""
        found = {"": result.failure, **result.lost}
        for what, failure in found.items():
            if failure is None or failure.traceback is None:
                continue
            path = self.folder / failure_path(*result.key, what)
            try:
                atomic_files.write(path, failure.traceback.encode())
            except HarnessError as error:
                self.display.note(str(error))  # the journal holds it as well

    def _interrupt(self) -> None:
        """Stops the workers and records what they were doing."""
        self.engine.close(kill=True)
        for event in self.engine.poll(timeout=0):  # one may have finished meanwhile
            self._handle(event)
        for running in (running for trials in self.jobs.values() for running in trials.values()):
            reason = Failure("interrupted", "the sweep was stopped while the trial ran")
            self._finish(failed(running, reason))
        self.jobs.clear()

    def _conclude(self) -> int:
        atomic_files.remove_parts(self.folder)
        if self.plan.time is not None and self.plan.unfinished() and not self.interrupted:
            self.journal.append("time_over")
        code = _write_report(self.folder)
        if self.tracker is not None:
            self.tracker.update()
        return _interrupted(host.command()) if self.interrupted else code


def _write_report(folder: Path) -> int:
    """Writes the report; returns the exit code that its results deserve."""
    from harness import report

    try:
        report.write(folder)
        print(f"report: {folder / PAGE}")
    except HarnessError as error:
        # What was found is in the journal: the sweep has not failed.
        print(f"no report: {error}; then: harness report {folder}", file=sys.stderr)
    record = read_journal(folder)
    if record is None:
        return EXIT_UNCONFIRMED
    for task, space in unconfirmed(record):
        print(f"no confirmed result: {task} x {space}")
    return exit_code(record)


def _tracker(folder: Path, options: Options) -> Any:
    """The MLflow projection of the journal, or nothing with `--tracking none`."""
    if options.tracking == "none":
        return None
    from harness import tracking

    return tracking.Tracker(folder, options.tracking or tracking.default_uri(options.output))
