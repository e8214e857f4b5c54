"""A driver killed with SIGKILL, wherever it is: nothing finished is lost, nothing runs twice."""

import json
import os
import random
import signal

import pandas as pd
import pytest

from benchmarks.kills import survive
from harness.journal.folder import JOURNAL
from tests.conftest import HARNESS, environment
from tests.faults.storm import storm
from tests.faults.sweeps import answer, ended, files, report, run_words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


@pytest.mark.parametrize(
    "tuner, workers, kills",
    [
        ("hyperband", 1, 4),
        ("random", 2, 4),
        ("asha+tpe", 1, 3),
        ("asha+tpe", 2, 3),
        *(
            pytest.param(tuner, workers, 50, marks=pytest.mark.long)
            for tuner in ("random", "hyperband", "bayesian", "tpe", "asha", "asha+tpe")
            for workers in (1, 2)
        ),
    ],
)
def test_a_killed_sweep_ends_as_if_it_had_not_been(
    forks, calm, tmp_path, toll, tuner, workers, kills
):
    question, quiet = calm(tuner)
    words = run_words(question, tmp_path, workers)
    folder, rng = tmp_path / "fake", random.Random(f"{tuner} {workers}")
    done = 0
    while done < kills:
        damage = storm(forks, words, folder, len(ended(quiet)), rng, kills - done, fresh=done > 0)
        done += len(damage.blows)
        toll(
            f"driver killed ({tuner}, workers {workers})",
            len(damage.blows), damage.lost, damage.doubled, damage.seconds,
        )  # fmt: skip
        assert (damage.lost, damage.doubled, damage.orphans) == (0, 0, 0)
        assert all(driver.code == -signal.SIGKILL for _, driver in damage.blows)
        assert ended(folder) == ended(quiet)
        assert files(folder) == files(quiet)
        if workers == 1 or tuner == "random":
            # Suggestions of the others follow from the order in which results come.
            for found, expected in zip(answer(folder), answer(quiet), strict=True):
                pd.testing.assert_frame_equal(found, expected)
        if workers == 1:
            assert report(folder) == report(quiet)


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.long)])
def test_a_sweep_that_trains_is_killed_all_the_time(finished, tmp_path, toll, kills):
    question, output = finished
    command = [*HARNESS, "run", str(question), "--workers", "1", "--tracking", "none"]
    done, seed = 0, 1
    while done < kills:
        root, seed = tmp_path / str(seed), seed + 1
        folder = root / "band"
        moments, code = survive(
            [*command, "--output", str(root)], folder, kills - done, seed, environment()
        )
        done += len(moments)
        found, expected = ended(folder), ended(output / "band")
        toll(
            "driver killed (training)", len(moments), (expected - found).total(),
            found.total() - len(found), recoveries(folder),
        )  # fmt: skip
        assert (code, found) == (0, expected)
        for table, quiet in zip(answer(folder), answer(output / "band"), strict=True):
            pd.testing.assert_frame_equal(table, quiet)
        assert files(folder) == files(output / "band")


def recoveries(folder):
    """Seconds from each time a sweep was carried on to its next finished trial."""
    times, since = [], None
    for event in map(json.loads, (folder / JOURNAL).read_text().splitlines()):
        if event["event"] == "resumed":
            since = event["time"]
        elif event["event"] == "finished" and since is not None:
            times.append(event["time"] - since)
            since = None
    return times
