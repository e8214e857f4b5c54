"""What tests of faults share: drivers that start in a moment, sweeps that nothing happened to, and
the toll, from which the table of docs/pages/reliability.md is made."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import common, environment, once
from tests.faults import fake
from tests.faults.forks import Forks

TOLL = "FAULTS_TOLL"
"""Variable that names the file to append to; nothing is written if absent."""


@pytest.fixture(scope="session")
def toll():
    """Adds a line to the toll: what was tried, what it cost, the seconds to recover from each."""

    def count(fault, tried=1, lost=0, doubled=0, seconds=None):
        path = os.environ.get(TOLL)
        if path is None:
            return
        seconds = [] if seconds is None else seconds
        entry = {
            "fault": fault,
            "tried": tried,
            "lost": lost,
            "doubled": doubled,
            "seconds": list(seconds) if isinstance(seconds, list | tuple) else [seconds],
        }
        with Path(path).open("a") as file:  # one short write: lines of two processes do not mix
            file.write(json.dumps(entry) + "\n")

    return count


@pytest.fixture
def forks(tmp_path_factory):
    """Starts command lines over trials that take a moment; those that still run are killed."""
    with Forks(tmp_path_factory.mktemp("forks")) as forks:
        yield forks


@pytest.fixture(scope="session")
def calm(tmp_path_factory):
    """Question and folder of a sweep over trials that take a moment, with one worker, that ran
    to its end in a process from a terminal; made once for each tuner, for all processes."""
    made = {}

    def sweep(tuner="hyperband"):
        if tuner not in made:
            with once(common(tmp_path_factory) / f"calm-{tuner}") as (root, done):
                if not done:
                    run_fake(tuner, root)
                made[tuner] = root / "fake.toml", root / "fake"
        return made[tuner]

    return sweep


def run_fake(tuner, root):
    """Runs a sweep over trials that take a moment to its end, in a process from a terminal."""
    question = root / "fake.toml"
    # An estimator estimates nothing before it has seen some trials.
    trials = 16 if "tpe" in tuner else 8
    question.write_text(fake.QUESTION.format(tuner=tuner, trials=trials))
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults.fake", question, "--output", root],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        env=environment(),
    )
    assert run.returncode == 0, run.stdout + run.stderr
