"""A confirmation that failed by a slip in `score` is run again once the slip is corrected."""

import pandas as pd
import pytest

from harness.journal.read import read_journal

PLUGIN = """
import dataclasses

from hostile.tasks import blobs


def score(model, split, assets):
    found = blobs.score(model, split, assets)
    if split.y["label"][0] == 1:  # of the test split, not of the validation split
        found.metrcs
    return found


def exhibit(model, prepared, score):
    return score.figures


slip = dataclasses.replace(blobs, name="slip", score=score, exhibit=exhibit)
"""
QUESTION = """
name = "s"
tasks = ["slip"]
spaces = ["good"]
seeds = 2
[budget]
trials = 2
epochs = 1
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory, harness):
    """A sweep whose confirmation runs have failed: its command, its folder, its output."""
    root = tmp_path_factory.mktemp("slip")
    info = root / "slip-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slip\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[harness.tasks]\nslip = slip_task\n")
    (root / "slip_task.py").write_text(PLUGIN)
    (root / "s.toml").write_text(QUESTION)
    from tests.conftest import HOSTILE

    def run(*options):
        words = ("--workers", 1, "--tracking", "none", "--output", root / "out", *options)
        return harness("run", root / "s.toml", *words, PYTHONPATH=f"{root}:{HOSTILE}")

    return run, root, run()


def test_it_is_confirmed_after_all(searched):
    run, root, first = searched
    folder = root / "out/s"
    assert first.returncode == 1, first.stdout + first.stderr
    reason = "AttributeError: 'Score' object has no attribute 'metrcs'"
    assert f"{reason} (slip_task.py:10)" in first.stdout
    trials = pd.read_csv(folder / "trials.csv")
    assert list(trials["status"]) == ["completed"] * 2 + ["failed"] * 2
    searches = [r for r in read_journal(folder).results if r.phase == "search"]

    again = run()
    assert again.returncode == 1
    assert f"{folder}: complete already; --retry-failed runs 2 failed trials again" in again.stdout

    (root / "slip_task.py").write_text(PLUGIN.replace("found.metrcs", "found.metrics"))
    corrected = run("--retry-failed")
    assert corrected.returncode == 0, corrected.stdout + corrected.stderr
    assert "2 failed trials to run again" in corrected.stdout
    record = read_journal(folder)
    assert [r for r in record.results if r.phase == "search"] == searches, "none is run twice"
    confirmed = [r for r in record.results if r.phase == "confirm"]
    assert [r.status for r in confirmed] == ["completed"] * 2
    assert all(0.4 < r.metrics["test_accuracy"] <= 1 for r in confirmed)
    page = (folder / "report.md").read_text()
    assert "Confirmed again, once the code was corrected that had failed" in page
    assert reason in page

    # The exhibit has a slip of its own, and costs itself alone.
    assert list(confirmed[0].lost) == ["exhibit"]
    line = "no exhibit of `slip` x `good`, seed 0, whose result stands: `AttributeError: 'Score'"
    assert line in page
    assert "slip · good · seed 0: no exhibit: AttributeError: 'Score'" in corrected.stdout
    assert "figures" in (folder / "failures/slip.good.confirm.0.exhibit.txt").read_text()
