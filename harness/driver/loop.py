"""Works at a sweep: starts trials, takes in their ends. The only writer of the journal."""

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.driver import conclusion, going_on, looks, together
from harness.driver.display import Display
from harness.driver.ends import Ends
from harness.driver.options import Options
from harness.driver.placement import Placement
from harness.driver.running import Running, failed
from harness.driver.whole_time import WholeTime
from harness.engines.engine import Engine, Limits
from harness.journal.grown import superseded
from harness.journal.record import SweepRecord
from harness.journal.write import Journal
from harness.sweep.question import Sweep
from harness.system import atomic_files, host
from harness.system.json_values import jsonable
from harness.system.signals import Interruptions
from harness.trial import Job

if TYPE_CHECKING:
    from harness.driver.cell_plan import CellPlan, Step

_Start = tuple[str, Job, Limits, int | None]
"""What an engine is given of a trial."""
_ASKING_SECONDS = 0.25
"""After which trials that were asked for begin, and others that have ended are taken in, though
workers are free."""
_GRACE_SECONDS = 60.0
"""How long MLflow is waited for after the work is done, before `harness sync` is advised."""
_INTERRUPTED_GRACE_SECONDS = 5.0
"""Likewise after an interruption, when somebody is waiting."""


class Driver:
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
        self.sweep = sweep
        self.options = options
        self.folder = folder
        self.journal = journal
        self.digests = digests
        self.interrupted = False
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
        self.ends = Ends(folder, journal, self.plan, self.display, self.placement)

    def run(self, interruptions: Interruptions) -> int:
        """Works until nothing is left to do, or until it is interrupted; returns the exit code."""
        self.tracker = self.ends.tracker = _tracker(self.folder, self.options)
        with interruptions.held() as received, self.display:
            while True:
                more = not received and self._start_trials()
                if not self.ends.jobs:
                    break
                if len(received) > 1 or set(received) - {signal.SIGINT}:
                    self._interrupt()
                    break
                if received:
                    self.display.note("finishing the running trials; Ctrl-C again stops at once")
                for event in self.engine.poll(timeout=0.0 if more else 0.5):
                    self.ends.handle(event)
                self.ends.settle()
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

    def _start_trials(self) -> bool:
        """Gives trials to free workers; returns whether there may be more for others that are free.

        Where suggestions take long, those that have ended meanwhile are taken in between.
        """
        began, starts, more = time.monotonic(), list[_Start](), False
        while not more and self.engine.free() > len(starts) and not self.ends.alone():
            step = self._next()
            if step is None:
                break
            plan = self.plan.cell(step.job.task, step.job.space, step.job.number)
            self.held = step if step.job.alone and self.ends.jobs else None
            if self.held is not None:
                plan.attempts.start(step.job)
                break
            starts.append(self._start(step.job, plan, self.engine.free() - len(starts)))
            more = time.monotonic() - began > _ASKING_SECONDS
        self.journal.flush()
        for start in starts:
            self.engine.submit(*start)
        return more

    def _next(self) -> "Step | None":
        """The next trial, which is recorded if it is new."""
        while True:
            self.plan.divide_time()
            self._end_searches()
            self._look()
            step = self.held or self.plan.next(*self._places())
            if step is None:
                # Asking may have shown that a space is exhausted: then it can be confirmed.
                if self._end_searches():
                    continue
                return None
            if step.asked is not None:
                self.journal.ask(step.asked)
            return step

    def _places(self) -> tuple[set[str], set[str]]:
        """What idle and busy workers have compiled, where that matters."""
        if not self.plan.confirming():
            return set(), set()
        return self.placement.here(), self.placement.elsewhere()

    def _start(self, first: Job, plan: "CellPlan", free: int) -> "_Start":
        """A job, begun for everyone but the engine."""
        whole = self.together.job(first, plan, free)
        limits = self._limits(whole)
        job = dataclasses.replace(
            whole,
            wanted=self.plan.wanted(),
            memory_gb=limits.memory_gb,
            digest=self.digests[first.task],
            data_dir=self.options.data_dir,
            offline=self.options.offline,
            keep_seconds=60 * self.sweep.keep_minutes or None,
        )
        job, limits = going_on.limited(job, limits, plan, self.sweep.backend)
        job_id = f"{job.task}/{job.space}/{job.phase}/{job.number}"
        self.ends.begin(job_id, job)
        plan.attempts.start(job)
        return job_id, job, limits, self.placement.start(job_id, job)

    def _end_searches(self) -> bool:
        """Records every search that is over now; returns whether there was one."""
        ended = False
        for plan, reason in self.plan.end_searches():
            ended = True
            abandoned = plan.abandoned()
            for job, failure in abandoned:
                self.ends.record(failed(Running(job), failure, seconds=0.0))
            self.ends.settle()
            for job, _ in abandoned:
                going_on.drop_state(self.folder, job)
            self._set_aside(plan)  # before the search has ended to a driver that carries on
            task, space = plan.cell.key
            self.journal.append(
                "search_ended", task=task, space=space, search=plan.numbers.search, reason=reason
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
            self.ends.record(result)
        self.ends.settle()

    def _limits(self, job: Job) -> Limits:
        """A confirmation run may take longer by as much as it has more to train."""
        budget = self.sweep.budget_of(job.task)
        seconds = budget.trial_seconds
        if seconds is not None and job.phase == "confirm":
            seconds *= max(1.0, job.epochs / budget.epochs) / budget.train_fraction
            seconds *= len(job.each)
        return Limits(seconds=seconds, memory_gb=budget.memory_gb, alone=job.alone)

    def _interrupt(self) -> None:
        """Stops the workers and records what they were doing."""
        self.engine.close(kill=True)
        for event in self.engine.poll(timeout=0):  # one may have finished meanwhile
            self.ends.handle(event)
        self.ends.settle()
        self.ends.stop()

    def _conclude(self) -> int:
        atomic_files.remove_parts(self.folder)
        if self.plan.time is not None and self.plan.unfinished() and not self.interrupted:
            self.journal.append("time_over")
        code = conclusion.write_report(self.folder)
        if self.tracker is not None:
            self.tracker.update()
        return conclusion.interrupted(host.command()) if self.interrupted else code


def _tracker(folder: Path, options: Options) -> Any:
    """The MLflow projection of the journal, or nothing with `--tracking none`."""
    if options.tracking == "none":
        return None
    from harness import tracking

    return tracking.Tracker(folder, options.tracking or tracking.default_uri(options.output))
