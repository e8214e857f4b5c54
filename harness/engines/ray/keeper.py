"""The node's side of the Ray engine: an actor that keeps one worker process.

The actor itself runs no job. It has a local engine with one worker, which is warm, is replaced and
is killed at the limits of its job as on the driver's own machine; the actor passes on what it says.
Where the actor is killed, or the driver is gone, the worker's pipe closes and the worker ends, with
all that it has started.
"""

import contextlib
import functools
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.data.download import cache_root
from harness.engines.engine import Done, Limits, Told
from harness.engines.local.pool import LocalEngine
from harness.engines.ray import packed, versions
from harness.engines.ray.files import Desk, Sent, lacking, receive
from harness.engines.ray.own_code import FOLDER
from harness.engines.ray.share import Share
from harness.system import host

LOOK_SECONDS = 0.25
"""How long the worker is listened to without a look at what else there is to do."""
PRINTED_BYTES = 1_000_000
"""Most that is passed on at once of what a worker prints."""
_FOLDER = "harness-worker-"


@dataclass(frozen=True)
class Order:
    """How the worker of an actor is set up."""

    setup: bytes
    """Pickled `(run, initialize)`."""
    environment: Mapping[str, str]
    share: Share
    recycle_jobs: int
    recycle_mb: float
    log_bytes: int
    data: Mapping[str, str]
    """What the prepared data of each task is called in a cache."""


@dataclass(frozen=True)
class Luggage:
    """What goes along with a job."""

    files: tuple[Sent, ...] = ()
    """Of the sweep's folder."""
    task: str = ""
    prepared: tuple[Sent, ...] = ()
    """Data of the task; nothing where the node has it."""


@dataclass(frozen=True)
class Place:
    """Where an actor is."""

    node: str
    """Id of the node."""
    host: str
    versions: Mapping[str, str]
    lacks: tuple[str, ...]
    """Tasks whose prepared data is not there."""


@dataclass(frozen=True)
class Reply:
    """What an actor has to say."""

    events: tuple[Told | Done, ...] = ()
    files: tuple[Sent, ...] = ()
    """What jobs have left by then."""
    printed: bytes = b""


class Keeper:
    """Keeps one worker process; its methods are called by the driver, some at the same time."""

    def __init__(self, order: Order) -> None:
        self._order = order
        _remove_leftovers()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        self._desk = Desk(self._folder / packed.SWEEP)
        self._log, self._read = self._folder / "log", 0
        self._lock = threading.Lock()
        """Held by who takes events."""
        self._closed = False
        self._engine: LocalEngine | None = self._start()

    def _start(self) -> LocalEngine:
        order = self._order
        devices = os.environ.get("CUDA_VISIBLE_DEVICES") if order.share.gpus else None
        return LocalEngine(
            functools.partial(packed.run, order.setup),
            workers=1,
            environment={
                **_cached(order.share),
                **order.environment,
                FOLDER: str(self._folder),
                host.NODE: _name(),
            },
            initialize=functools.partial(packed.initialize, order.setup),
            devices=(devices,) if devices else (),
            sharing=order.share.sharing,
            recycle_jobs=order.recycle_jobs,
            recycle_mb=order.recycle_mb,
            log=self._log,
            log_bytes=order.log_bytes,
        )

    def place(self) -> Place:
        """Where it is."""
        lacks = lacking(self._order.data)
        return Place(_node(), socket.gethostname(), versions.here(), lacks)

    def start(self, job_id: str, job: bytes, limits: Limits, luggage: Luggage) -> None:
        """Starts a pickled job; the driver does nothing else with this actor meanwhile."""
        if luggage.prepared:
            receive(luggage.task, self._order.data[luggage.task], luggage.prepared)
        self._desk.receive(luggage.files)
        if self._engine is None:
            with self._lock:
                self._engine = self._start()
        self._engine.submit(job_id, job, limits)

    def events(self, seconds: float) -> Reply:
        """What has happened; waits at most so long for something to happen."""
        until = time.monotonic() + seconds
        while not self._closed:
            with self._lock:
                wait = min(LOOK_SECONDS, max(0.0, until - time.monotonic()))
                found = self._engine.poll(wait) if self._engine is not None else []
                reply = self._reply(found)
            if found or reply.printed or time.monotonic() >= until:
                return reply
            if self._engine is None:
                time.sleep(LOOK_SECONDS / 10)
        return Reply()

    def rest(self) -> None:
        """Ends the idle worker, which holds memory of its device; the next job starts another."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None

    def close(self, kill: bool) -> Reply:
        """Ends the worker, and says what is left to say."""
        self._closed = True
        if self._engine is not None:
            self._engine.close(kill)
        with self._lock:
            events: list[Told | Done] = []
            while self._engine is not None and (found := self._engine.poll(0)):
                events += found
            reply = self._reply(events)
            shutil.rmtree(self._folder, ignore_errors=True)
            return reply

    def _reply(self, events: list[Told | Done]) -> Reply:
        """Events, behind the files that they tell of."""
        new = self._desk.new() if events else ()
        if any(isinstance(event, Done) for event in events):
            self._desk.clear()
        return Reply(tuple(events), new, self._printed())

    def _printed(self) -> bytes:
        """What the worker has printed since."""
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._read:  # it was cut
                self._read = 0
            file.seek(self._read)
            found = file.read(PRINTED_BYTES)
            self._read += len(found)
            return found
        return b""


def _cached(share: Share) -> dict[str, str]:
    """Where JAX keeps what it compiles for an accelerator of this node."""
    return {"JAX_COMPILATION_CACHE_DIR": str(cache_root() / "compiled")} if share.gpus else {}


def _node() -> str:
    """Id of the node."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _name() -> str:
    """Of the node: its host, and the beginning of its id, as several may be on one host."""
    return f"{socket.gethostname()}/{_node()[:8]}"


def _remove_leftovers() -> None:
    """Removes what actors that were killed left on this node."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*-*"):
        writer = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if not (writer.isdigit() and psutil.pid_exists(int(writer))):
            shutil.rmtree(folder, ignore_errors=True)
