"""Translation architectures: no padding and no future is seen, decoding is what training was."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from harness.models import load_model
from harness.spec import HarnessError
from tests import translators
from tests.training.test_backends import WITHOUT_TENSORFLOW

ROOT = Path(__file__).parents[2]

each_space = pytest.mark.parametrize("space", translators.SPACES, ids=lambda space: space.name)


@each_space
def test_an_architecture_reads_and_writes_as_it_should(space):
    for config, model in translators.models(space, 3):
        for check in translators.CHECKS:
            check(config, model)


@pytest.mark.parametrize("searched", [0, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_holds_on_other_backends(backend, searched, tmp_path):
    """Searches ask of an architecture for the steps that are checked of each; compiling takes
    long."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)
    answer = subprocess.run(
        [sys.executable, "-m", "tests.translators", "1", str(searched)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "KERAS_BACKEND": backend,
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # the time goes into compiling
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    names = [space.name for space in translators.SPACES]
    assert answer.stdout.split() == [backend, *names], answer.stderr[-2000:]


def test_saved_models_write_the_same_in_a_process_of_their_own(tmp_path):
    expected = {}
    for space in translators.SPACES:
        *_, (_, model) = translators.models(space, 2)
        model.save(tmp_path / f"{space.name}.keras")
        expected[space.name] = first_step(model)
    script = """
import sys
import numpy as np
from harness.models import load_model
from tests.search_spaces.test_translation_spaces import first_step

np.savez(sys.argv[1], **{path[:-6]: first_step(load_model(path)) for path in sys.argv[2:]})
"""
    names = [f"{name}.keras" for name in expected]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", script, "found.npz", *names],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    found = np.load(tmp_path / "found.npz")
    for name, logits in expected.items():
        np.testing.assert_allclose(found[name], logits, atol=1e-5)


def first_step(model):
    """Logits behind the first tokens."""
    translator = model.get_layer("translator")
    context, state = translator.begin(translators.SOURCE, 4)
    tokens = keras.ops.convert_to_tensor(translators.TARGET[:, 0])
    return keras.ops.convert_to_numpy(translator.step(tokens, 0, context, state)[0])


def test_what_is_no_model_is_told(tmp_path):
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(HarnessError, match=r"model\.keras: not a saved Keras model"):
        load_model(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", '{"module": "search_spaces.gone", "class_name": "Gone"}')
    with pytest.raises(HarnessError, match=r"model\.keras: cannot be loaded \("):
        load_model(tmp_path / "model.keras")


@each_space
def test_languages_share_an_embedding_where_they_share_a_vocabulary(space):
    def size(spec, shared):
        config, _ = next(translators.models(space, 1))
        config = type(config)(**{**vars(config), "shared": shared})
        return space.build(config, spec).count_params()

    one, two = translators.translation_spec(), translators.translation_spec("source", "target")
    assert size(one, shared=True) < size(one, shared=False)
    assert size(two, shared=True) == size(two, shared=False)
