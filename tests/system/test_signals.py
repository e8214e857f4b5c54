"""Ctrl-C and its like: kept wherever they strike."""

import os
import signal
import sys

import pytest

from harness.system.signals import Interruptions


@pytest.fixture(autouse=True)
def hangups():
    """SIGHUP as a terminal's programs have it; the tests may run under `nohup`."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, previous)


class Final:
    """Does something where Python has no use for exceptions."""

    def __init__(self, action):
        self.action = action

    def __del__(self):
        self.action()


def strike(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_unless_it_is_held(number):
    with Interruptions() as interruptions:
        with interruptions.held() as received:
            strike(number)
            assert received == [number]
        with pytest.raises(KeyboardInterrupt):
            strike(number)
        assert interruptions.received == [number, number]


def test_a_signal_in_a_finalizer_is_not_lost(capsys):
    with Interruptions() as interruptions:
        Final(strike)
        with interruptions.held() as received:
            assert received == [signal.SIGINT]
    assert capsys.readouterr().err == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_other_exceptions_in_finalizers_are_told(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    with Interruptions():
        Final(lambda: 1 / 0)
    assert told == [ZeroDivisionError]


def test_everything_is_as_before_afterwards():
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [*map(signal.getsignal, watched)], sys.unraisablehook
    with Interruptions():
        assert signal.getsignal(signal.SIGTERM) != before[0][1]
    assert ([*map(signal.getsignal, watched)], sys.unraisablehook) == before


def test_a_closed_terminal_may_be_ignored():
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruptions() as interruptions:
            strike(signal.SIGHUP)
            assert interruptions.received == []
    finally:
        signal.signal(signal.SIGHUP, previous)
