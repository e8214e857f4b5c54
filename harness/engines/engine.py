"""Engines run jobs somewhere else: here the words they share with the driver.

An engine is given a function `run(job, report)` when it is made. It calls the function in
worker processes, passes on what the function reports while it runs, and answers every
submitted job with exactly one `Done`, whatever becomes of the worker. A worker that ran out of
memory or that the machine failed runs no other job; `run` may raise that, or return a value whose
`failure` says it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.trial import Failure


@dataclass(frozen=True)
class Limits:
    """What one job may use before its worker is killed; `None` means no limit."""

    seconds: float | None = None
    memory_gb: float | None = None


@dataclass(frozen=True)
class Progress:
    """Something a running job reported."""

    job_id: str
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """The end of a job: the value `run` returned, or why there is none."""

    job_id: str
    value: Any = None
    failure: Failure | None = None
    seconds: float | None = None
    """How long it ran in a worker that did not live to say so; `None` if it did, or if the
    job never began."""


class Engine(Protocol):
    """Runs jobs in workers; used by one thread."""

    def free(self) -> int:
        """Number of jobs that would start at once if submitted now."""

    def submit(self, job_id: str, job: Any, limits: Limits) -> None:
        """Starts a picklable job; raises `RuntimeError` when no worker is free."""

    def poll(self, timeout: float) -> list[Progress | Done]:
        """Returns what happened since the last call, waiting at most `timeout` seconds."""

    def close(self, kill: bool = False) -> None:
        """Ends the workers; with `kill`, running jobs are not waited for."""
