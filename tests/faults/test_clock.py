"""A clock that is put back by hours and forward by years while a sweep runs."""

import os
import re
import signal
import sqlite3

import pandas as pd
import pytest

from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from tests.driver.test_resume import until
from tests.faults import clock, fake
from tests.faults.sweeps import ended, run_words, same_trials

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

NEGATIVE = re.compile(r"(?<![\w.-])-\d[\d.]* ?(ms|s|min|h|days)\b")


@pytest.fixture
def question(tmp_path):
    """A sweep whose searches may take an hour each."""
    path = tmp_path / "fake.toml"
    path.write_text(fake.QUESTION.format(tuner="hyperband", trials=8) + "seconds = 3600\n")
    return path


def test_seconds_are_those_that_passed(forks, calm, tmp_path, toll, question):
    words = run_words(question, tmp_path)
    folder, (_, quiet) = tmp_path / "fake", calm()
    run = forks.run(*words, fate=clock.befall)
    assert run.code == 0, run.out + run.err
    toll("clock put back and forward")
    same_trials(folder, quiet)
    record = read_journal(folder)
    assert set(record.ended.values()) == {"all 8 trials are done"}, "an hour was not spent"
    assert all(0 < result.cost.seconds < 60 for result in record.results)
    assert pd.read_csv(folder / "leaderboard.csv")["search_seconds"].between(0, 600).all()
    status = forks.run("status", folder)
    assert (status.code, status.err) == (0, "")
    for text in (run.out, status.out, (folder / "report.md").read_text(encoding="utf-8")):
        assert not NEGATIVE.search(text)


def test_a_trial_that_was_stopped_cost_what_it_took(forks, tmp_path, toll, question):
    words = run_words(question, tmp_path)
    folder = tmp_path / "fake"
    driver = forks(*words, fate=clock.befall, **{fake.SECONDS: "60"})
    path = folder / JOURNAL
    until(lambda: path.exists() and b'"asked"' in path.read_bytes())
    driver.send(signal.SIGTERM)
    assert driver.wait() == 130
    (result,) = read_journal(folder).results
    assert 0 <= result.cost.seconds < 60
    status = forks.run("status", folder)
    assert status.code == 0
    assert re.search(r"interrupted, last event \d", status.out)
    run = forks.run(*words, fate=clock.befall)
    assert run.code == 0, run.out + run.err
    toll("stopped while the clock was put back and forward")
    assert set(ended(folder).values()) == {1}


def test_a_trial_whose_worker_cannot_start_cost_what_it_took(forks, tmp_path, question):
    words = run_words(question, tmp_path)
    assert forks.run(*words, fate=clock.befall_broken).code == 1
    results = read_journal(tmp_path / "fake").results
    assert {result.status for result in results} == {"failed"}
    assert all(0 <= result.cost.seconds < 60 for result in results)


@pytest.mark.long
def test_mlflow_shows_no_negative_duration(forks, tmp_path, question):
    words = run_words(question, tmp_path)
    assert forks.run(*words, fate=clock.befall).code == 0
    synced = forks.run("sync", tmp_path / "fake")
    assert synced.code == 0, synced.err
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        runs = database.execute("SELECT start_time, end_time FROM runs").fetchall()
    assert len(runs) > len(ended(tmp_path / "fake"))
    assert all(start <= end for start, end in runs)
