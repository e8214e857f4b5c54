"""Trials that go wrong in every way beside one that works; a file of its own, as it takes long."""

import pandas as pd

from benchmarks.kills import answer
from harness.journal.read import read_journal
from harness.trial import TrialResult

HOSTILE = """
name = "hostile"
tasks = ["blobs"]
spaces = ["good", "raising", "diverging", "hanging", "exiting", "eating"]
seeds = 2
[budget]
trials = 1
epochs = 3
trial_seconds = 12.0
memory_gb = 2.0
"""


def test_bad_trials_cost_themselves_alone(harness, tmp_path):
    question = tmp_path / "hostile.toml"
    question.write_text(HOSTILE)
    run = harness(
        "run", question, "--workers", 2, "--tracking", "none", "--output", tmp_path / "all"
    )
    assert (run.returncode, run.stderr) == (1, ""), run.stdout
    trials, _ = answer(tmp_path / "all" / "hostile")
    bad = trials[trials["space"] != "good"].set_index("space")
    assert dict(bad["status"]) == {
        "raising": "failed",
        "diverging": "diverged",
        "hanging": "timeout",
        "exiting": "failed",
        "eating": "failed",
    }
    reasons = {
        "raising": "ArithmeticError: this architecture cannot be built",
        "diverging": "the loss is nan in step 1 of epoch 1",
        "hanging": "the limit is 12 s",
        "exiting": "the worker process ended with exit code 7",
        "eating": "the limit is 2 GB",
    }
    for space, reason in reasons.items():
        assert reason in bad.loc[space, "error"]
    record = read_journal(tmp_path / "all" / "hostile")
    kinds = {result.space: result.failure.kind for result in record.results if result.failure}
    assert kinds == {
        "raising": "code",
        "diverging": "diverged",
        "hanging": "timeout",
        "exiting": "infrastructure",
        "eating": "memory",
    }
    attempts = [e for e in record.history if isinstance(e, TrialResult) and e.space == "exiting"]
    assert [entry.status for entry in attempts] == ["interrupted", "failed"], "tried twice"
    traceback = tmp_path / "all" / "hostile" / "failures" / "blobs.raising.search.0.txt"
    assert traceback.read_text().endswith(f"{reasons['raising']}\n")
    assert "Traceback (most recent call last)" in traceback.read_text()
    assert len(list(traceback.parent.iterdir())) == 1
    hanging = next(result for result in record.results if result.space == "hanging")
    assert 12 <= hanging.cost.seconds < 20
    report = (tmp_path / "all" / "hostile" / "report.md").read_text()
    for space in reasons:
        assert f"`{space}` has no confirmed result" in report
        assert f"no confirmed result: blobs x {space}" in run.stdout

    alone = harness(
        "run", question, "--spaces", "good", "--workers", 1, "--tracking", "none",
        "--output", tmp_path / "alone",
    )  # fmt: skip
    assert alone.returncode == 0, alone.stdout + alone.stderr
    good = trials[trials["space"] == "good"].reset_index(drop=True)
    pd.testing.assert_frame_equal(answer(tmp_path / "alone" / "hostile")[0], good)
