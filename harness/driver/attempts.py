"""Attempts at the trials of a cell: those that run, and those that were cut off."""

import time

from harness.trial import Cost, Job, Phase, TrialResult

TrialName = tuple[Phase, int]


class Attempts:
    """What runs now, and what a worker or the machine ended of trials that are not over."""

    def __init__(self) -> None:
        self.running: dict[TrialName, float] = {}
        """When each running trial was started, on the monotonic clock."""
        self._broken: dict[TrialName, list[TrialResult]] = {}

    def start(self, job: Job) -> None:
        """Notes that a worker has been given a trial, and its members."""
        for one in job.each:
            self.running[one.phase, one.number] = time.monotonic()

    def stop(self, trial: Job | TrialResult) -> None:
        """Notes that one runs no more."""
        self.running.pop((trial.phase, trial.number), None)

    def count(self, phase: Phase) -> int:
        """How many trials run."""
        return sum(running == phase for running, _ in self.running)

    def searching(self) -> bool:
        """Whether a search trial runs."""
        return any(phase == "search" for phase, _ in self.running)

    def seconds_of_searching(self) -> list[float]:
        """How long each search trial that runs has run."""
        now = time.monotonic()
        return [now - began for (phase, _), began in self.running.items() if phase == "search"]

    def cut_off(self, result: TrialResult) -> None:
        """Notes an attempt that its worker or the machine ended."""
        self._broken.setdefault((result.phase, result.number), []).append(result)

    def of(self, phase: Phase, number: int) -> list[TrialResult]:
        """The attempts at a trial that were cut off, in order."""
        return self._broken.get((phase, number), [])

    def forget(self, phase: Phase, number: int) -> list[TrialResult]:
        """The same of a trial that is over, or in whose place another one runs: they are no longer
        known here."""
        return self._broken.pop((phase, number), [])

    def cut_off_searching(self) -> list[list[Cost]]:
        """What those cost that were cut off, of each search trial that is not over."""
        return [
            [attempt.cost for attempt in broken]
            for (phase, _), broken in self._broken.items()
            if phase == "search"
        ]

    def begun(self) -> set[TrialName]:
        """Trials that run or were cut off."""
        return {*self.running, *self._broken}
