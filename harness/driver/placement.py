"""Which worker has compiled what: like goes to like where that costs nobody a turn."""

from collections import OrderedDict
from dataclasses import dataclass, field

from harness.trial import Job

_MOST = 32
"""Programs of a worker that are remembered; it keeps no more itself."""


@dataclass
class Placement:
    """What the workers hold, as far as the ends of their jobs have told.

    A worker may hold less than is said here. A trial that finds its program gone is slower and
    otherwise the same.
    """

    held: dict[int, OrderedDict[str, None]] = field(default_factory=dict)
    """The programs of each worker, the last used last."""
    running: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    """For each running job the worker it was meant for, and its program."""

    def idle(self) -> list[int]:
        """Known workers that run nothing."""
        busy = {worker for worker, _ in self.running.values()}
        return [worker for worker in self.held if worker not in busy]

    def here(self) -> set[str]:
        """Programs of idle workers."""
        return {program for worker in self.idle() for program in self.held[worker]}

    def elsewhere(self) -> set[str]:
        """Programs that a busy worker has, or is at, and no idle one."""
        idle = set(self.idle())
        others = {p for worker, held in self.held.items() if worker not in idle for p in held}
        return (others | {program for _, program in self.running.values()}) - self.here()

    def start(self, job_id: str, job: Job) -> int | None:
        """Chooses the worker of a job, `None` for any."""
        idle = self.idle()
        worker = next((w for w in idle if job.program in self.held[w]), idle[0] if idle else None)
        self.running[job_id] = worker, job.program
        return worker

    def end(self, job_id: str, worker: int | None) -> None:
        """Notes the end of a job and the worker that lives on behind it, if one does."""
        meant, program = self.running.pop(job_id)
        if meant is not None and meant != worker:  # that one is gone, and what it held
            self.held.pop(meant, None)
        if worker is None:
            return
        held = self.held.setdefault(worker, OrderedDict())
        held[program] = None
        held.move_to_end(program)
        while len(held) > _MOST:
            held.popitem(last=False)
