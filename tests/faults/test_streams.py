"""A sweep whose output nobody can read goes on."""

import contextlib
import os
import subprocess
import sys

import pytest

from harness.journal.write import Journal
from tests.conftest import HARNESS, environment
from tests.faults.sweeps import ended, files, report, run_words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


def break_pipes():
    """Standard streams are pipes whose reader is gone, as `head -1` is soon."""
    reader, writer = os.pipe()
    for number in (1, 2):
        os.dup2(writer, number)
    os.close(reader)
    os.close(writer)


def close_streams():
    """No standard stream is open, as after `<&- >&- 2>&-`."""
    for number in range(3):
        os.close(number)
    sys.stdin = sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None
    write = Journal._write

    def speak(self, line):
        """A library prints without asking Python, wherever that goes."""
        with contextlib.suppress(OSError):
            os.write(1, b"a word\n")
        write(self, line)

    Journal._write = speak


def fill_disk():
    """Standard streams are files on a full disk."""
    full = os.open("/dev/full", os.O_WRONLY)
    for number in (1, 2):
        os.dup2(full, number)
    os.close(full)


@pytest.mark.parametrize("fate", [break_pipes, close_streams, fill_disk])
def test_a_sweep_that_nobody_reads_goes_on(forks, calm, tmp_path, toll, fate):
    question, quiet = calm()
    run = forks.run(*run_words(question, tmp_path), fate=fate)
    assert run.code == 0
    toll(f"output: {fate.__name__}")
    assert ended(tmp_path / "fake") == ended(quiet)
    assert files(tmp_path / "fake") == files(quiet)
    assert report(tmp_path / "fake") == report(quiet)
    assert b"a word" not in (tmp_path / "fake" / "journal.jsonl").read_bytes()


@pytest.mark.parametrize("words", [("status",), ("report",)])
def test_other_commands_need_no_reader_either(calm, tmp_path, words):
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [*HARNESS, *words, calm()[1]], stdout=writer, stderr=subprocess.PIPE, text=True,
        timeout=120, env=environment(),
    )  # fmt: skip
    os.close(writer)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_the_encoding_lacks_is_escaped(calm, encoding):
    run = subprocess.run(
        [*HARNESS, "status", calm()[1]], capture_output=True, timeout=120,
        env=environment(PYTHONIOENCODING=encoding),
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, b"")
    assert ("·".encode(encoding, "backslashreplace") + b" good") in run.stdout


def test_the_encoding_of_the_terminal_does_not_stop_a_sweep(forks, calm, tmp_path):
    question, quiet = calm()
    run = forks.run(*run_words(question, tmp_path), fate=in_ascii)
    assert run.code == 0, run.err
    assert "blobs \\xb7 good \\xb7 trial 0: validation accuracy" in run.out
    assert ended(tmp_path / "fake") == ended(quiet)


def in_ascii():
    sys.stdout.reconfigure(encoding="ascii", errors="strict")
