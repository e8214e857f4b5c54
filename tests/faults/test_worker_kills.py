"""Workers killed at any moment under a driver that goes on, and trials that work against it."""

import json
import os
import random
import signal
import time

import pandas as pd
import psutil
import pytest

from benchmarks.kills import TRIAL
from harness.engines.local.worker import MARK
from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from tests.faults import fake, misbehaving
from tests.faults.sweeps import answer, ended, run_words, same_trials

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


@pytest.mark.parametrize(
    "workers, kills",
    [(2, 6), *(pytest.param(workers, 50, marks=pytest.mark.long) for workers in (1, 2))],
)
def test_killed_workers_cost_no_trial(forks, calm, tmp_path, toll, workers, kills):
    question, quiet = calm("random")
    rng = random.Random(workers)
    words = run_words(question, tmp_path, workers)
    folder, done = tmp_path / "fake", 0
    while done < kills:
        driver = forks(*words, *(["--fresh"] if done else []), **{fake.SECONDS: "0.1"})
        moments = strike(driver, rng, kills - done)
        assert driver.wait() in (0, 1), driver.out + driver.err
        assert driver.err == ""
        counts, expected = ended(folder), ended(quiet)
        lost, doubled = (expected - counts).total(), counts.total() - len(counts)
        toll(f"worker killed (workers {workers})", len(moments), lost, doubled,
             recoveries(folder, moments))  # fmt: skip
        assert (lost, doubled) == (0, 0)
        assert counts == expected
        assert driver.orphans() == []
        assert_only_the_killed_differ(folder, quiet)
        assert attempts(folder) <= len(moments)
        done += len(moments)
        assert moments, "the sweep ended before anything was done to it"


def test_trials_that_change_their_process_change_no_result(forks, calm, tmp_path, toll):
    """Among what they change is the folder, to which paths of the sweep are relative."""
    question, quiet = calm("random")
    where = os.path.relpath(tmp_path)
    run = forks.run(*run_words(question, where),
        fate=misbehaving.instead, **{misbehaving.KIND: "spoil"},
    )  # fmt: skip
    assert (run.code, run.err) == (0, "")
    folder = tmp_path / "fake"
    same_trials(folder, quiet)
    toll("trial changes folder, umask, variables, signals, output of its process", 16)


def strike(driver, rng, most):
    """Kills workers of a driver while it runs; returns when."""
    moments = []
    while driver.code is None and len(moments) < most:
        time.sleep(rng.uniform(0.05, 0.6))
        if (alive := workers_of(driver)) and driver.code is None:
            moments.append(time.time())
            rng.choice(alive).send_signal(signal.SIGKILL)
    return moments


def workers_of(driver):
    found = []
    try:
        children = psutil.Process(driver.pid).children()
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            if MARK in child.environ() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.Error:
            continue  # it has ended meanwhile
    return sorted(found, key=lambda child: child.pid)


def attempts(folder):
    """How many trials, or attempts at one, ended with their worker."""
    return sum(
        entry.failure is not None
        for entry in read_journal(folder).history
        if hasattr(entry, "failure") and entry.status in ("interrupted", "failed")
    )


def assert_only_the_killed_differ(folder, quiet):
    """Search trials have the scores they have without a kill, but for those killed twice."""
    found, expected = (
        answer(where)[0].set_index(TRIAL).query("phase == 'search'") for where in (folder, quiet)
    )
    failed = found["status"] != "completed"
    assert found[failed]["error"].str.startswith("the worker process was killed by SIGKILL").all()
    pd.testing.assert_frame_equal(found[~failed], expected[~failed])


def recoveries(folder, moments):
    """Seconds from each moment to the next trial that completed."""
    events = map(json.loads, (folder / JOURNAL).read_text().splitlines())
    times = [
        event["time"]
        for event in events
        if event["event"] == "finished" and event["result"]["status"] == "completed"
    ]
    following = ([ended - moment for ended in times if ended > moment] for moment in moments)
    return [min(after) for after in following if after]
