"""The worker's side of the local engine: a process that runs one job after another.

The driver starts `main` in a fresh interpreter with a pipe on standard input, which brings
pickled frames (first `(run, initialize)`, then `(number, job)`), and one on standard output,
which takes pickled frames `(kind, number, payload)` back: `started`, `told`, at the end `value`
or `failed`, and before that `spent` where the worker should not run another job. Both are moved
away before any other code runs, so whatever a job prints ends in the log.
"""

import contextlib
import faulthandler
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import psutil

from harness.engines.local.process_state import Surroundings
from harness.failure import describe_error
from harness.trial import Failure

MARK = "HARNESS_WORKER"
"""Variable that names a worker to all it starts."""
SPENT = ("memory", "device_memory", "infrastructure")
"""Kinds of failures after which a process may well fail the next job, too."""
Tell = Callable[[Mapping[str, Any]], None]
Run = Callable[[Any, Tell], Any]


def kill_tree(pid: int, mark: str | None = None) -> None:
    """Kills a worker, its process group and its descendants; none of them can refuse.

    Args:
        pid: of the worker.
        mark: what its variable `MARK` was set to. Descendants are known by it that have left
            group and session and whose parent has died.
    """
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess, OSError):  # the latter without free descriptors
        family = psutil.Process(pid).children(recursive=True)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    with contextlib.suppress(OSError):  # likewise
        for process in _marked(mark, but=pid) if mark else ():
            with contextlib.suppress(psutil.Error):
                process.kill()
    if sys.platform != "win32":
        # Also those whose parent has died, and new ones. macOS refuses where only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    else:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()


def _marked(mark: str, but: int) -> Iterator[psutil.Process]:
    """Processes that were started with a mark among their variables, one of them left out."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it has ended, or is somebody else's
            if process.pid != but and process.environ().get(MARK) == mark:
                yield process


def main() -> None:
    """Runs jobs until it is killed or the driver's end of the pipe closes."""
    jobs, events = _take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # stopping is the driver's decision
    faulthandler.enable()
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    mark = os.environ.get(MARK)
    for target, args in ((_read, (jobs, inbox, mark)), (_watch_parent, (os.getppid(), mark))):
        threading.Thread(target=target, args=args, daemon=True).start()
    lock, pid = threading.Lock(), os.getpid()

    def send(kind: str, number: int, content: bytes = b"") -> None:
        if os.getpid() != pid:
            raise RuntimeError("tell() was called in a process that the job forked")
        with lock:  # a job may tell from several threads
            pickle.dump((kind, number, content), events)
            events.flush()

    run = _set_up(inbox.get())
    surroundings = Surroundings()
    while True:
        _serve(run, inbox.get(), send, surroundings)


def _serve(
    run: Run | Failure,
    frame: bytes,
    send: Callable[[str, int, bytes], None],
    surroundings: Surroundings,
) -> None:
    """Runs one job and sends its value or its failure."""
    number, job = pickle.loads(frame)  # noqa: S301 - from the driver, our parent
    pid = os.getpid()
    send("started", number, b"")
    if isinstance(run, Failure):
        send("spent", number, b"")
        send("failed", number, pickle.dumps(run))
        return
    try:
        value = run(
            pickle.loads(job),  # noqa: S301 - likewise
            lambda info: send("told", number, pickle.dumps(dict(info))),
        )
        failure = getattr(value, "failure", None)  # a job may record what it raised itself
        kind, content = "value", pickle.dumps(value)
    except BaseException as error:  # noqa: BLE001 - whatever a job raises is its record
        failure = describe_error(error)
        kind, content = "failed", pickle.dumps(failure)
    if os.getpid() != pid:
        os._exit(0)  # a process the job forked came back here; it must not act as the worker
    spent = isinstance(failure, Failure) and failure.kind in SPENT
    spent = not surroundings.restore() or spent
    sys.stdout.flush()
    if spent:
        send("spent", number, b"")
    send(kind, number, content)


def _set_up(frame: bytes) -> Run | Failure:
    """Imports the job function and initialises; a failure here answers every job."""
    run: Run
    try:
        run, initialize = pickle.loads(frame)  # noqa: S301 - from the driver, our parent
        if initialize is not None:
            initialize()
    except BaseException as error:  # noqa: BLE001 - told to the driver with the first job
        cause = describe_error(error)
        message = f"the worker process could not start: {cause.message}"
        return Failure("infrastructure", message, cause.traceback)
    return run


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Moves both pipes off the standard descriptors; prints go where errors go."""
    jobs = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        # Lines reach the log before a crash, and no character can make a print fail.
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    return jobs, events


def _read(jobs: BinaryIO, inbox: "queue.SimpleQueue[bytes]", mark: str | None) -> None:
    """Passes frames on; a closed pipe means that the driver is gone, in whatever way."""
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            inbox.put(pickle.load(jobs))  # noqa: S301 - from the driver, our parent
    kill_tree(os.getpid(), mark)


def _watch_parent(parent: int, mark: str | None) -> None:
    """Ends the worker when it is orphaned although a fork of the driver holds the pipe open."""
    while os.getppid() == parent:
        time.sleep(1)
    kill_tree(os.getpid(), mark)
