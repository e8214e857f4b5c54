"""The examples of the documents, word for word: tasks prepare, architectures build, sweeps run."""

import ast
import re
import subprocess
import sys

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

from harness import kinds, registry
from harness.data import cache
from harness.sweep.load import load_sweep
from tests.documents import files

TASKS = [block for block in files("python") if ".task(" in block.text]
SPACES = [block for block in files("python") if block.document.stem == "architecture"]


@pytest.fixture
def written(tmp_path):
    """Writes a complete file of a document, and takes it into the registry."""

    def write(block):
        path = tmp_path / block.title
        path.write_text(block.text, encoding="utf-8")
        registry.use([path])
        return [one for nouns in (registry.tasks(), registry.spaces()) for one in nouns.values()
                if registry.origin(one).path == path]  # fmt: skip

    yield write
    registry.use([])


def answers(space, task, examples=3):
    """What the default configuration says of a few training examples."""
    data = cache.load(task)
    config = space.sample(keras_tuner.HyperParameters(), task.kind)
    keras.utils.set_random_seed(0)
    options = {"encoder": None} if space.pretrained else {}
    model = space.build(config, data.spec, **options)
    x = {name: np.asarray(array[:examples]) for name, array in data.train.x.items()}
    return data.spec, model(x, training=False)


def test_every_kind_has_an_example():
    assert sorted(block.document.stem for block in TASKS) == sorted(kinds.KINDS)


@pytest.mark.parametrize("block", TASKS, ids=str)
def test_a_task_prepares_and_an_architecture_builds(block, written):
    tasks = written(block)
    assert block.document.stem in {task.kind for task in tasks}
    for task in tasks:
        space = min(registry.spaces_for(task), key=lambda space: space.pretrained)
        spec, outputs = answers(space, task)
        assert set(outputs) == set(spec.outputs)
        assert all(np.isfinite(output).all() for output in outputs.values())


@pytest.mark.parametrize("block", SPACES, ids=str)
def test_an_architecture_builds_for_each_of_its_kinds(block, written):
    (space,) = written(block)
    embedded = {task.kind: task for task in registry.tasks().values() if not task.sources}
    for kind in space.kinds:
        spec, outputs = answers(space, embedded[kind])
        assert set(outputs) == set(spec.outputs)


@pytest.fixture
def folder(tmp_path):
    """All complete files of the documents beside each other."""
    for block in [*files("python"), *files("toml"), *files("csv")]:
        (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    yield tmp_path
    registry.use([])


@pytest.mark.parametrize("block", files("toml"), ids=str)
def test_a_sweep_is_sound(block, folder):
    load_sweep(str(folder / block.title))


def test_a_task_of_ones_own_is_asked_about_and_its_winner_asked(folder):
    """Word for word: one file, one sweep, one command, and there is a model that answers."""

    def python(*words):
        answer = subprocess.run(
            [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=300
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    python("-m", "harness", "run", "parity.toml", "--spaces", "text_cnn", "--trials", "1",
           "--epochs", "2", "--seeds", "1", "--tracking", "none")  # fmt: skip
    board = pd.read_csv(folder / "results/parity/leaderboard.csv", index_col="space")
    assert board.loc["text_cnn", "mean"] > board.loc["text_cnn", "baseline"] + 0.3
    assert re.findall("(odd|even) [01]", python("ask_parity.py")) == ["odd", "even"]


@pytest.mark.parametrize("block", [*TASKS, *SPACES], ids=str)
def test_examples_use_public_names_alone(block):
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom):
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            assert not any(name.startswith("_") for name in names)
