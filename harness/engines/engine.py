"""The contract of an engine: something that runs the driver's jobs in workers somewhere else.

An engine is made for one job function, `run(job, tell)`, a function of an importable module, and
for a number of workers. The driver, from one thread, then does nothing but this:

    while engine.free():
        engine.submit(job_id, job, limits)
    for event in engine.poll(timeout):
        ...                                   # `Told` or `Done`
    engine.close()

**A job** is submitted once, under an id that no running job has. It waits for its worker, which may
have to be started first; it runs, and each thing that `run` tells by `tell(info)` comes out of
`poll` as a `Told`, in order; it ends, and its one `Done` comes out, after which nothing more does
and its id is free again. That holds whatever becomes of the worker: a job whose worker crashes, is
killed by the system or cannot be started ends with a `Failure`.

**Failures** of a `Done`, by `kind`:

- `code`, `memory`: what `run` raised; also a job or a value that cannot be pickled
- `timeout`, `memory`: the worker was killed at one of the job's `Limits`
- `infrastructure`: the worker died or could not be started; the driver tries such a job once more
- `interrupted`: `close(kill=True)` ended it

Where `run` returns a value, the job has no failure for the engine. A value may have an attribute
`failure` of its own: by it, as by what `run` raises, an engine knows a worker that ran out of
memory or that the machine failed. Such a worker runs no other job.

**A worker** runs one job at a time. It has what is set for it (environment, devices) before a
framework is imported; what a job changes in its process is as before for the next job, or the
worker is replaced. None outlives the driver, however that ends.

**Jobs and values** are pickled: small, and complete but for what all workers reach by path, the
sweep's folder and the prepared data.

Only what is wrong with the engine itself is raised: `RuntimeError` for a call that the contract
does not allow, and from `poll`, again and again, whatever ended the engine's own work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.trial import Failure


@dataclass(frozen=True)
class Limits:
    """What one job may use before its worker is killed; `None` means no limit."""

    seconds: float | None = None
    """Counted from its start in the worker."""
    memory_gb: float | None = None
    """Resident memory of the worker and its children, in 10^9 bytes."""
    alone: bool = False
    """Whether it has its devices for itself: it is submitted while no other job runs, and none is
    before its `Done`."""


@dataclass(frozen=True)
class Told:
    """Something that a running job told."""

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
    worker: int | None = field(default=None, compare=False)
    """Which worker ran it and lives on; no two of an engine have the same number."""


class Engine(Protocol):
    """Runs jobs in workers; called by one thread."""

    def free(self) -> int:
        """Number of jobs that would start at once if submitted now; 0 once it is closed.

        A job counts as running until `poll` has returned its `Done`.
        """

    def submit(self, job_id: str, job: Any, limits: Limits, worker: int | None = None) -> None:
        """Starts a job; returns at once.

        Args:
            job_id: what it is called in events.
            job: what is run.
            limits: what it may use.
            worker: the one that is to run it, if it is idle; any other else.

        Raises:
            RuntimeError: no worker is free, or a job of this id is running.
        """

    def poll(self, timeout: float) -> list[Told | Done]:
        """What happened since the last call, in order; waits at most `timeout` seconds for
        something to happen. It still returns what is left after `close`."""

    def close(self, kill: bool = False) -> None:
        """Ends the workers and returns once they are gone; may be called again.

        Args:
            kill: do not wait for running jobs; they end as `interrupted`.
        """
