"""One worker process as the driver sees it.

Workers are plain subprocesses, not `multiprocessing` ones: their environment, session and
output are set before their first instruction, the driver's own environment stays as it is,
and its `__main__` is not imported again.
"""

import contextlib
import itertools
import os
import pickle
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import psutil

from harness.engines.engine import Limits
from harness.engines.local.worker import MARK, kill_tree
from harness.system import isolation
from harness.system.host import FRACTION, cores
from harness.trial import Failure

GRACE_SECONDS = 2.0
"""How long a killed process, or the end of its pipe, is waited for."""
DEVICE_SHARE = 0.9
"""Of a device's memory, that all workers on it may take; contexts take some of the rest."""
START_SECONDS = 600.0
"""A worker that has not begun its job by then (imports included) is given up."""
# NPROC is what XLA on CPU reads; its flag --xla_cpu_multi_thread_eigen has no effect on JAX.
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")
"""Variables by which frameworks are told how many threads to have."""
_NUMBERS = itertools.count()


@dataclass
class RunningJob:
    """A job a worker has been given."""

    number: int
    id: str
    content: bytes
    limits: Limits
    worker: int | None = None
    """The one that it had better be given."""
    since: float = 0.0
    """When it started in the worker; until then, when it was handed over. Monotonic."""
    started: bool = False


@dataclass(frozen=True)
class Message:
    """Something for the supervisor; `worker` is `None` when it comes from the driver."""

    worker: "WorkerProcess | None"
    kind: str
    number: int = 0
    content: Any = None


class WorkerProcess:
    """A worker process; replaced, never repaired.

    Raises:
        OSError: The process cannot be started.
        RuntimeError: The thread cannot be started that listens to it.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        setup: bytes,
        log: IO[bytes],
        inbox: "queue.SimpleQueue[Message]",
    ) -> None:
        self.mark = uuid.uuid4().hex
        paths = isolation.search_path()
        code = f"import sys; sys.path[:] = {paths!r}; from harness.engines.local.worker import main"
        self.process = subprocess.Popen(
            [*isolation.PYTHON, "-c", f"{code}; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **isolation.VARIABLES, **environment, MARK: self.mark},
            start_new_session=True,  # one killpg reaches its children; Ctrl-C does not reach it
        )
        self.number = next(_NUMBERS)
        """No other worker of this driver has it."""
        self.job: RunningJob | None = None
        self.jobs = 0
        """Jobs it has finished."""
        self.spent = False
        """Whether it said that it should not run another job."""
        self.doom: Failure | None = None
        """Why it was killed."""
        self.gone: float | None = None
        """When it was killed or seen dead, while the end of its pipe is waited for."""
        self._inbox = inbox
        try:
            threading.Thread(target=self._read, daemon=True).start()
        except RuntimeError:
            self.end()
            raise
        self._send(setup)

    @property
    def busy(self) -> bool:
        """Whether it runs a job or is dying of one."""
        return self.job is not None or self.doom is not None

    def give(self, job: RunningJob) -> None:
        """Hands a job over."""
        self.job, job.since = job, time.monotonic()
        self._send(pickle.dumps((job.number, job.content)))

    def kill(self, doom: Failure) -> None:
        """Kills process and children; what it said before is still read."""
        self.doom, self.gone = doom, time.monotonic()
        kill_tree(self.process.pid, self.mark)

    def notice_exit(self) -> None:
        """Looks whether the process ended while a child of it keeps the pipe open."""
        if self.gone is None and self.process.poll() is not None:
            self.gone = time.monotonic()
            kill_tree(self.process.pid, self.mark)

    def end(self) -> int | None:
        """Kills what is left; returns the exit code, or `None` if the process was alive."""
        if self.busy:  # a crash: the exit code follows the end of the pipe
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_SECONDS)
        code = self.process.poll()
        kill_tree(self.process.pid, self.mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_SECONDS)
        with contextlib.suppress(OSError):  # what it did not read
            assert self.process.stdin is not None
            self.process.stdin.close()
        return code

    def memory(self) -> int:
        """Resident bytes of the process and its descendants, shared pages counted for each."""
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            worker = psutil.Process(self.process.pid)
            for process in (worker, *worker.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
        return total

    def excess(self) -> Failure | None:
        """Which limit its job has passed, if any."""
        if self.job is None:
            return None
        limits, seconds = self.job.limits, time.monotonic() - self.job.since
        if not self.job.started:
            message = f"the worker process did not start within {START_SECONDS:g} s"
            return Failure("infrastructure", message) if seconds > START_SECONDS else None
        if limits.seconds is not None and seconds > limits.seconds:
            message = f"killed after {seconds:.1f} s; the limit is {limits.seconds:g} s"
            return Failure("timeout", message)
        if limits.memory_gb is not None and (used := self.memory() / 1e9) > limits.memory_gb:
            message = f"killed at {used:.2f} GB of memory; the limit is {limits.memory_gb:g} GB"
            return Failure("memory", message)
        return None

    def _send(self, frame: bytes) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it died, and the reader says so
            pickle.dump(frame, self.process.stdin)
            self.process.stdin.flush()

    def _read(self) -> None:
        """Passes messages on while the pipe is open, then says that it ended."""
        assert self.process.stdout is not None
        try:
            with self.process.stdout as events, contextlib.suppress(EOFError, OSError):
                while True:
                    kind, number, content = pickle.load(events)  # noqa: S301 - our own worker
                    self._inbox.put(Message(self, kind, number, content))
        except pickle.UnpicklingError:
            pass  # cut off in the middle of a message
        finally:
            self._inbox.put(Message(self, "ended"))


def describe_exit(code: int | None) -> Failure:
    """Why a worker that nobody here killed is gone."""
    if code is None:
        what = "closed its pipe"
    elif code >= 0:
        what = f"ended with exit code {code}"
    else:
        names = {s.value: s.name for s in signal.Signals}
        what = f"was killed by {names.get(-code, f'signal {-code}')}"
        if names.get(-code) == "SIGKILL":
            what += ", as the system does when it is out of memory"
    return Failure("infrastructure", f"the worker process {what}")


def worker_environment(
    environment: Mapping[str, str], workers: int, slot: int, devices: Sequence[str]
) -> dict[str, str]:
    """The variables set for one of several workers: its share of the cores, its device, and its
    share of the memory of that.

    Variables of `environment`, and thread counts the user has set, are left as they are.
    """
    threads = str(max(1, cores() // workers))
    defaults = {name: os.environ.get(name, threads) for name in THREADS}
    defaults["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    sharing = -(-workers // max(1, len(devices)))
    if sharing > 1:
        shares = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        if devices:
            share = f"{DEVICE_SHARE / sharing:.3f}"
            shares |= {"XLA_CLIENT_MEM_FRACTION": share, FRACTION: share}
        defaults |= {name: os.environ.get(name, value) for name, value in shares.items()}
    if devices:
        defaults["CUDA_VISIBLE_DEVICES"] = devices[slot % len(devices)]
    return {**defaults, **environment}
