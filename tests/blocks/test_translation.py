"""Saved translators, loaded in a process that has imported nothing of the harness."""

import json
import subprocess
import sys
import zipfile

import keras
import keras_tuner
import numpy as np
import pytest

from tests.translators import SOURCE, SPACES, TARGET, logits, translation_spec

LOAD = """
import importlib, pathlib, sys
import keras, numpy as np
{load}
for path in pathlib.Path(sys.argv[1]).glob("*.keras"):
    batch = dict(np.load(path.with_suffix(".npz")))
    expected = batch.pop("expected")
    found = load(path).predict_on_batch(batch)["next_token"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    print(path.stem)
"""
BY_THE_HARNESS = "from harness.models import load_model as load"
BY_KERAS = "load = keras.models.load_model"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a model of each architecture, and what it answers."""
    folder = tmp_path_factory.mktemp("saved")
    for space in SPACES:
        keras.utils.set_random_seed(0)
        config = space.sample(keras_tuner.HyperParameters(), "translation")
        model = space.build(config, translation_spec())
        model.save(folder / f"{space.name}.keras")
        answer = logits(model, SOURCE, TARGET)
        np.savez(folder / f"{space.name}.npz", source=SOURCE, target=TARGET, expected=answer)
    return folder


def loaded(folder, code):
    """Names of the models that this code loads, and that answer as before."""
    command = [sys.executable, "-c", LOAD.format(load=code), folder]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    return sorted(answer.stdout.split())


def test_the_harness_loads_translators(saved):
    assert loaded(saved, BY_THE_HARNESS) == [space.name for space in SPACES]


def test_keras_loads_translators_once_the_modules_that_their_files_name_are_imported(saved):
    """Keras 3 imports no module that a file names, unless it is its own."""
    modules = set()
    for path in saved.glob("*.keras"):
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        modules |= {layer["module"] for layer in config["config"]["layers"]} - {"keras.layers"}
    assert modules == {
        "harness.blocks.recurrent_translator",
        "harness.blocks.transformer_translator",
    }
    imports = "\n".join(f"importlib.import_module({module!r})" for module in modules)
    assert loaded(saved, f"{imports}\n{BY_KERAS}") == [space.name for space in SPACES]
