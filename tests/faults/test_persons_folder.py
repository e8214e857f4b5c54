"""What lies in a person's folder and home decides nothing: the same scores as without."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.journal.read import read_journal

SWEEP = """
name = "s"
tasks = ["digits"]
spaces = ["cnn"]
seeds = [0]
[budget]
trials = 1
epochs = 1
"""
NAMES = ("random", "queue", "tasks", "harness", "keras", "numpy", "matplotlib")
KERAS = {"floatx": "float16", "epsilon": 0.01, "image_data_format": "channels_first",
         "backend": "torch", "nnx_enabled": False}  # fmt: skip
NOTEBOOK = {"MPLBACKEND": "module://a_backend_of_a_notebook", "JPY_PARENT_PID": "1",
            "CLICOLOR": "1", "TERM": "xterm-color", "PAGER": "cat"}  # fmt: skip


def harness(folder, *words, **variables):
    """Calls the command in a folder, as its script does: that has no current folder to look in."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-P", "-m", "harness", *words], cwd=folder, capture_output=True,
        text=True, timeout=400, env={**kept, **variables},
    )  # fmt: skip


WORDS = ("run", "sweep.toml", "--workers", "1", "--tracking", "none", "--output", "out")


def run(folder, **variables):
    (folder / "sweep.toml").write_text(SWEEP)
    done = harness(folder, *WORDS, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return found(folder)


def found(folder):
    """What a sweep has measured."""
    results = read_journal(folder / "out" / "s").results
    return [
        (result.task, result.space, result.phase, result.score, dict(result.metrics))
        for result in results
    ]


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """What the sweep measures where nothing is in its way."""
    return run(tmp_path_factory.mktemp("calm"))


@pytest.fixture
def hostile(tmp_path):
    """A folder with files called as modules are, and variables of a hostile home."""
    folder, home = tmp_path / "folder", tmp_path / "keras"
    folder.mkdir()
    home.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text("raise RuntimeError('a file of the person')\n")
    (home / "keras.json").write_text(json.dumps(KERAS))
    limits = {"KERAS_MAX_EPOCHS": "0", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    return folder, {"KERAS_HOME": str(home), **limits, **NOTEBOOK}


def test_a_sweep_finds_the_same_in_a_hostile_folder(hostile, calm):
    folder, variables = hostile
    assert run(folder, **variables) == calm
    environment = json.loads((folder / "out" / "s" / "environment.json").read_text())
    assert environment["keras"]["image_data_format"] == "channels_last"
    assert environment["variables"]["KERAS_MAX_STEPS_PER_EPOCH"] == "1"


@pytest.mark.long
def test_a_sweep_finds_the_same_in_a_cell_of_a_notebook(hostile, calm):
    nbformat = pytest.importorskip("nbformat")  # of nbclient
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    folder, variables = hostile
    (folder / "sweep.toml").write_text(SWEEP)
    cell = nbformat.v4.new_code_cell(f"!harness {' '.join(WORDS)}")
    told = nbformat.v4.new_code_cell("import os; print(os.environ['MPLBACKEND'])")
    notebook = nbformat.v4.new_notebook(cells=[told, cell])
    own = {"PYTHONPATH", *NOTEBOOK}  # the latter are set by a kernel itself
    kernel = {name: value for name, value in os.environ.items() if name not in own}
    variables = {name: value for name, value in variables.items() if name not in own}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    client = nbclient.NotebookClient(
        notebook, timeout=400, resources={"metadata": {"path": folder}}
    )
    client.execute(env={**kernel, **variables, "PATH": path})
    backend, printed = (
        "".join(output["text"] for output in each["outputs"]) for each in notebook["cells"]
    )
    print(backend, printed)
    assert backend.startswith("module://matplotlib_inline")
    assert found(folder) == calm
    assert "Traceback" not in printed
    assert printed.count("accuracy") < 10  # a line for each event, and no table over and over
    assert "\x1b[1A" not in printed
    assert "report: out/s/report.html" in printed


def test_data_is_prepared_alike_and_doctor_finds_nothing_wrong(hostile, tmp_path):
    folder, variables = hostile
    said = [
        harness(where, "prepare", "digits", HARNESS_CACHE=str(tmp_path / cache), **given)
        for where, cache, given in ((folder, "a", variables), (tmp_path, "b", {}))
    ]
    assert [(done.returncode, done.stderr) for done in said] == [(0, "")] * 2
    first, second = (done.stdout.replace(str(tmp_path), "").split() for done in said)
    assert first[-1] == second[-1]
    done = harness(folder, "doctor", "--tracking", "none", **variables)
    assert done.returncode == 0, done.stdout
    assert "RuntimeError" not in done.stdout
