"""How trials end: recorded first, then told to the plan and to who watches.

All that end in one turn of the driver are recorded together, and forced to the disk at once: with
hundreds of workers several end in each. Nothing is started, told or removed on their account
before that.
"""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.driver.display import Display
from harness.driver.placement import Placement
from harness.driver.running import Running, failed
from harness.engines.engine import Done, Told
from harness.journal.folder import failure_path
from harness.journal.write import Journal
from harness.spec import HarnessError
from harness.system import atomic_files
from harness.trial import Failure, Job, TrialResult

if TYPE_CHECKING:
    from harness.driver.plan import Plan


class Ends:
    """Takes in what workers tell of trials, to their ends."""

    def __init__(
        self, folder: Path, journal: Journal, plan: "Plan", display: Display, placement: Placement
    ) -> None:
        self.folder = folder
        self.journal = journal
        self.plan = plan
        self.display = display
        self.placement = placement
        self.tracker: Any = None
        """The MLflow projection of the journal, if there is one."""
        self.jobs: dict[str, dict[int, Running]] = {}
        """The trials of each job that have not ended, by their numbers."""
        self._alone: str | None = None
        """The job beside which none may run, while it does."""
        self._recorded: list[TrialResult] = []
        """Ends that are written and may not be on the disk."""

    def begin(self, job_id: str, job: Job) -> None:
        """Notes that a job is given to a worker."""
        self.jobs[job_id] = {one.number: Running(one, bool(job.members)) for one in job.each}
        self._alone = job_id if job.alone else self._alone

    def alone(self) -> bool:
        """Whether a trial runs beside which none may."""
        return self._alone in self.jobs

    def handle(self, event: Told | Done) -> None:
        """Takes in what the engine tells; to be settled."""
        trials = self.jobs[event.job_id]
        if isinstance(event, Told):
            number = event.info.get("number", next(iter(trials), None))
            if "result" in event.info:
                del trials[number]
                self._end(event.info["result"])
                return
            self._hear(trials[number], event.info)
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

    def _hear(self, running: Running, info: Mapping[str, Any]) -> None:
        """Takes in what a trial tells while it runs."""
        job = running.job
        if "resumed_at" in info:
            running.resume(info["resumed_at"], info["seconds"], info["flops"])
            plan = self.plan.cell(job.task, job.space, job.number)
            self.display.resumed(plan, job, info["resumed_at"])
        elif "epoch" in info:  # else it has kept its state, which came with this on a cluster
            running.epochs += 1
            running.flops = info.get("flops")
            self.display.progress(job, info)

    def _set_apart(self, trials: list[Running], failure: Failure) -> None:
        """Has trials run one by one that could not be one program."""
        jobs = [running.job for running in trials]
        plan = self.plan.cell(jobs[0].task, jobs[0].space, jobs[0].number)
        task, space = plan.cell.key
        self.journal.append(
            "apart", task=task, space=space, search=plan.numbers.search, reason=failure.message,
            numbers=[job.number for job in jobs], seconds=time.monotonic() - trials[0].since,
        )  # fmt: skip
        plan.set_apart(jobs, failure.message)
        self.display.note(f"{task} · {space}: seeds are trained one by one: {failure.message}")

    def _end(self, result: TrialResult) -> None:
        """Records an end that may deserve another attempt."""
        if self.plan.cell(result.task, result.space, result.number).deserves_another(result):
            result = dataclasses.replace(result, status="interrupted")
        self.record(result)

    def record(self, result: TrialResult) -> None:
        """Records the end of a trial; to be settled."""
        self._recorded.append(self.journal.finish(result))

    def settle(self) -> None:
        """Forces to the disk what was recorded, and tells it to everyone."""
        if not self._recorded:
            return
        self.journal.flush()
        ended, self._recorded = self._recorded, []
        for result in ended:
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

    def stop(self) -> None:
        """Records that what still runs was stopped."""
        for running in (running for trials in self.jobs.values() for running in trials.values()):
            reason = Failure("interrupted", "the sweep was stopped while the trial ran")
            self.record(failed(running, reason))
        self.jobs.clear()
        self.settle()
