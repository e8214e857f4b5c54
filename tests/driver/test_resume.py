"""Whatever stops a sweep, the next run carries on with it."""

import os
import signal
import time

import pandas as pd
import pytest

from benchmarks.kills import finished as ended
from harness.journal.read import read_journal

posix = pytest.mark.skipif(os.name != "posix", reason="signals work otherwise there")

WAITING = """
name = "waiting"
tasks = ["blobs"]
spaces = ["waiting"]
seeds = 1
[budget]
trials = 3
epochs = 1
"""


def until(happened, seconds=300):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@posix
def test_ctrl_c_lets_trials_finish_and_twice_stops_at_once(started, harness, tmp_path):
    question, gate = tmp_path / "waiting.toml", tmp_path / "gate"
    reached, folder = tmp_path / "gate.reached", tmp_path / "waiting"
    question.write_text(WAITING)
    words = ("run", question, "--workers", 1, "--tracking", "none", "--output", tmp_path)

    once = started(*words, HOSTILE_GATE=str(gate))
    until(reached.exists)
    second = harness(*words, HOSTILE_GATE=str(gate))
    assert (second.returncode, second.stdout, second.stderr.count("\n")) == (2, "", 1)
    assert "another run is writing to this folder" in second.stderr
    once.send_signal(signal.SIGINT)
    until(lambda: "finishing the running trials" in once.stdout.readline())
    gate.touch()
    output, _ = once.communicate(timeout=300)
    assert once.returncode == 130
    assert f"interrupted; carry on with: harness run {question}" in output
    assert [r.status for r in read_journal(folder).results] == ["completed"]

    for path in (gate, reached):
        path.unlink()
    twice = started(*words, HOSTILE_GATE=str(gate))
    until(reached.exists)
    twice.send_signal(signal.SIGINT)
    until(lambda: "finishing the running trials" in twice.stdout.readline())
    twice.send_signal(signal.SIGINT)
    output, _ = twice.communicate(timeout=300)
    assert twice.returncode == 130, output
    assert "carry on with" in output
    stopped = read_journal(folder).results[1]
    assert (stopped.number, stopped.status, stopped.failure.kind) == (
        1, "interrupted", "interrupted",
    )  # fmt: skip
    assert list(pd.read_csv(folder / "trials.csv")["status"]) == ["completed", "interrupted"]

    gate.touch()
    rest = harness(*words, HOSTILE_GATE=str(gate))
    assert rest.returncode == 0, rest.stdout + rest.stderr
    assert {key[2:]: count for key, count in ended(folder).items()} == {
        ("search", 0): 1, ("search", 1): 1, ("search", 2): 1, ("confirm", 0): 1,
    }  # fmt: skip
    assert set(pd.read_csv(folder / "trials.csv")["status"]) == {"completed"}
