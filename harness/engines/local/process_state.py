"""What a job may change of its process, and the next job must find as it was."""

import contextlib
import locale
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

if sys.platform != "win32":
    import resource


class Surroundings:
    """The process as it is when this is made: a worker before its first job.

    Framework state is not part of it: a trial begins with a cleared one. Threads that a job
    leaves behind run on until the worker ends.
    """

    def __init__(self) -> None:
        self._folder = Path.cwd()
        self._variables = dict(os.environ)
        self._locale = locale.setlocale(locale.LC_ALL)
        self._mask = os.umask(0)
        os.umask(self._mask)
        found = {number: signal.getsignal(number) for number in signal.valid_signals()}
        # `None` is a handler that is not Python's, such as that of `faulthandler`.
        self._handlers = {number: found[number] for number in found if found[number] is not None}
        self._streams: tuple[TextIO, TextIO] = sys.stdout, sys.stderr
        self._log = os.dup(2)
        self._limits = _resource_limits()

    def restore(self) -> bool:
        """Brings back what a job has changed; returns whether all of it is as it was."""
        whole = self._restore_limits()  # first, as files cannot be opened under some
        with contextlib.suppress(OSError):  # a folder that is gone is gone for the next job too
            os.chdir(self._folder)
        os.umask(self._mask)
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)
        self._restore_variables()
        self._restore_signals()
        self._restore_output()
        return whole

    def _restore_limits(self) -> bool:
        """Only the superuser can raise a hard limit again."""
        whole = True
        if sys.platform != "win32":
            for number, limits in self._limits.items():
                try:
                    if resource.getrlimit(number) != limits:
                        resource.setrlimit(number, limits)
                except (OSError, ValueError):
                    whole = False
        return whole

    def _restore_variables(self) -> None:
        # One by one, as threads of a framework may be reading them.
        for name in set(os.environ) - set(self._variables):
            del os.environ[name]
        for name, value in self._variables.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

    def _restore_signals(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm would strike the next job
        for number, handler in self._handlers.items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)

    def _restore_output(self) -> None:
        for number in (1, 2):
            os.dup2(self._log, number)
        sys.stdout, sys.stderr = (
            stream if not stream.closed else _opened(number)
            for number, stream in enumerate(self._streams, start=1)
        )
        self._streams = sys.stdout, sys.stderr


def _resource_limits() -> dict[int, tuple[int, int]]:
    """Soft and hard limits of this process by their numbers; none on Windows."""
    if sys.platform == "win32":
        return {}
    numbers = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
    return {number: resource.getrlimit(number) for number in numbers}


def _opened(number: int) -> TextIO:
    """A stream for one that a job has closed; no character can make a print to it fail."""
    return open(
        number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
