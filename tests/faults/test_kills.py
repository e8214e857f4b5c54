"""A driver killed with SIGKILL, wherever it is: nothing finished is lost, nothing runs twice."""

import json
import os
import random
import re
import signal
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.kills import answer, survive
from benchmarks.kills import finished as ended
from harness.journal import FILE
from harness.report import _replace
from tests.conftest import HARNESS, environment
from tests.faults.forks import CONTEXT
from tests.faults.storm import storm

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


@pytest.mark.parametrize(
    "tuner, workers, kills",
    [
        ("hyperband", 1, 4),
        ("random", 2, 4),
        *(
            pytest.param(tuner, workers, 50, marks=pytest.mark.long)
            for tuner in ("random", "hyperband", "bayesian")
            for workers in (1, 2)
        ),
    ],
)
def test_a_killed_sweep_ends_as_if_it_had_not_been(
    forks, calm, tmp_path, toll, tuner, workers, kills
):
    question, quiet = calm(tuner)
    words = ("run", question, "--workers", workers, "--tracking", "none", "--output", tmp_path)
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


@pytest.mark.long
def test_a_sweep_that_trains_is_killed_all_the_time(finished, tmp_path, toll):
    question, output = finished
    command = [*HARNESS, "run", str(question), "--workers", "1", "--tracking", "none"]
    done, seed = 0, 0
    while done < 20:
        root, seed = tmp_path / str(seed), seed + 1
        folder = root / "band"
        kills, code = survive(
            [*command, "--output", str(root)], folder, 20 - done, seed, environment()
        )
        done += len(kills)
        found, expected = ended(folder), ended(output / "band")
        toll(
            "driver killed (training)", len(kills), (expected - found).total(),
            found.total() - len(found), recoveries(folder),
        )  # fmt: skip
        assert (code, found) == (0, expected)
        for table, quiet in zip(answer(folder), answer(output / "band"), strict=True):
            pd.testing.assert_frame_equal(table, quiet)
        assert files(folder) == files(output / "band")


def test_files_that_a_killed_report_left_half_written_are_removed(tmp_path):
    process = CONTEXT.Process(target=write_and_die, args=(tmp_path / "report.md",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list(tmp_path.iterdir())
    _replace(tmp_path / "report.md", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


def write_and_die(path):
    Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    _replace(path, b"half")


def files(folder):
    """What a sweep's folder holds, its locks and folders left out."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", ".tracking.lock")
    }


def report(folder):
    """A report without the lines that name the moment, the command and the commit."""
    lines = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not re.match("- (begun|git_commit): |harness ", line)]


def recoveries(folder):
    """Seconds from each time a sweep was carried on to its next finished trial."""
    times, since = [], None
    for event in map(json.loads, (folder / FILE).read_text().splitlines()):
        if event["event"] == "resumed":
            since = event["time"]
        elif event["event"] == "finished" and since is not None:
            times.append(event["time"] - since)
            since = None
    return times
