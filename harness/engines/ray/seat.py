"""One worker of the cluster as the driver sees it: an actor, and what it is doing."""

import contextlib
import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from harness.engines.engine import Limits
from harness.engines.ray.connection import last_line
from harness.engines.ray.files import Sent
from harness.engines.ray.keeper import Keeper, Luggage, Order, Place
from harness.engines.ray.share import Share
from harness.spec import HarnessError
from harness.system.text import counted
from harness.trial import Failure

WATCH_SECONDS = 20.0
"""How long an actor is asked at once to wait for something to say."""
_NUMBERS = 1_000_000
"""Worker processes that one actor may have after each other."""
_END_SECONDS = 60.0
"""How long the workers of an earlier driver may take to end."""
_VARIABLES = {"RAY_kill_child_processes_on_worker_exit": "false"}
"""Ray would kill the worker process, an actor's child, when the actor ends, and leave behind what
that has started. By itself the worker ends with all of it."""
_THREADS = 4
"""Calls that an actor answers at a time: it is watched, and told what to do."""


@dataclass
class Waiting:
    """A job that was submitted."""

    id: str
    content: bytes
    limits: Limits
    worker: int | None
    files: tuple[Sent, ...] = ()
    """Of the sweep's folder, that it starts from."""
    task: str = ""
    """Whose prepared data it needs, if any's."""
    since: float = field(default_factory=time.monotonic)
    """When it was submitted, then when it was given to an actor. Monotonic."""


class Seat:
    """An actor; replaced, never repaired.

    Args:
        index: no other of the engine has it.
        owner: what its name begins with, if it has one.
        order: how its worker is set up.
    """

    def __init__(self, index: int, owner: str | None, order: Order) -> None:
        import ray

        self.index = index
        self.job: Waiting | None = None
        self.lost: Failure | None = None
        """Why files of the job could not be kept, if they could not."""
        self.worker: int | None = None
        """The worker process that lives on behind its last job, as events call it."""
        self.place: Place | None = None
        """Where it is, once it is anywhere."""
        self.had: set[str] = set()
        """Tasks of which it has run jobs."""
        self.refused = False
        """Whether its node is not like the driver; it holds the room there, and runs nothing."""
        actor: Any = ray.remote(Keeper)
        self.actor = actor.options(
            name=owner and f"{owner}#{uuid.uuid4().hex}",
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=_THREADS,
            runtime_env={"env_vars": _VARIABLES},
            **_taken(order.share),
        ).remote(order)
        self.watch = self.actor.place.remote()
        """What it says next."""
        self.given: Any = None
        """The reference of its taking a job."""

    @property
    def idle(self) -> bool:
        """Whether a job would start there at once."""
        return self.place is not None and not self.refused and self.job is None

    def number(self, worker: int) -> int:
        """What a worker process of this actor is called in events."""
        return self.index * _NUMBERS + worker

    def give(self, job: Waiting, prepared: tuple[Sent, ...]) -> None:
        """Starts a job; `prepared` is its data if `lacks` says so."""
        self.job, self.lost, job.since = job, None, time.monotonic()
        luggage = Luggage(job.files, job.task, prepared)
        self.given = self.actor.start.remote(job.id, job.content, job.limits, luggage)
        self.had.add(job.task)

    def lacks(self, task: str) -> bool:
        """Whether the prepared data of a task has to be brought to its node, as far as is known."""
        return self.place is not None and task in self.place.lacks and task not in self.had

    def listen(self) -> None:
        """Asks for what happens next."""
        self.watch = self.actor.events.remote(WATCH_SECONDS)

    def end(self) -> None:
        """Kills the actor; its worker ends with it."""
        import ray

        with contextlib.suppress(ray.exceptions.RayError, ValueError):  # it is gone already
            ray.kill(self.actor)

    def loss(self, error: BaseException) -> str:
        """What to say of its end."""
        if self.place is None:
            return f"no worker could be started on a node of the cluster: {last_line(error)}"
        return f"the worker on node {self.place.host} is gone: {last_line(error)}"


def _taken(share: Share) -> dict[str, Any]:
    """The resources of an actor."""
    kind = {"accelerator_type": share.accelerator} if share.accelerator else {}
    return {"num_cpus": share.cpus, "num_gpus": share.gpus, **kind}


def end_orphans(owner: str) -> None:
    """Ends the workers of a driver that is no more, and returns once they are gone.

    Args:
        owner: what the names of its actors begin with.
    """
    import ray

    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until:
        found = [name for name in ray.util.list_named_actors() if name.startswith(f"{owner}#")]
        if not found:
            return
        for name in found:
            with contextlib.suppress(ValueError):  # it has ended by itself meanwhile
                ray.kill(ray.get_actor(name))
        time.sleep(0.1)
    raise HarnessError(
        f"{counted(len(found), 'worker')} of an earlier driver of this sweep cannot be ended; "
        "see ray list actors"
    )


def owner_of(folder: os.PathLike[str]) -> str:
    """Names a sweep's folder among all machines that a cluster may be used from."""
    return f"{socket.gethostname()}:{os.path.realpath(folder)}"
