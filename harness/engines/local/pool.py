"""Worker processes on this machine: warm, limited, and replaceable at any moment.

A supervisor thread owns the workers, so limits hold while the driver is busy elsewhere. Every
worker process has pipes of its own: whatever kills one in the middle of a message, the others
and its successor are untouched.
"""

import contextlib
import dataclasses
import pickle
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import cause
from harness.engines.engine import Done, Limits, Told
from harness.engines.local.log import LIMIT, Log
from harness.engines.local.process import (
    GRACE_SECONDS,
    Message,
    RunningJob,
    WorkerProcess,
    describe_exit,
    worker_environment,
)
from harness.engines.local.worker import Run
from harness.failure import describe_error
from harness.spec import HarnessError
from harness.trial import Failure

TICK = 0.1
"""Seconds between two looks at the limits of running jobs."""
IDLE_TICK = 1.0
"""Seconds between two looks where no job runs: a thread that one left behind may print."""
PATIENCE_SECONDS = 10.0
"""How long a job waits where no worker process can be started, as when memory is short."""
CANNOT_START = (OSError, RuntimeError)
"""What the start of a process raises, and of a thread, where the system has no room for it."""


def packed_setup(run: Run, initialize: Callable[[], None] | None, **counts: int) -> bytes:
    """What a worker is told first.

    Raises:
        HarnessError: a number of `counts` is below one, or a function cannot be imported elsewhere.
    """
    for name, value in counts.items():
        if value < 1:
            raise HarnessError(f"{name} is {value}: expected at least 1")
    for function in (run, initialize):
        if getattr(function, "__module__", None) == "__main__":
            raise HarnessError(f"{function}: expected a function of an importable module")
    return pickle.dumps((run, initialize))


class LocalEngine:
    """Runs jobs in `workers` processes of this machine (an `Engine`).

    Args:
        run: The job function `run(job, tell)`, defined in an importable module.
        workers: Number of processes, and so of jobs that run at once.
        environment: Variables set in the workers before anything is imported there.
        initialize: Called once in every new worker, such as to import the framework.
        devices: Accelerators (`CUDA_VISIBLE_DEVICES`), given to the workers in turn.
        recycle_jobs: Jobs after which a worker is replaced.
        recycle_mb: A worker (with children) whose resident memory, in 10^6 bytes, is larger
            after a job is replaced.
        log: File that takes what workers print; discarded when `None`.
        log_bytes: Length beyond which the beginning of the log is cut off.
        sharing: How many workers share cores and devices, those of other engines among them;
            `workers` if absent.

    `Limits.memory_gb` counts 10^9 bytes of resident memory of a worker and its children;
    `Limits.seconds` counts from the job's start in the worker. Both end the job by killing
    worker and children. Workers start at once and end when the driver ends, however it does.

    Raises:
        HarnessError: For fewer than one worker or job, a function workers cannot import, or more
            workers than the system lets start.
    """

    def __init__(
        self,
        run: Run,
        workers: int,
        environment: Mapping[str, str],
        initialize: Callable[[], None] | None = None,
        devices: Sequence[str] = (),
        recycle_jobs: int = 100,
        recycle_mb: float = 4000,
        log: Path | None = None,
        log_bytes: int = LIMIT,
        sharing: int | None = None,
    ) -> None:
        self._setup = packed_setup(run, initialize, workers=workers, recycle_jobs=recycle_jobs)
        self._environments = [
            worker_environment(environment, sharing or workers, slot, devices)
            for slot in range(workers)
        ]
        count = max(1, len(devices))
        self._alone = [
            worker_environment(environment, count, slot, devices) for slot in range(workers)
        ]
        self._recycle_jobs, self._recycle_bytes = recycle_jobs, recycle_mb * 1e6
        self._log = Log(log, log_bytes)
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Told | Done | BaseException] = queue.SimpleQueue()
        # Of the calling thread:
        self._running: set[str] = set()
        self._submitted = 0
        self._closed = False
        # Of the supervisor:
        self._workers: list[WorkerProcess | None] = []
        self._waiting: list[RunningJob] = []
        self._closing = False
        self._ended = threading.Event()
        self._begin()

    def _begin(self) -> None:
        """Starts all workers and their supervisor, or nothing."""
        workers = len(self._environments)
        try:
            for slot in range(workers):
                self._workers.append(self._start(slot))
            threading.Thread(target=self._supervise, daemon=True).start()
        except BaseException as error:
            started = list(filter(None, self._workers))
            for worker in started:
                worker.end()
            self._log.close()
            if not isinstance(error, CANNOT_START):
                raise
            # Without a place: no code of a person's runs where a process is started.
            raise HarnessError(
                f"{len(started)} of {workers} worker processes could be started "
                f"({cause.told(error)}); --workers N asks for fewer"
            ) from None

    def free(self) -> int:
        """Number of jobs that would start at once if submitted now."""
        return 0 if self._closed else len(self._environments) - len(self._running)

    def submit(self, job_id: str, job: Any, limits: Limits, worker: int | None = None) -> None:
        """Starts a picklable job; raises `RuntimeError` when no worker is free."""
        if self.free() < 1:
            raise RuntimeError(f"job {job_id!r}: no worker is free")
        if job_id in self._running:
            raise RuntimeError(f"job {job_id!r} is already running")
        self._running.add(job_id)
        self._submitted += 1
        try:
            content = pickle.dumps(job)
        except Exception as error:  # noqa: BLE001 - anything can be raised while pickling
            self._outbox.put(Done(job_id, failure=describe_error(error)))
            return
        new = RunningJob(self._submitted, job_id, content, limits, worker)
        self._inbox.put(Message(None, "submit", content=new))

    def poll(self, timeout: float) -> list[Told | Done]:
        """Returns what happened since the last call, waiting at most `timeout` seconds."""
        events: list[Told | Done] = []
        wait = min(max(timeout, 0.0), threading.TIMEOUT_MAX)
        for _ in range(max(1, self._outbox.qsize())):
            try:
                event = self._outbox.get(timeout=0.0 if events else wait)
            except queue.Empty:
                break
            if isinstance(event, BaseException):  # the supervisor's last word
                self._outbox.put(event)
                if events:
                    break
                raise event
            if isinstance(event, Done):
                self._running.discard(event.job_id)
            events.append(event)
        return events

    def close(self, kill: bool = False) -> None:
        """Ends the workers; with `kill`, running jobs are not waited for.

        Jobs killed that way end with an `interrupted` failure; `poll` still returns what is left.
        """
        self._closed = True
        self._inbox.put(Message(None, "close", content=kill))
        # An event, because a thread's join that Ctrl-C interrupts does not wait again; and in
        # short waits, because Windows handles Ctrl-C only between them.
        while not self._ended.wait(0.5):
            pass
        self._log.close()

    # --- the supervisor's thread ----------------------------------------------

    def _supervise(self) -> None:
        try:
            look = 0.0
            while (busy := self._busy() or self._waiting) or not self._closing:
                with contextlib.suppress(queue.Empty):
                    self._handle(self._inbox.get(timeout=TICK if busy else IDLE_TICK))
                if time.monotonic() >= look:
                    self._log.shorten()
                    self._enforce_limits()
                    self._try_again()
                    look = time.monotonic() + TICK
        except BaseException as error:  # noqa: BLE001 - raised in the driver, by poll
            self._outbox.put(error)
        finally:
            for worker in filter(None, self._workers):
                worker.end()
            self._ended.set()

    def _start(self, slot: int, alone: bool = False) -> WorkerProcess:
        environment = (self._alone if alone else self._environments)[slot]
        worker = WorkerProcess(environment, self._setup, self._log.file, self._inbox)
        worker.spent = alone  # the next one has its share of the device
        return worker

    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker is not None and worker.busy]

    def _handle(self, message: Message) -> None:
        worker = message.worker
        if worker is None:
            if message.kind == "submit":
                self._assign(message.content)
            else:
                self._stop(kill=message.content)
        elif worker not in self._workers:
            return  # a late word of one that was replaced
        elif message.kind == "ended":
            self._replace(worker)
        elif worker.job is not None and worker.job.number == message.number:
            self._hear(worker, worker.job, message)

    def _stop(self, kill: bool) -> None:
        self._closing = True
        stopped = Failure("interrupted", "stopped before its end")
        for worker in self._busy() if kill else ():
            worker.kill(stopped)
        while kill and self._waiting:
            self._outbox.put(Done(self._waiting.pop().id, failure=stopped))

    def _assign(self, job: RunningJob) -> None:
        """Gives a job to an idle worker: that which it asks for, or one that has run a job before,
        if there is one."""
        idle = [s for s, worker in enumerate(self._workers) if worker is None or not worker.busy]
        if not idle:  # one of them was killed just when its last job had ended
            self._waiting.append(job)
            return

        def warmth(slot: int) -> int:
            worker = self._workers[slot]
            if worker is None:
                return -1
            return 2 if worker.number == job.worker else min(worker.jobs, 1)

        slot = max(idle, key=warmth)
        if job.limits.alone:
            self._empty(idle)
        try:
            worker = self._workers[slot] or self._start(slot, job.limits.alone)
        except CANNOT_START as error:
            self._postpone(job, error)
            return
        self._workers[slot] = worker
        worker.give(job)

    def _empty(self, idle: list[int]) -> None:
        """Ends idle workers, which hold memory of their devices; each starts again with a job."""
        for slot in idle:
            if (worker := self._workers[slot]) is not None:
                worker.end()
                self._workers[slot] = None

    def _postpone(self, job: RunningJob, error: BaseException) -> None:
        """Keeps a job for which no worker could be started, but not for ever."""
        job.since = job.since or time.monotonic()
        if time.monotonic() - job.since < PATIENCE_SECONDS:
            self._waiting.append(job)
            return
        message = f"no worker process could be started: {cause.told(error)}"
        self._outbox.put(Done(job.id, failure=Failure("infrastructure", message)))

    def _try_again(self) -> None:
        """Assigns the jobs that wait: a worker may have become idle, or the system have room."""
        waiting, self._waiting = self._waiting, []
        for job in waiting:
            self._assign(job)

    def _hear(self, worker: WorkerProcess, job: RunningJob, message: Message) -> None:
        """Acts on what a worker says of its running job."""
        if message.kind == "started":
            job.started, job.since = True, time.monotonic()
            return
        if message.kind == "spent":
            worker.spent = True
            return
        try:
            content = pickle.loads(message.content)  # noqa: S301 - our own worker wrote it
        except Exception as error:  # noqa: BLE001 - anything can be raised while unpickling
            worker.kill(describe_error(error))
            return
        if message.kind == "told":
            self._outbox.put(Told(job.id, content))
        elif message.kind == "value":
            self._finish(worker, Done(job.id, value=content, worker=worker.number))
        else:
            self._finish(worker, Done(job.id, failure=content, worker=worker.number))

    def _finish(self, worker: WorkerProcess, done: Done) -> None:
        """Passes the end of a job on, and recycles a worker that has had enough."""
        worker.job, worker.jobs = None, worker.jobs + 1
        spent = worker.spent or worker.jobs >= self._recycle_jobs
        spent = spent or worker.memory() > self._recycle_bytes
        gone = spent or worker.doom is not None
        self._outbox.put(dataclasses.replace(done, worker=None) if gone else done)
        if spent and worker.doom is None:
            self._replace(worker, restart=True)

    def _replace(self, worker: WorkerProcess, restart: bool = False) -> None:
        """Ends a worker, answers for the job it had, and starts another.

        One that died idle, or cannot be started now, is started with the next job, so that one
        that cannot live is not started over and over.
        """
        slot = self._workers.index(worker)
        restart = restart or worker.busy
        code = worker.end()
        self._workers[slot] = None
        if worker.job is not None:
            failure = worker.doom or describe_exit(code)
            ran = time.monotonic() - worker.job.since if worker.job.started else None
            self._outbox.put(Done(worker.job.id, failure=failure, seconds=ran))
        if restart and not self._closing:
            with contextlib.suppress(*CANNOT_START):
                self._workers[slot] = self._start(slot)

    def _enforce_limits(self) -> None:
        for worker in self._busy():
            worker.notice_exit()
            if worker.gone is not None:
                if time.monotonic() - worker.gone > GRACE_SECONDS:
                    self._replace(worker)
            elif (excess := worker.excess()) is not None:
                worker.kill(excess)
