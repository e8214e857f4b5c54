"""What a job has changed of a worker's process is as it was before the next one."""

import contextlib
import io
import locale
import os
import signal
import sys
from pathlib import Path

import pytest

from harness.engines.local.process_state import Surroundings

resource = pytest.importorskip("resource")


@contextlib.contextmanager
def worker(folder):
    """This process as a worker is, whose output goes to the log that is given.

    No fixture, as pytest takes the output to itself again between a test and its fixtures.
    """
    kept = {number: os.dup(number) for number in (1, 2)}
    streams = sys.stdout, sys.stderr
    timer, here = signal.getitimer(signal.ITIMER_REAL), Path.cwd()
    log = folder / "worker.log"
    try:
        with log.open("wb") as file:
            for number in kept:
                os.dup2(file.fileno(), number)
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        yield log
    finally:
        sys.stdout, sys.stderr = streams
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        os.chdir(here)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_variables_folder_and_mask_are_as_they_were(tmp_path, monkeypatch):
    with worker(tmp_path):
        monkeypatch.setenv("KEPT", "before")
        monkeypatch.setenv("REMOVED", "before")
        monkeypatch.chdir(tmp_path)
        before, mask = dict(os.environ), os.umask(0o027)
        surroundings = Surroundings()
        os.environ.update(KEPT="after", ADDED="after")
        del os.environ["REMOVED"]
        os.chdir("/")
        os.umask(0o777)
        try:
            assert surroundings.restore()
            assert dict(os.environ) == before
            assert Path.cwd() == tmp_path
        finally:
            assert os.umask(mask) == 0o027


def test_a_folder_that_is_gone_keeps_nobody_from_going_on(tmp_path, monkeypatch):
    with worker(tmp_path):
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        surroundings = Surroundings()
        os.chdir("/")
        gone.rmdir()
        assert surroundings.restore()


def test_the_locale_is_as_it_was(tmp_path):
    with worker(tmp_path):
        before = locale.setlocale(locale.LC_ALL)
        surroundings = Surroundings()
        changed = {locale.setlocale(locale.LC_ALL, name) for name in ("C.UTF-8", "C")}
        try:
            assert changed != {before}
            assert surroundings.restore()
            assert locale.setlocale(locale.LC_ALL) == before
        finally:
            locale.setlocale(locale.LC_ALL, before)


def test_handlers_are_as_they_were_and_no_alarm_strikes_the_next_job(tmp_path):
    with worker(tmp_path):
        before = signal.getsignal(signal.SIGUSR1)
        surroundings = Surroundings()
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 600)
        try:
            assert surroundings.restore()
            assert signal.getsignal(signal.SIGUSR1) == before
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        finally:
            signal.signal(signal.SIGUSR1, before)


def test_what_is_printed_goes_to_the_log_again(tmp_path):
    with worker(tmp_path) as log:
        streams = sys.stdout, sys.stderr
        surroundings = Surroundings()
        with (tmp_path / "elsewhere").open("wb") as elsewhere:
            os.dup2(elsewhere.fileno(), 1)
            os.dup2(elsewhere.fileno(), 2)
        sys.stdout = sys.stderr = io.StringIO()
        assert surroundings.restore()
        assert (sys.stdout, sys.stderr) == streams
        os.write(1, b"one ")
        os.write(2, b"two")
        assert log.read_bytes() == b"one two"
        assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_stream_that_was_closed_is_opened_on_the_log(tmp_path):
    with worker(tmp_path) as log:
        surroundings, kept = Surroundings(), sys.stderr
        sys.stdout.close()
        assert surroundings.restore()
        assert sys.stderr is kept
        opened = sys.stdout
        print("half a character \ud83d")  # which no encoding of Unicode can write
        assert log.read_text() == "half a character \\ud83d\n"
        assert surroundings.restore()
        assert sys.stdout is opened, "it is the one of the process from now on"


def test_a_lowered_limit_is_as_it_was(tmp_path):
    with worker(tmp_path):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        surroundings = Surroundings()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
        assert surroundings.restore()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_a_limit_that_cannot_be_raised_again_is_told(tmp_path, monkeypatch):
    with worker(tmp_path):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        surroundings, raised = Surroundings(), resource.setrlimit
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0] - 1, limits[1]))

        def refuse(number, limits):
            raise ValueError("not allowed to raise maximum limit")

        try:
            os.environ["ADDED"] = "after"
            with monkeypatch.context() as patch:
                patch.setattr(resource, "setrlimit", refuse)
                assert not surroundings.restore()
            assert "ADDED" not in os.environ, "what can be brought back is"
        finally:
            raised(resource.RLIMIT_NOFILE, limits)
