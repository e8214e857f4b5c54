"""Translation architectures: no padding and no future is seen, decoding is what training was."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests import translators

each_space = pytest.mark.parametrize("space", translators.SPACES, ids=lambda space: space.name)


@pytest.mark.parametrize("check", translators.CHECKS, ids=lambda check: check.__name__)
@each_space
def test_an_architecture_reads_and_writes_as_it_should(space, check):
    for config, model in translators.models(space, 3):
        check(config, model)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_holds_on_other_backends(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    answer = subprocess.run(
        [sys.executable, "-m", "tests.translators", "1"],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    names = [space.name for space in translators.SPACES]
    assert answer.stdout.split() == [backend, *names], answer.stderr[-2000:]


@each_space
def test_a_loaded_model_writes_the_same(space, tmp_path):
    *_, (_, model) = translators.models(space, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    found = []
    for each in (model, loaded):
        translator = each.get_layer("translator")
        context, state = translator.begin(translators.SOURCE, 4)
        tokens = keras.ops.convert_to_tensor(translators.TARGET[:, 0])
        found.append(translator.step(tokens, 0, context, state)[0])
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, found), atol=1e-6)


@each_space
def test_languages_share_an_embedding_where_they_share_a_vocabulary(space):
    def size(spec, shared):
        config, _ = next(translators.models(space, 1))
        config = type(config)(**{**vars(config), "shared": shared})
        return space.build(config, spec).count_params()

    one, two = translators.translation_spec(), translators.translation_spec(source=31)
    assert size(one, shared=True) < size(one, shared=False)
    assert size(two, shared=True) == size(two, shared=False)
