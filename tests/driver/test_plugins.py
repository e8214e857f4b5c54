"""A project of one's own: files without packaging, named by its sweep file, from beginning to end.

Its folder has everything in it that could be taken for something else: a `tasks.py`, a package of
that name would do as well, and a module called like one of the standard library.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import registry
from harness.cli.main import main
from harness.journal.read import read_journal
from harness.models import load_model
from harness.registry import plugin_files
from tests.conftest import HARNESS

TASK = '''
"""Which half is brighter?"""

import random

import numpy as np
from halves import split

from harness import DataSpec, Objective, Prepared, Score, Task, TensorSpec

SPEC = DataSpec(
    {"image": TensorSpec((4, 4, 1), "uint8")},
    {"label": TensorSpec((), "int32", size=2)},
    "image_classification",
)


def prepare(files):
    import halves

    assert random.Random(0).random() > 0
    return Prepared(SPEC, *(halves.split(seed) for seed in range(3)))


def compile_args(spec, training):
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return {"loss": loss, "metrics": ["accuracy"]}


def score(model, examples, assets):
    output = model.predict(dict(examples.x), verbose=0)["label"]
    correct = output.argmax(-1) == examples.y["label"]
    return Score({"accuracy": float(correct.mean())}, {"correct": correct})


brighter = Task(
    name="brighter",
    kind="image_classification",
    objective=Objective("accuracy", "max"),
    prepare=prepare,
    compile_args=compile_args,
    score=score,
    baseline=lambda data: {"accuracy": 0.5},
)
'''
HALVES = """
import numpy as np

from harness import Split


def split(seed):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, 64).astype("int32")
    image = rng.integers(0, 100, (64, 4, 4, 1)).astype("uint8")
    image[label == 1, :2] += 60
    image[label == 0, 2:] += 60
    return Split({"image": image}, {"label": label})
"""
SPACE = '''
"""One layer of its own, which Keras does not know: in a file that is imported when it is needed."""

from dataclasses import dataclass

from harness import SearchSpace


@dataclass(frozen=True)
class Config:
    units: int


def sample(hp, kind):
    return Config(hp.Int("units", 4, 8))


def build(config, spec):
    import keras
    from _layers import Scaled

    image = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Flatten()(Scaled()(image))
    x = keras.layers.Dense(config.units, activation="relu")(x)
    return keras.Model({"image": image}, {"label": keras.layers.Dense(2, name="label")(x)})


own_layer = SearchSpace("own_layer", ("image_classification",), sample, build)
'''
LAYER = """
import keras


class Scaled(keras.layers.Layer):
    def call(self, x):
        return x / 255.0
"""
SWEEP = """
name = "mine"
tasks = ["brighter"]
spaces = ["own_layer"]
plugins = ["brighter.py", "spaces/"]
seeds = 1
[budget]
trials = 1
epochs = 1
"""
OPTIONS = ("--workers", "1", "--tracking", "none")


@pytest.fixture(autouse=True)
def _apart():
    yield
    registry.use([])


def write_project(folder):
    files = {
        "brighter.py": TASK,
        "halves.py": HALVES,
        "spaces/own_layer.py": SPACE,
        "spaces/_layers.py": LAYER,
        "mine.toml": SWEEP,
        "tasks.py": "raise RuntimeError('taken for the tasks of the harness')",
        "random.py": "raise RuntimeError('taken for the standard library')",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


SCRIPT = (str(Path(sys.executable).with_name("harness")),)
"""The command as it is installed; `python -m` looks into the current folder first."""


def call(folder, *words, program=SCRIPT):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*program, *map(str, words)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose sweep has run."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    answer = call(folder, "run", "mine.toml", *OPTIONS)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder


@pytest.fixture
def copy(project, tmp_path):
    """The same somewhere else."""
    shutil.copytree(project, tmp_path / "copy")
    return tmp_path / "copy"


def test_the_question_is_written_down_without_a_path_of_this_machine(project):
    results = project / "results" / "mine"
    written = tomllib.loads((results / "sweep.toml").read_text())
    assert written["plugins"] == ["../../brighter.py", "../../spaces"]
    assert read_journal(results).sweep.plugins == tuple(written["plugins"])
    for name in ("sweep.toml", "environment.json", "report.md"):
        assert str(project) not in (results / name).read_text(), name
    assert str(project) not in (results / "journal.jsonl").read_text().splitlines()[0]


def test_the_environment_knows_what_the_plugins_were(project):
    found = json.loads((project / "results/mine/environment.json").read_text())["plugins"]
    assert found == {
        f"../../{name}": hashlib.sha256((project / name).read_bytes()).hexdigest()
        for name in ("brighter.py", "halves.py", "spaces/own_layer.py")
    }


def test_the_file_in_the_folder_asks_the_same_question(copy):
    again = call(copy, "run", "results/mine/sweep.toml", *OPTIONS)
    assert again.returncode == 0, again.stderr
    assert "complete already" in again.stdout


def test_plugins_may_move_and_be_named_on_the_command_line(copy):
    (copy / "elsewhere").mkdir()
    for name in ("brighter.py", "halves.py", "spaces"):
        (copy / name).rename(copy / "elsewhere" / name)
    text = SWEEP.replace('plugins = ["brighter.py", "spaces/"]\n', "")
    (copy / "mine.toml").write_text(text)
    plugins = "elsewhere/brighter.py,elsewhere/spaces"
    again = call(copy, "run", "mine.toml", "--plugins", plugins, *OPTIONS)
    assert again.returncode == 0, again.stderr
    assert "complete already" in again.stdout


@pytest.mark.parametrize("gone", [False, True])
def test_what_the_folder_says_is_told_with_and_without_the_files(copy, monkeypatch, gone):
    if gone:
        for path in (copy / "brighter.py", copy / "halves.py"):
            path.unlink()
        shutil.rmtree(copy / "spaces")
    monkeypatch.chdir(copy)
    for words, said in [
        (("status", "results/mine"), "ended; 1 cell"),
        (("describe", "results/mine/brighter/own_layer"), "units"),
        (("report", "results/mine"), "report: "),
        (("report", "results/mine", "results/mine"), "brighter"),
        *([(("sync", "results/mine"), "runs written to ")] if gone else []),
    ]:
        answer = CliRunner().invoke(main, words)
        assert answer.exit_code == 0, answer.output
        assert said in answer.stdout
        lines = answer.stderr.splitlines()
        assert len(lines) == (2 * (len(words) - 1) if gone else 0), lines
        assert all(line.endswith("no such file or folder; left out") for line in lines)


def test_python_itself_finds_the_project_too(copy):
    """`python -m` looks into the current folder first; what is left then must not be in the way."""
    (copy / "random.py").unlink()
    (copy / "tasks.py").unlink()
    (copy / "tasks").mkdir()
    (copy / "tasks" / "__init__.py").write_text("raise RuntimeError('taken for the harness')")
    answer = call(copy, "run", "mine.toml", "--fresh", *OPTIONS, program=HARNESS)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_saved_model_loads_with_the_plugins_its_folder_remembers(project, monkeypatch):
    monkeypatch.chdir("/")
    model = load_model(project / "results/mine/models/brighter.own_layer.seed0.keras")
    assert "Scaled" in {type(layer).__name__ for layer in model.layers}


def test_a_saved_model_loads_after_the_project_has_moved(copy, tmp_path, monkeypatch):
    moved = tmp_path / "models"
    shutil.move(copy / "results/mine/models", moved)
    registry.use([copy / "spaces"])
    known = {
        name: path for name, path in plugin_files._folders.items() if path.is_relative_to(copy)
    }
    monkeypatch.setattr(plugin_files, "_folders", known)  # as in a process that begins here
    model = load_model(moved / "brighter.own_layer.seed0.keras")
    assert "Scaled" in {type(layer).__name__ for layer in model.layers}
    layer = next(layer for layer in model.layers if type(layer).__name__ == "Scaled")
    assert Path(sys.modules[type(layer).__module__].__file__).is_relative_to(copy)


def test_a_plugin_that_is_not_there_is_refused_by_name(copy):
    (copy / "brighter.py").unlink()
    answer = call(copy, "run", "mine.toml", *OPTIONS)
    assert answer.returncode == 2
    assert answer.stderr == "harness: mine.toml: plugin brighter.py: no such file or folder\n"


def test_a_task_that_is_broken_is_an_error_where_it_is_asked_for(copy):
    (copy / "brighter.py").write_text(TASK.replace("import random", "import nowhere_at_all"))
    answer = call(copy, "run", "mine.toml", *OPTIONS)
    assert answer.returncode == 2
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("harness: unknown task 'brighter'")
    assert "brighter.py, line 4: ModuleNotFoundError: No module named 'nowhere_at_all'" in last
    assert call(copy, "describe", "digits").returncode == 0
