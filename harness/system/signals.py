"""What asks a sweep to stop: Ctrl-C, a request to end, a terminal that is closed."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

EXIT_INTERRUPTED = 130
"""As shells count it: 128 and the number of SIGINT."""


class Interruptions:
    """Notes every such signal while entered, and raises `KeyboardInterrupt` for it unless held.

    The exception alone would not do: where it strikes in a finalizer or a callback of the garbage
    collector, Python prints it and carries on, and what was asked for is lost.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._held = False
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        hook = sys.unraisablehook
        sys.unraisablehook = lambda lost: None if lost.exc_type is KeyboardInterrupt else hook(lost)
        self._stack.callback(setattr, sys, "unraisablehook", hook)
        for number in (signal.SIGINT, *_terminations()):
            self._stack.callback(signal.signal, number, signal.signal(number, self._receive))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def held(self) -> Iterator[list[int]]:
        """Signals received so far, those of before included; none interrupts what is done here."""
        self._held = True
        try:
            yield self.received
        finally:
            self._held = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        if not self._held:
            raise KeyboardInterrupt


def _terminations() -> list[Any]:
    """Signals that stop a sweep at once: somebody asks for it, or its terminal is closed, unless
    the sweep was told to ignore that, as by `nohup`."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:
        return [signal.SIGTERM]
    return [signal.SIGTERM, hangup]
