"""What surrounds a person's shell does not reach the processes of the harness."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.system import isolation, keras_settings

ROOT = Path(harness.__file__).parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder, with files that are called as modules are."""
    for name in ("random", "queue", "tasks", "harness", "keras", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a file of the person')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path


def test_the_current_folder_is_no_place_for_modules(project, monkeypatch):
    before = [path for path in sys.path if path]
    for first in ("", str(project)):
        monkeypatch.setattr(sys, "path", [first, *before])
        assert isolation.search_path() == before


def test_a_folder_that_the_person_has_chosen_stays(project, monkeypatch):
    paths = [str(project), *sys.path]
    monkeypatch.setattr(sys, "path", paths)
    monkeypatch.setenv("PYTHONPATH", str(project))
    assert isolation.search_path()[0] == str(project)
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setattr(sys, "path", ["/elsewhere", *paths])  # an installation edited in place
    assert isolation.search_path()[:2] == ["/elsewhere", str(project)]


def test_the_harness_itself_is_found(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    assert isolation.search_path()[0] == str(ROOT)


PROGRAM = """
import random, queue, sys
import numpy, harness.spec
print(random.__file__, queue.__file__, numpy.__file__, harness.__file__)
"""


def test_files_called_as_modules_are_not_imported(project):
    run = subprocess.run([*isolation.PYTHON, "-c", PROGRAM], env=isolation.variables(),
                         capture_output=True, text=True)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert str(project) not in run.stdout


def test_variables_are_set_anew_and_those_of_numbers_are_recorded(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/home/person/cache")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush")
    assert isolation.variables()["MPLBACKEND"] == "Agg"
    recorded = isolation.recorded()
    assert recorded["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert recorded["JAX_COMPILATION_CACHE_DIR"] == "(a path)"
    assert "hush" not in json.dumps(recorded)
    assert os.environ["MPLBACKEND"].startswith("module")


@pytest.mark.parametrize(
    "content, differs",
    [
        (None, False),
        ("{}", False),
        (json.dumps(dict(keras_settings.SETTINGS)), False),
        ('{"backend": "jax", "floatx": "float32"}', False),
        ('{"image_data_format": "channels_first"}', True),
        ('{"epsilon": 0.1}', True),
        ("{", True),
        ("[]", True),
    ],
)
def test_a_file_of_keras_that_says_something_else_is_seen(tmp_path, monkeypatch, content, differs):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if content is not None:
        (tmp_path / "keras.json").write_text(content)
    assert keras_settings.file_differs() is differs
