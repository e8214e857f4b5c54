"""Which seeds of a winner train as one program: where it is the faster way, and as many as fit.

The program of several seeds takes longer to compile than that of one, so that they must train long
enough to win it back. On a processor nothing is won. Figures: `benchmarks/seeds.py`.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.journal.folder import state_path
from harness.spec import HarnessError
from harness.sweep.question import Backend
from harness.system import host
from harness.trial import Job

if TYPE_CHECKING:  # it brings KerasTuner, and with it a backend, which is chosen later
    from harness.driver.cell_plan import CellPlan

COMPILES_LONGER = 4.5
"""How many times longer the program of several takes to compile; on an H200 3 to 5 times."""
SPARED = 0.2
"""Share of the seconds of training that are spared at least; on an H200, with four members, 22 %
(a small ResNet), 50 % (a Transformer) and 65 % (an LSTM)."""
MEMORY_SHARE = 0.8
"""Of a device's memory, that all members may take together."""


@dataclass(frozen=True)
class Together:
    """How many seeds may be one program in this run of a sweep.

    Args:
        backend: of the sweep.
        asked: so many at most, whether it pays or not, 1 for never; `None` to find out.
        accelerated: whether there is an accelerator.
        memory_mb: what a worker has of the memory of an accelerator, in 2^20 bytes; `None` if
            unknown.
    """

    backend: Backend
    asked: int | None = None
    accelerated: bool = False
    memory_mb: float | None = None

    @classmethod
    def here(cls, backend: Backend, asked: int | None, workers: int) -> "Together":
        """On this machine, with so many workers."""
        devices, memory = host.devices(), host.device_memory_mb()
        if memory is not None and devices:
            memory /= -(-workers // len(devices))
        return cls(backend, asked, bool(devices), memory)

    def job(self, job: Job, plan: "CellPlan", free: int) -> Job:
        """A job of a plan, and with it the seeds that had better be trained together with it.

        Args:
            job: the next one.
            plan: whose it is.
            free: workers that run nothing; the seeds that wait are shared out among them.
        """
        if job.phase != "confirm" or self.backend != "jax" or plan.apart is not None:
            return job
        if job.seconds is not None:  # an end in the middle of an epoch is for one alone
            return job
        waiting = plan.runs.untried(plan.attempts)
        if not waiting or waiting[0] != (job.number, job.seed):  # it is tried again, alone
            return job
        waiting = [one for one in waiting if not _kept(job, one[0])]  # they go on, alone
        if not waiting or waiting[0] != (job.number, job.seed):
            return job
        most = self._most(plan, len(waiting), free)
        return dataclasses.replace(job, members=tuple(waiting[1:most]))

    def _most(self, plan: "CellPlan", waiting: int, free: int) -> int:
        if self.asked is not None:
            return self.asked
        count = min(-(-waiting // free), self._fitting(plan, waiting))
        return count if self.accelerated and pays(plan, count) else 1

    def _fitting(self, plan: "CellPlan", waiting: int) -> int:
        """As many of those that wait as the device's memory holds, as far as is known."""
        best = plan.best()
        one = None if best is None else best.cost.device_memory_mb
        if self.memory_mb is None or not one:
            return waiting
        return max(1, math.floor(MEMORY_SHARE * self.memory_mb / one))


def _kept(job: Job, number: int) -> bool:
    """Whether a seed run of the job's cell has kept the state of an earlier attempt."""
    return state_path(job.folder, job.task, job.space, job.phase, number).exists()


def check(backend: Backend, asked: int | None) -> None:
    """Raises `HarnessError` where seeds are to be one program on another backend than JAX."""
    if asked is not None and asked > 1 and backend != "jax":
        raise HarnessError(
            f"--together {asked}: expected the backend jax for seeds that train as one program, "
            f"not {backend}"
        )


def pays(plan: "CellPlan", members: int) -> bool:
    """Whether so many seeds of the best trial are sooner trained together than one by one, by what
    its search trials took: then their steps spare more than compiling takes longer."""
    best = plan.best()
    if best is None or not best.epochs or members < 2:
        return False
    budget = plan.budget
    trained = best.cost.train_seconds / best.epochs * budget.epochs_of_runs / budget.train_fraction
    return SPARED * members * trained > COMPILES_LONGER * plan.searched.first_step
