"""A trial that a shared device's memory does not hold has another turn, alone, and that is told."""

import os

import pytest

from harness.journal.read import read_journal
from tests.faults import fake
from tests.faults.sweeps import run_words, same_trials

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


@pytest.fixture
def full(tmp_path):
    """Has devices full for some trials, so many times; returns the variables that do."""

    def tell(**times):
        folder = tmp_path / "full"
        folder.mkdir()
        for trial, count in times.items():
            (folder / trial.replace("_", ".")).write_text(str(count))
        return {fake.FULL: str(folder)}

    return tell


def begun(tmp_path):
    """Every trial that began: its name, whether it was alone, and its process."""
    return [line.split() for line in (tmp_path / "full" / "begun").read_text().splitlines()]


def test_a_trial_that_did_not_fit_is_tried_again_alone(forks, calm, tmp_path, full):
    question, quiet = calm("random")
    orders = full(good_search_1=1, good_confirm_2=1)
    run = forks.run(*run_words(question, tmp_path, workers=2), **orders)
    assert run.code == 0, run.out + run.err
    folder = tmp_path / "fake"
    same_trials(folder, quiet)
    attempts = [
        (entry.phase, entry.number, entry.failure.kind)
        for entry in read_journal(folder).history
        if getattr(entry, "status", None) == "interrupted"
    ]
    assert sorted(attempts) == [("confirm", 2, "device_memory"), ("search", 1, "device_memory")]
    trials = begun(tmp_path)
    for name in ("good.search.1", "good.confirm.2"):
        first, second = [trial for trial in trials if trial[0] == name]
        assert (first[1], second[1]) == ("0", "1")
        others = [trial[2] for trial in trials if trial[:2] != [name, "1"]]
        assert second[2] not in others, "its worker is new, and no other trial has it"
    assert "or a device did not hold it" in (folder / "report.md").read_text(encoding="utf-8")


def test_one_that_does_not_fit_alone_has_failed(forks, calm, tmp_path, full):
    question, _ = calm("random")
    run = forks.run(*run_words(question, tmp_path), **full(good_search_3=9))
    assert run.code == 0, run.out + run.err
    (result,) = [r for r in read_journal(tmp_path / "fake").results if r.status == "failed"]
    assert (result.number, result.failure.kind) == (3, "device_memory")
    assert [trial[1] for trial in begun(tmp_path) if trial[0] == "good.search.3"] == ["0", "1"]


def test_trials_per_device_need_one(harness, tmp_path):
    question, output = tmp_path / "fake.toml", tmp_path / "out"
    question.write_text(fake.QUESTION.format(tuner="random", trials=2))
    run = harness(
        "run", question, "--per-device", 2, "--output", output, CUDA_VISIBLE_DEVICES=""
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        "harness: --per-device 2: expected an accelerator; here is none, use --workers N\n"
    )
    assert not output.exists()
