"""Checkpoints of a Hyperband search: no more on the disk than may be continued, none at the end."""

import json
import os
import random

import pytest

from harness.journal.read import read_journal
from tests.faults import fake, keeping
from tests.faults.storm import storm
from tests.faults.sweeps import ended, run_words, same

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


def looks(path):
    """What the driver saw after each event."""
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_no_more_than_may_be_continued(forks, calm, tmp_path, workers):
    question, quiet = calm()
    seen = tmp_path / "seen"
    line = run_words(question, tmp_path, workers)
    driver = keeping.wrapped(forks, **{keeping.SEEN: str(seen)})(*line)
    assert driver.wait() == 0, driver.out + driver.err
    noted = looks(seen)
    assert max(look["there"] for look in noted) > 1, "there were some"
    assert all(look["there"] <= look["needed"] for look in noted)
    assert not any(look["spare"] for look in noted)
    assert not list((tmp_path / "fake" / "checkpoints").iterdir())
    assert ended(tmp_path / "fake") == ended(quiet)


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.long)])
def test_none_is_left_by_drivers_that_were_killed(forks, calm, tmp_path, toll, kills):
    question, quiet = calm()
    seen, folder, done = tmp_path / "seen", tmp_path / "fake", 0
    rng = random.Random(5)
    start = keeping.wrapped(forks, **{keeping.SEEN: str(seen)})
    moments = {"trials": 5, "append": 1}
    while done < kills:
        total = len(ended(quiet))
        damage = storm(
            start, run_words(question, tmp_path), folder, total, rng, kills - done,
            fresh=done > 0, moments=moments,
        )  # fmt: skip
        done += len(damage.blows)
        toll("driver killed (checkpoints)", len(damage.blows), damage.lost, damage.doubled,
             damage.seconds)  # fmt: skip
        assert not any(look["spare"] for look in looks(seen))
        assert not list((folder / "checkpoints").iterdir())
        (folder / "checkpoints").rmdir()
        same(folder, quiet)


def test_none_is_left_by_a_trial_that_is_killed_while_it_saves(forks, calm, tmp_path, toll):
    """Where nobody tries it again, nobody writes over what it left."""
    question = tmp_path / "fake.toml"
    question.write_text(fake.QUESTION.format(tuner="hyperband", trials=2) + "trial_seconds = 0.5\n")
    start = keeping.wrapped(
        forks, **{keeping.SEEN: str(tmp_path / "seen"), keeping.SAVING: "60"}
    )  # fmt: skip
    driver = start(*run_words(question, tmp_path))
    assert driver.wait() == 1, driver.out + driver.err
    results = read_journal(tmp_path / "fake").results
    assert {result.status for result in results} == {"timeout"}
    toll("worker killed (checkpoints)", len(results))
    assert not list((tmp_path / "fake" / "checkpoints").iterdir())
