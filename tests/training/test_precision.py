"""Networks in 16 bits: which layers compute in them, and that they learn as in 32."""

import importlib.util
import subprocess
import sys

import pytest

from tests.conftest import environment

LEARNING = """
import keras
import numpy as np

from harness.models import load_model
from harness.training.precision import computing_in


def build():
    x = keras.Input((6, 3), name="sequence")
    y = keras.layers.Dense(8)(x)
    y = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(y)
    y = keras.layers.RNN(keras.layers.GRUCell(4))(y)
    return keras.Model(x, keras.layers.Dense(1, dtype="float32")(y))


def fitted(policy):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = computing_in(policy, build)
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(32, 6, 3)).astype("float32")
    losses = model.fit(x, x[:, :, 0].sum(1), epochs=8, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0], (policy, losses)
    model.save(f"{folder}/{policy}.keras")
    again = load_model(f"{folder}/{policy}.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    return model, losses


folder = FOLDER
assert keras.config.dtype_policy().name == "float32"
(plain, losses), (mixed, losses_16) = fitted("float32"), fitted("mixed_bfloat16")
assert keras.config.dtype_policy().name == "float32"
np.testing.assert_allclose(losses, losses_16, rtol=0.02)
assert losses != losses_16
recurrent = (keras.layers.RNN, keras.layers.LSTMCell, keras.layers.GRUCell)
for model, dense in ((plain, "float32"), (mixed, "bfloat16")):
    assert {v.dtype for v in model.weights} == {"float32"}
    assert model.layers[1].compute_dtype == dense
    found = [layer for layer in model._flatten_layers() if isinstance(layer, recurrent)]
    assert len(found) == 6
    assert {layer.compute_dtype for layer in found} == {"float32"}
"""


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.long)])
def test_all_but_recurrent_layers_compute_in_16_bits(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    code = LEARNING.replace("FOLDER", repr(str(tmp_path)))
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300,
        env=environment(KERAS_BACKEND=backend),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
