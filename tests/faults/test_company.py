"""A sweep is not alone with its folder: another driver, and commands that read it meanwhile."""

import os
import time

import pandas as pd
import pytest

from harness.journal.read import read_journal
from harness.report.csv_tables import LEADERBOARD, TRIALS
from tests.faults.fake import SECONDS
from tests.faults.sweeps import ended, files, report, run_words, same_trials

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


@pytest.mark.parametrize("times", [2, pytest.param(25, marks=pytest.mark.long)])
def test_of_drivers_started_at_once_one_works(forks, calm, tmp_path, toll, times):
    question, quiet = calm()
    for attempt in range(times):
        output = tmp_path / str(attempt)
        words = run_words(question, output)
        drivers = [forks(*words, **{SECONDS: "0.1"}) for _ in range(3)]
        codes = [driver.wait() for driver in drivers]
        assert sorted(codes) == [0, 2, 2]
        for driver in drivers:
            if driver.code == 2:
                assert (driver.out, driver.err.count("\n")) == ("", 1)
                assert "another run is writing to this folder" in driver.err
        found = ended(output / "fake")
        toll(
            "two drivers more on one folder", 1,
            (ended(quiet) - found).total(), found.total() - len(found),
        )  # fmt: skip
        assert found == ended(quiet)
        assert len(read_journal(output / "fake").environments) == 1, "nobody carried on"
        assert report(output / "fake") == report(quiet)


@pytest.mark.parametrize(
    "commands",
    [("status", "report"), pytest.param(("status", "report", "sync"), marks=pytest.mark.long)],
    ids=len,
)
def test_a_sweep_that_is_looked_at_all_the_time_is_not_disturbed(
    forks, calm, tmp_path, toll, commands
):
    question, quiet = calm()
    folder = tmp_path / "fake"
    driver = forks(*run_words(question, tmp_path),
        **{SECONDS: "0.3"},
    )  # fmt: skip
    while not (folder / "journal.jsonl").is_file() or not read_journal(folder):
        time.sleep(0.01)
    seen = []
    while driver.code is None:
        for command in commands:
            run = forks.run(command, folder)
            assert (run.code, run.err) == (0, ""), f"{command}: {run.out}{run.err}"
            seen.append(run.out)
        pd.read_csv(folder / "trials.csv", dtype=TRIALS)
        pd.read_csv(folder / "leaderboard.csv", dtype=LEADERBOARD)
    assert driver.code == 0, driver.err
    assert "fake: running, last event" in seen[0]
    toll("looked at by other commands", len(seen))
    same_trials(folder, quiet)
    assert files(folder) == files(quiet)
