"""Trials that workers have, and the record of one whose worker gives none."""

import dataclasses
import time
from dataclasses import dataclass, field

from harness.training.outcome import begun
from harness.trial import Cost, Failure, Job, Status, TrialResult


@dataclass
class Running:
    """A trial that a worker has."""

    job: Job
    member: bool = False
    """Whether others are one program with it."""
    started: float = field(default_factory=time.time)
    """Unix seconds."""
    since: float = field(default_factory=time.monotonic)
    """The same moment on the monotonic clock: the other may be put back."""
    epochs: int = 0
    """Epochs it has reported."""
    flops: float | None = None
    """Floating-point operations, likewise."""
    before: Cost = field(default_factory=Cost)
    """What it went on from, of an earlier attempt."""

    def resume(self, epoch: int, seconds: float, flops: float | None) -> None:
        """Notes that it has gone on from the end of an epoch, and what had been spent by then."""
        self.epochs, self.flops = epoch - self.job.initial_epoch, flops
        self.before = Cost(resumed_at=epoch, kept_seconds=seconds, kept_flops=flops)


def failed(running: Running, failure: Failure, seconds: float | None = None) -> TrialResult:
    """The record of a trial whose worker could not give one; without `seconds`, its cost
    counts from the moment it was given to a worker."""
    statuses: dict[str, Status] = {"timeout": "timeout", "interrupted": "interrupted"}
    ran = time.monotonic() - running.since if seconds is None else seconds
    return dataclasses.replace(
        begun(running.job, running.started),
        status=statuses.get(failure.kind, "failed"),
        epochs=running.epochs,
        failure=failure,
        cost=dataclasses.replace(
            running.before,
            seconds=(running.before.kept_seconds or 0.0) + ran,
            flops=running.flops,
        ),
    )
