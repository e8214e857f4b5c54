"""The command line in processes that start in a moment, over the trials of `fake`.

Imports are nearly all that the start of a driver costs. Python's fork server does them once
(`warm`), so that hundreds of drivers can be started, killed and started again. What a forked
driver does then is what one from a terminal does: it reads its command line, takes the lock,
starts workers that are fresh interpreters, and ends with its exit code. The fork server itself
runs no Keras and starts no thread of Python's.
"""

import contextlib
import functools
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import HOSTILE

CONTEXT = multiprocessing.get_context("forkserver")
WARM = "tests.faults.warm"
CONTEXT.set_forkserver_preload([WARM])
MARK = "FAULTS_DRIVER"
"""Variable by which the workers of a driver are found when it is dead."""
Fate = Callable[[], None]
"""Something that befalls a driver; a picklable function, called before its first instruction."""


@dataclass
class Forked:
    """A command that runs, or has run."""

    folder: Path
    """Where what it prints is kept."""
    mark: str
    process: Any = field(repr=False)

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal; `None` while it runs."""
        code: int | None = self.process.exitcode
        return code

    @property
    def out(self) -> str:
        return (self.folder / f"{self.mark}.out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return (self.folder / f"{self.mark}.err").read_text(encoding="utf-8")

    def send(self, number: int) -> None:
        """Sends a signal, unless it has ended; other than SIGKILL as soon as it has begun a
        sweep, as the start of Python is not ours to test."""
        while number != signal.SIGKILL and self.code is None and not self.begun:
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def begun(self) -> bool:
        """Whether it has begun to run a sweep."""
        return (self.folder / f"{self.mark}.begun").exists()

    def wait(self, seconds: float = 300) -> int:
        """Its exit code once it has ended; so long that only what hangs is given up."""
        self.process.join(seconds)
        assert self.code is not None, f"still runs after {seconds} s: {self.out}{self.err}"
        return self.code

    def orphans(self, seconds: float = 10) -> list[int]:
        """Its workers that live on although it is dead for so long."""
        deadline = time.monotonic() + seconds
        while (left := list(_marked(self.mark))) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left


class Forks:
    """Starts commands, and kills those that still run when it is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[Forked] = []

    def __call__(self, *words: object, fate: Fate | None = None, **variables: str) -> Forked:
        """Starts `harness` with these words of a command line and these variables."""
        mark = f"{os.getpid()}-{random.SystemRandom().getrandbits(64):x}"
        for name in ("out", "err"):
            (self.folder / f"{mark}.{name}").touch()
        arguments = ([str(word) for word in words], self.folder, {MARK: mark, **variables}, fate)
        process = CONTEXT.Process(target=_live, args=arguments, daemon=True)
        process.start()
        self._started.append(Forked(self.folder, mark, process))
        return self._started[-1]

    def run(self, *words: object, fate: Fate | None = None, **variables: str) -> Forked:
        """Runs a command to its end."""
        forked = self(*words, fate=fate, **variables)
        forked.wait()
        return forked

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *_: object) -> None:
        for forked in self._started:
            forked.process.kill()
            forked.process.join()
            forked.process.close()


def _live(
    words: Sequence[str], folder: Path, variables: Mapping[str, str], fate: Fate | None
) -> None:
    """The life of a forked command."""
    assert WARM in sys.modules, "the fork server could not import it: each driver would"
    for number, name in ((1, "out"), (2, "err")):
        path = folder / f"{variables[MARK]}.{name}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under `nohup`
    os.environ.update({"COLUMNS": "500"} | dict(variables))
    sys.path.insert(0, str(HOSTILE))
    sys.argv = ["harness", *words]
    if fate is not None:
        fate()
    from harness.cli.main import main
    from harness.driver import preflight, run
    from harness.system import host
    from tests.faults import fake

    host.git_commit = lambda: None  # somebody may commit between two runs
    check = preflight.check_backend

    def begin(sweep: Any) -> None:
        """The first thing a driver does."""
        (folder / f"{variables[MARK]}.begun").touch()
        check(sweep)

    preflight.check_backend = begin
    run.run_sweep = functools.partial(
        run.run_sweep, run_trial=fake.run, initialize=fake.nothing, rehearse=False
    )
    main(words)


def _marked(mark: str) -> Iterator[int]:
    """The processes that have a driver's mark in their environment and are no zombies."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                yield process.pid
