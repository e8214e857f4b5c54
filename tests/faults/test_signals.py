"""Ctrl-C, SIGTERM and a terminal that closes: the sweep stops in order and is carried on."""

import functools
import os
import random
import signal
import time

import pandas as pd
import pytest

from harness.journal.read import read_journal
from tests.driver.test_resume import until
from tests.faults.fake import SECONDS
from tests.faults.storm import storm
from tests.faults.sweeps import answer, ended, run_words, same

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

MOMENTS = {"start": 1, "trials": 2, "report": 1}
INTERRUPTED = 130


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGINT,),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM,),
        (signal.SIGHUP,),
        (signal.SIGTERM, signal.SIGTERM),
    ],
    ids=lambda signals: "+".join(number.name for number in signals),
)
@pytest.mark.parametrize("times", [1, pytest.param(15, marks=pytest.mark.long)])
def test_a_sweep_that_is_stopped_anywhere_is_carried_on(
    forks, calm, tmp_path, toll, signals, times
):
    question, quiet = calm()
    words = run_words(question, tmp_path)
    folder, rng, done = tmp_path / "fake", random.Random(repr(signals)), 0
    while done < times:
        damage = storm(
            forks, words, folder, len(ended(quiet)), rng, times - done, done > 0, MOMENTS, [signals]
        )
        done += len(damage.blows)
        toll(
            f"stopped by {' and '.join(number.name for number in signals)}",
            len(damage.blows), damage.lost, damage.doubled, damage.seconds,
        )  # fmt: skip
        assert (damage.lost, damage.doubled, damage.orphans) == (0, 0, 0)
        for _, driver in damage.blows:
            assert driver.code == INTERRUPTED, driver.out + driver.err
            assert driver.err == ""
            last = driver.out.splitlines()[-1]
            assert last.startswith("interrupted; carry on with: harness run ")
        same(folder, quiet)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_a_trial_that_is_stopped_is_recorded_and_run_again(forks, calm, tmp_path, toll, number):
    question, quiet = calm()
    words = run_words(question, tmp_path)
    driver = forks(*words, **{SECONDS: "60"})
    until(lambda: "cells" in driver.out and asked(tmp_path / "fake"))
    driver.send(number)
    assert driver.wait() == INTERRUPTED
    assert not driver.orphans(0)
    (result,) = read_journal(tmp_path / "fake").results
    assert (result.status, result.failure.kind) == ("interrupted", "interrupted")
    assert 0 <= result.cost.seconds < 60
    assert list(pd.read_csv(tmp_path / "fake" / "trials.csv")["status"]) == ["interrupted"]
    began = time.monotonic()
    assert forks.run(*words).code == 0
    toll(f"trial stopped by {number.name}", seconds=time.monotonic() - began)
    assert ended(tmp_path / "fake") == ended(quiet)
    for found, expected in zip(answer(tmp_path / "fake"), answer(quiet), strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_a_terminal_that_closes_stops_the_sweep(forks, calm, tmp_path, toll):
    question, quiet = calm()
    words = run_words(question, tmp_path)
    master, slave = os.openpty()
    driver = forks(*words, fate=functools.partial(sit_at, os.ttyname(slave)), **{SECONDS: "60"})
    os.close(slave)
    until(lambda: asked(tmp_path / "fake"))
    os.close(master)
    assert driver.wait() == INTERRUPTED, driver.err
    assert not driver.orphans(0)
    assert [result.status for result in read_journal(tmp_path / "fake").results] == ["interrupted"]
    assert (tmp_path / "fake" / "report.html").is_file()
    assert forks.run(*words).code == 0
    toll("terminal closed")
    assert ended(tmp_path / "fake") == ended(quiet)


def test_nohup_has_a_sweep_go_on(forks, calm, tmp_path):
    question, quiet = calm()
    words = run_words(question, tmp_path)
    driver = forks(*words, fate=ignore)
    until(lambda: asked(tmp_path / "fake"))
    driver.send(signal.SIGHUP)
    assert driver.wait() == 0
    same(tmp_path / "fake", quiet)


def sit_at(terminal):
    """Makes a terminal the one this process is controlled by, and prints to it."""
    os.setsid()
    file = os.open(terminal, os.O_RDWR)
    for number in range(3):
        os.dup2(file, number)
    os.close(file)


def ignore():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def asked(folder):
    """Whether a trial has been asked for."""
    return (folder / "journal.jsonl").is_file() and b'"asked"' in (
        folder / "journal.jsonl"
    ).read_bytes()
