"""What fails with its worker or the machine is tried once more; what fails by itself is not."""

import errno
import functools
import itertools
import os
import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest

from harness.journal.read import read_journal
from tests.faults import fake
from tests.faults.sweeps import answer, ended, run_words, same_trials

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


@pytest.fixture
def told_to_die(tmp_path):
    """Lets the workers of some trials die so many times; returns the variables that do."""

    def tell(**deaths):
        folder = tmp_path / "deaths"
        folder.mkdir(exist_ok=True)
        for trial, times in deaths.items():
            (folder / trial.replace("_", ".")).write_text(str(times))
        return {fake.DEATHS: str(folder)}

    return tell


def attempts(folder):
    """How often each trial was begun, by how that ended."""
    return Counter(
        (entry.space, entry.phase, entry.number, entry.status)
        for entry in read_journal(folder).history
        if hasattr(entry, "status") and entry.broken
    )


def test_a_trial_whose_worker_died_is_tried_again(forks, calm, tmp_path, toll, told_to_die):
    question, quiet = calm()
    deaths = told_to_die(good_search_1=1, raising_search_0=1, good_confirm_2=1)
    run = forks.run(*run_words(question, tmp_path),
                    **deaths)  # fmt: skip
    folder = tmp_path / "fake"
    assert run.code == 0, run.out + run.err
    same_trials(folder, quiet)
    assert attempts(folder) == {
        ("good", "search", 1, "interrupted"): 1,
        ("raising", "search", 0, "interrupted"): 1,
        ("good", "confirm", 2, "interrupted"): 1,
    }
    assert run.out.count("to be tried again after") == 3
    assert "Tried again, as the worker or the machine had failed" in (
        folder / "report.md"
    ).read_text(encoding="utf-8")
    toll("worker killed, trial tried again", 3)


def test_a_trial_whose_worker_dies_twice_has_failed_until_it_is_asked_for(
    forks, calm, tmp_path, told_to_die
):
    question, quiet = calm("random")
    words = run_words(question, tmp_path)
    folder = tmp_path / "fake"
    # A winner that would have been another, a cell without any result, and a seed.
    every = {f"raising_search_{number}": 2 for number in range(8)}
    run = forks.run(*words, **told_to_die(good_search_0=2, good_confirm_1=2, **every))
    assert run.code == 1, run.out + run.err
    assert "no confirmed result: blobs x raising" in run.out
    trials = pd.read_csv(folder / "trials.csv")
    failed = trials[trials["status"] == "failed"]
    assert len(failed) == 10
    assert failed["error"].str.contains("was killed by SIGKILL").all()
    assert set(attempts(folder).values()) == {1}, "once tried again and once failed"

    again = forks.run(*words)
    assert (again.code, "complete already" in again.out) == (1, True)
    again = forks.run(*words, "--retry-failed")
    assert again.code == 0, again.out + again.err
    assert "9 failed trials to run again" in again.out, "not the one whose cell is confirmed"
    assert set(ended(folder).values()) == {1, 2}
    record = read_journal(folder)
    left = [result.key for result in record.results if result.status != "completed"]
    assert left == [("blobs", "good", "search", 0)]
    frame, calm_frame = (answer(where)[0].set_index("space") for where in (folder, quiet))
    pd.testing.assert_frame_equal(frame.loc[["raising"]], calm_frame.loc[["raising"]])

    nothing = forks.run(*words, "--retry-failed")
    assert "0 failed trials to run again" in nothing.out
    assert "complete already" in nothing.out


def test_a_sweep_outlives_a_worker_that_cannot_be_replaced_at_once(
    forks, calm, tmp_path, toll, told_to_die
):
    question, quiet = calm()
    run = forks.run(
        *run_words(question, tmp_path),
        fate=functools.partial(refuse, starts=range(1, 4)),
        **told_to_die(good_search_1=1),
    )
    assert run.code == 0, run.out + run.err
    same_trials(tmp_path / "fake", quiet)
    toll("worker killed, another not to be started for a while")


def test_a_sweep_that_can_start_no_worker_says_so(forks, calm, tmp_path):
    question, quiet = calm()
    words = run_words(question, tmp_path)
    run = forks.run(*words, fate=functools.partial(refuse, starts=range(99)))
    assert run.code == 2, run.out + run.err
    assert run.err == (
        "harness: 0 of 1 worker processes could be started (OSError: [Errno 12] Cannot allocate "
        "memory); --workers N asks for fewer\n"
    )
    assert forks.run(*words).code == 0
    same_trials(tmp_path / "fake", quiet)


def refuse(starts):
    """Has a driver find no memory for some of the workers that it starts, counted from 0."""
    start, count = subprocess.Popen, itertools.count()

    def refusing(words, **options):
        if words[0] == sys.executable and next(count) in starts:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return start(words, **options)

    subprocess.Popen = refusing


def test_a_search_goes_on_with_what_is_tried_again(forks, calm, tmp_path, told_to_die):
    """The oracle of Hyperband was told of the failure: it suggests the same when replayed."""
    question, _ = calm()
    words = run_words(question, tmp_path)
    every = {f"raising_confirm_{number}": 2 for number in range(3)}
    forks.run(*words, **told_to_die(raising_search_1=2, **every))
    folder = tmp_path / "fake"
    before = {result.key: result for result in read_journal(folder).results}
    again = forks.run(*words, "--retry-failed")
    assert again.code == 0, again.out + again.err
    assert "4 failed trials to run again" in again.out
    for key, result in {result.key: result for result in read_journal(folder).results}.items():
        assert result.status == "completed"
        if before[key].status == "completed":
            assert result == before[key], "what had been finished was not run again"
