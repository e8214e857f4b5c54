"""A folder that is removed or moved while its sweep runs ends the sweep at once, in one line."""

import os

import pytest

from tests.faults import fake, misbehaving
from tests.faults.sweeps import run_words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


def test_a_sweep_whose_folder_is_removed_ends_at_once(forks, tmp_path):
    """What it went on to find would be written nowhere."""
    question = tmp_path / "fake.toml"
    question.write_text(fake.QUESTION.format(tuner="random", trials=8))
    run = forks.run(*run_words(question, tmp_path),
        fate=misbehaving.instead, **{misbehaving.KIND: "delete"},
    )  # fmt: skip
    journal = tmp_path / "fake" / "journal.jsonl"
    assert run.code == 2
    assert "good · trial 4" not in run.out
    assert run.err.startswith(f"harness: {journal}: moved or removed while the sweep ran")
    assert run.err.count("\n") == 1
    assert not (tmp_path / "fake").exists(), "nothing is written half"
    assert run.orphans() == []
