"""Workers on the nodes of a Ray cluster.

Each is an actor with one worker process (see `harness.engines.ray.keeper`), which holds its part of
a node for as long as the engine lives. Limits are enforced there, by killing, whatever becomes of
the connection. The driver starts actors as the cluster takes them, hands jobs to those that are
there, and answers for those that are lost. All of it happens in the calls of the driver's thread.
"""

import contextlib
import os
import pickle
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.engines.engine import Done, Limits, Told
from harness.engines.local.log import LIMIT, Log
from harness.engines.local.pool import packed_setup
from harness.engines.local.process import START_SECONDS, THREADS
from harness.engines.local.worker import Run
from harness.engines.ray import nodes, packed, versions
from harness.engines.ray.connection import last_line
from harness.engines.ray.files import Outgoing, Sent, write
from harness.engines.ray.keeper import Order, Place, Reply
from harness.engines.ray.seat import Seat, Waiting, end_orphans
from harness.engines.ray.share import Share
from harness.failure import describe_error
from harness.journal.folder import is_state
from harness.trial import Failure

CLOSE_SECONDS = 20.0
"""How long actors may take to end their workers before they are killed themselves."""
LOOK_SECONDS = 5.0
"""Between two looks at what the cluster takes."""
PAUSE_SECONDS = 10.0
"""Before another actor is tried where one could not be started."""
WAIT_SECONDS = 0.5
"""How long the driver's thread waits at once: Ray looks for Ctrl-C between its waits."""


class RayEngine:
    """Runs jobs in workers on a cluster that this process is connected to (an `Engine`).

    Args:
        run: The job function `run(job, tell)`, defined in a module that nodes can import.
        workers: Most jobs that run at once; absent, as many as the cluster takes, growing and
            shrinking with it.
        environment: Variables set in the workers before anything is imported there.
        initialize: Called once in every new worker, such as to import the framework.
        share: What each worker takes of its node.
        owner: What names of actors begin with, if they have some. Those of before are ended.
        recycle_jobs, recycle_mb, log, log_bytes: As of `LocalEngine`; the log is the driver's.
        folder: The sweep's; what jobs leave in theirs (`job.folder`) is there before their `Done`.
        data: The prepared data of each task, in the driver's cache, for jobs that have a `task`.

    Raises:
        HarnessError: For fewer than one worker or job, or a function workers cannot import.
    """

    def __init__(
        self,
        run: Run,
        workers: int | None,
        environment: Mapping[str, str],
        initialize: Callable[[], None] | None = None,
        share: Share = Share(),  # noqa: B008 - frozen
        owner: str | None = None,
        recycle_jobs: int = 100,
        recycle_mb: float = 4000,
        log: Path | None = None,
        log_bytes: int = LIMIT,
        folder: Path | None = None,
        data: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        counts = {"workers": 1 if workers is None else workers, "recycle_jobs": recycle_jobs}
        setup = packed_setup(run, initialize, **counts)
        if owner is not None:
            end_orphans(owner)
        threads = {name: os.environ.get(name, str(share.threads)) for name in THREADS}
        hidden = {} if share.gpus else {"CUDA_VISIBLE_DEVICES": ""}
        variables = {**threads, **hidden, **environment}
        self._folder, self._outgoing = folder, Outgoing(folder, data)
        self._order = Order(
            setup, variables, share, recycle_jobs, recycle_mb, log_bytes, self._outgoing.names
        )
        self._most, self._owner = workers, owner
        self._log = Log(log, log_bytes)
        self._versions = versions.here()
        self._running: set[str] = set()
        """Jobs whose `Done` the driver has not had."""
        self._waiting: list[Waiting] = []
        self._events: list[Told | Done] = []
        self._seats: list[Seat] = []
        self._started = 0
        self._look = 0.0
        """When the cluster is looked at next. Monotonic."""
        self._closed = False
        self._fill()

    def free(self) -> int:
        """Number of jobs that would start at once if submitted now.

        Where the cluster has no worker at all at the moment one job may be submitted, which waits
        for it.
        """
        there = sum(seat.place is not None and not seat.refused for seat in self._seats)
        return 0 if self._closed else max(0, max(there, 1) - len(self._running))

    def submit(self, job_id: str, job: Any, limits: Limits, worker: int | None = None) -> None:
        """Starts a picklable job; raises `RuntimeError` when no worker is free."""
        if self.free() < 1:
            raise RuntimeError(f"job {job_id!r}: no worker is free")
        if job_id in self._running:
            raise RuntimeError(f"job {job_id!r} is already running")
        self._running.add(job_id)
        try:
            content = pickle.dumps(job)
            files = self._outgoing.needed(job)
        except Exception as error:  # noqa: BLE001 - anything can be raised while pickling
            self._events.append(Done(job_id, failure=describe_error(error)))
            return
        task = getattr(job, "task", "")
        self._waiting.append(Waiting(job_id, content, limits, worker, files, task))
        self._assign()

    def poll(self, timeout: float) -> list[Told | Done]:
        """Returns what happened since the last call, waiting at most `timeout` seconds."""
        until = time.monotonic() + timeout
        while True:
            wait = 0.0 if self._events else min(WAIT_SECONDS, until - time.monotonic())
            if self._seats or not self._closed:
                self._listen(max(0.0, wait))
            if self._events or time.monotonic() >= until:
                break
        events, self._events = self._events, []
        self._running -= {event.job_id for event in events if isinstance(event, Done)}
        return events

    def close(self, kill: bool = False) -> None:
        """Ends the workers; with `kill`, running jobs are not waited for.

        Jobs killed that way end with an `interrupted` failure; `poll` still returns what is left.
        """
        self._closed = True
        while not kill and self._busy():
            self._listen(WAIT_SECONDS)
        self._end_seats(kill)
        stopped = Failure("interrupted", "stopped before its end")
        while self._waiting:
            self._events.append(Done(self._waiting.pop().id, failure=stopped))
        self._log.close()

    def _busy(self) -> bool:
        return bool(self._waiting) or any(seat.job is not None for seat in self._seats)

    # --- actors -------------------------------------------------------------------

    def _fill(self) -> None:
        """Starts as many actors as the cluster takes by now, or as were asked for."""
        share = self._order.share
        there = sum(not seat.refused for seat in self._seats)
        wanted = self._most or nodes.capacity(share, nodes.alive())
        for _ in range(wanted - there):
            self._started += 1
            self._seats.append(Seat(self._started, self._owner, self._order))
        self._look = time.monotonic() + LOOK_SECONDS

    def _listen(self, wait: float) -> None:
        """Acts on what actors have said."""
        if (not self._closed or self._waiting) and time.monotonic() >= self._look:
            self._fill()
            self._give_up()
        references = {seat.watch: seat for seat in self._seats}
        references |= {seat.given: seat for seat in self._seats if seat.given is not None}
        if not references:
            time.sleep(wait)
            return
        import ray

        ready, _ = ray.wait([*references], num_returns=1, timeout=wait)
        if ready:
            ready, _ = ray.wait([*references], num_returns=len(references), timeout=0)
        for reference in ready:
            seat = references[reference]
            if seat in self._seats:
                self._hear(seat, reference)
        self._assign()

    def _hear(self, seat: Seat, reference: Any) -> None:
        """Takes what one actor has said, or its end."""
        import ray

        try:
            said = ray.get(reference)
        except ray.exceptions.RayError as error:
            self._lose(seat, error)
            return
        if reference == seat.given:
            seat.given = None
            return
        if isinstance(said, Place):
            self._settle(seat, said)
        else:
            self._take(seat, said)
        seat.listen()

    def _settle(self, seat: Seat, place: Place) -> None:
        """Takes an actor into use, unless its node, a new one maybe, is not like the driver."""
        seat.place = place
        different = versions.difference(place.host, place.versions, self._versions)
        if different is not None:
            seat.refused = True
            self._log.file.write(f"{different}; nothing is run there\n".encode())

    def _take(self, seat: Seat, reply: Reply) -> None:
        """Passes on what a worker said and printed."""
        if reply.printed:
            with contextlib.suppress(OSError):  # a log is not worth a sweep
                self._log.file.write(reply.printed)
            self._log.shorten()
        seat.lost = self._keep(reply.files) or seat.lost
        for event in reply.events:
            if seat.job is None or seat.job.id != event.job_id:
                continue
            if seat.lost is not None and isinstance(event, Done):
                event = Done(event.job_id, failure=seat.lost)
            if isinstance(event, Told):
                self._events.append(Told(event.job_id, packed.opened(event.info)))
            else:
                seat.job = None
                self._events.append(_done(seat, event))

    def _keep(self, files: tuple[Sent, ...]) -> Failure | None:
        """Writes what jobs have left into the sweep's folder; says why that cannot be done."""
        if self._folder is None:
            return None
        for sent in files:
            try:
                write(sent, self._folder)
                continue
            except OSError as error:
                failure = describe_error(error)
            except Exception as error:  # noqa: BLE001 - of Ray: the node was lost before it was here
                message = f"files of a trial were lost: {last_line(error)}"
                failure = Failure("infrastructure", message)
            if not is_state(sent.name):
                return failure
            # A trial needs none to come to its end.
            with contextlib.suppress(OSError):  # a log is not worth a sweep
                self._log.file.write(f"{sent.name}: {failure.message}\n".encode())
        return None

    def _lose(self, seat: Seat, error: BaseException) -> None:
        """Answers for the job of an actor that is gone, and has another one started."""
        self._seats.remove(seat)
        seat.end()
        failure = Failure("infrastructure", seat.loss(error))
        if seat.job is not None:
            ran = time.monotonic() - seat.job.since
            self._events.append(Done(seat.job.id, failure=failure, seconds=ran))
        never = seat.place is None
        if never and self._waiting and not any(s.place is not None for s in self._seats):
            self._events.append(Done(self._waiting.pop(0).id, failure=failure))
        self._look = time.monotonic() + (PAUSE_SECONDS if never else 0.0)

    def _end_seats(self, kill: bool) -> None:
        """Has actors end their workers, then ends them."""
        import ray

        ends = {seat.actor.close.remote(kill): seat for seat in self._seats if seat.place}
        watched = {seat.watch: seat for seat in ends.values()}
        until = time.monotonic() + CLOSE_SECONDS
        for reference, seat in (*watched.items(), *ends.items()):  # in the order of their events
            with contextlib.suppress(ray.exceptions.RayError):
                said = ray.get(reference, timeout=max(0.0, until - time.monotonic()))
                if isinstance(said, Reply):
                    self._take(seat, said)
        for seat in self._seats:
            seat.end()
            if seat.job is not None:
                gone = Failure("interrupted", "stopped before its end")
                self._events.append(Done(seat.job.id, failure=gone))
        self._seats.clear()

    # --- jobs ---------------------------------------------------------------------

    def _assign(self) -> None:
        """Gives the jobs that wait to idle actors."""
        while self._waiting and (idle := [seat for seat in self._seats if seat.idle]):
            job = self._waiting.pop(0)
            seat = max(idle, key=lambda seat: _warmth(seat, job.worker))
            if job.limits.alone:
                self._rest([other for other in idle if other is not seat])
            lacks = seat.lacks(job.task)
            seat.give(job, self._outgoing.prepared(job.task) if lacks else ())

    def _rest(self, seats: list[Seat]) -> None:
        """Has idle workers give their memory of devices back."""
        import ray

        for reference in [seat.actor.rest.remote() for seat in seats]:
            with contextlib.suppress(ray.exceptions.RayError):  # its watch will say that it is gone
                ray.get(reference, timeout=CLOSE_SECONDS)
        for seat in seats:
            seat.worker = None

    def _give_up(self) -> None:
        """Ends jobs that have waited too long for a node to have room."""
        if any(seat.idle or seat.job for seat in self._seats):
            return
        since = time.monotonic() - START_SECONDS
        message = f"no node of the cluster had room for a worker in {START_SECONDS:g} s"
        for job in [job for job in self._waiting if job.since < since]:
            self._waiting.remove(job)
            self._events.append(Done(job.id, failure=Failure("infrastructure", message)))


def _warmth(seat: Seat, worker: int | None) -> int:
    if seat.worker is None:
        return 0
    return 2 if seat.worker == worker else 1


def _done(seat: Seat, done: Done) -> Done:
    """The end of a job as the driver is told it."""
    seat.worker = None if done.worker is None else seat.number(done.worker)
    value, failure = done.value, done.failure
    if isinstance(value, packed.Packed):
        try:
            value = value.open()
        except Exception as error:  # noqa: BLE001 - anything can be raised while unpickling
            value, failure = None, describe_error(error)
    return Done(done.job_id, value, failure, done.seconds, seat.worker)
