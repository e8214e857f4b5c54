"""The README does what it says: its commands are the ones run, its examples work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("noun, name", [("task", "stripes"), ("space", "separable")])
def test_the_examples_are_what_harness_new_writes(noun, name):
    template = (ROOT / "harness/cli/templates" / f"{noun}.py.txt").read_text(encoding="utf-8")
    assert template.replace("NAME", name) in blocks("python")


def test_the_test_command_is_the_one_that_is_checked():
    command = "python -m pip install -e '.[test]' && pytest\n"
    assert command in blocks("")
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_option_of_the_example_sweep_exists(tmp_path):
    from harness.sweep.load import load_sweep

    for number, text in enumerate(blocks("toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        if "stripes" not in text:
            load_sweep(str(path))


def test_a_task_and_an_architecture_of_ones_own(tmp_path):
    """Word for word: two commands, one sweep file, and there is an answer."""
    for package in ("harness", "tasks", "search_spaces"):
        shutil.copytree(ROOT / package, tmp_path / package)

    def harness(*words):
        answer = subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    harness("new", "task", "stripes")
    harness("new", "space", "separable")
    assert "stripes" in harness("list", "tasks")
    assert "filters" in harness("describe", "separable")
    (sweep,) = (text for text in blocks("toml") if "stripes" in text)
    (tmp_path / "mine.toml").write_text(sweep)
    harness(
        "run", "mine.toml", "--tracking", "none", "--trials", "2", "--epochs", "5", "--seeds", "1"
    )
    board = pd.read_csv(tmp_path / "results/mine/leaderboard.csv", index_col="space")
    assert board.loc["separable", "mean"] > board.loc["separable", "baseline"] + 0.2
