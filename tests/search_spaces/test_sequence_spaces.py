"""Sequence architectures: they never look ahead, and their heads do what their fields say."""

import dataclasses
import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from harness.search_spaces import tcn

from harness.spec import DataSpec, TensorSpec
from tests.causality import BODIES, check, text_spec
from tests.training.test_backends import WITHOUT_TENSORFLOW

ROOT = Path(__file__).parents[2]
STEPS, HORIZON = 37, 5

each_body = pytest.mark.parametrize("space", BODIES, ids=lambda space: space.name)


def text(space, steps=16, vocabulary=1000, **values):
    """A language model, the default one but for these hyperparameters, and a few texts."""
    spec = text_spec(steps, vocabulary)
    tokens = np.random.default_rng(1).integers(0, vocabulary, (4, steps), dtype="int32")
    return built(space, spec, values), {"tokens": tokens}


def series(space, count=3, forecast=None, **values):
    """A forecasting model, the default one but for these hyperparameters, and a few pasts."""
    outputs = {"future": TensorSpec((HORIZON, forecast or count), "float32")}
    inputs = {"past": TensorSpec((STEPS, count), "float32")}
    past = np.random.default_rng(2).normal(size=(4, STEPS, count)).astype("float32")
    return built(space, DataSpec(inputs, outputs, "time_series_forecasting"), values), past


def built(space, spec, values):
    keras.utils.set_random_seed(0)
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return space.build(space.sample(hp, spec.kind), spec)


def stirred(model):
    """The model with random weights where all begin at zero, so that each part counts."""
    for weight in model.trainable_weights:
        if len(weight.shape) > 1 and not np.any(keras.ops.convert_to_numpy(weight)):
            weight.assign(keras.random.normal(weight.shape, stddev=0.1, seed=0))
    return model


def future(model, past):
    return keras.ops.convert_to_numpy(model({"past": past}, training=False)["future"])


# --- causality --------------------------------------------------------------------


@each_body
def test_no_body_sees_the_future(space):
    check(space)


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_no_body_sees_the_future_on_another_backend(backend, count, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)
    answer = subprocess.run(
        [sys.executable, "-m", "tests.causality", str(count)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "KERAS_BACKEND": backend,
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # the time goes into compiling
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.split() == [backend, *(body.name for body in BODIES)]


@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("steps", [1, 64, 200])
def test_the_convolutions_reach_the_first_step_and_hardly_further(kernel, steps):
    levels = tcn.levels(kernel, steps)
    assert tcn.receptive_field(kernel, levels) >= steps
    assert levels == 1 or tcn.receptive_field(kernel, levels - 1) < steps


def test_the_last_convolution_sees_the_first_step():
    spec = DataSpec(
        {"sequence": TensorSpec((200, 2), "float32")},
        {"value": TensorSpec((1,), "float32")},
        "sequence_regression",
    )
    model = built(tcn.tcn, spec, {})
    sequences = np.random.default_rng(3).normal(size=(1, 200, 2)).repeat(2, axis=0)
    sequences[1, 0] += 3
    without, seen = model({"sequence": sequences}, training=False)["value"]
    assert abs(float(seen[0]) - float(without[0])) > 1e-4


# --- language modeling ------------------------------------------------------------


@each_body
@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_features_times_the_vocabulary(space, tied):
    model, tokens = text(space, vocabulary=100, tied=tied, embedding=128)
    features = keras.Model(model.inputs, model.get_layer("features").output)(tokens)
    vocabulary = model.get_layer("vocabulary")
    weights = [keras.ops.convert_to_numpy(weight) for weight in vocabulary.weights]
    if tied:
        assert isinstance(vocabulary, keras.layers.ReversibleEmbedding)
        ((matrix,), bias) = weights, 0
        assert matrix.shape == (100, 128)
        matrix = matrix.T
    else:
        assert isinstance(vocabulary, keras.layers.Dense)
        matrix, bias = weights
    logits = model(tokens, training=False)["next_token"]
    assert logits.dtype == "float32"
    expected = keras.ops.convert_to_numpy(features) @ matrix + bias
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@each_body
def test_the_first_loss_is_that_of_equal_probabilities(space):
    model, tokens = text(space)
    logits = model(tokens, training=False)["next_token"]
    following = np.roll(tokens["tokens"], -1, axis=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(following, logits)
    assert float(loss) == pytest.approx(math.log(1000), rel=0.1)


# --- forecasting ------------------------------------------------------------------


@each_body
@pytest.mark.parametrize(
    "count, forecast, mixing, patch",
    [(1, 1, "independent", 16), (7, 7, "independent", 1), (7, 7, "mixed", 16),
     (3, 2, "independent", 16), (2, 3, "mixed", 1)],
)  # fmt: skip
def test_any_past_gives_the_future_that_was_asked_for(space, count, forecast, mixing, patch):
    model, past = series(space, count, forecast, patch=patch, channels=mixing)
    assert future(model, past).shape == (4, HORIZON, forecast)


@each_body
def test_independent_channels_do_not_hear_of_each_other(space):
    for mixing in ("independent", "mixed"):
        model, past = series(space, channels=mixing)
        stirred(model)
        other = past.copy()
        other[:, :, 0] = past[::-1, :, 0]
        change = np.abs(future(model, other) - future(model, past)).max(axis=(0, 1))
        assert change[0] > 1e-3
        assert (change[1:] < 1e-6).all() == (mixing == "independent")


@each_body
def test_the_level_of_the_past_is_the_level_of_the_future(space):
    model, past = series(space, normalize=True)
    stirred(model)
    np.testing.assert_allclose(future(model, past + 3), future(model, past) + 3, atol=1e-4)
    model, past = series(space, normalize=False)
    stirred(model)
    assert not np.allclose(future(model, past + 3), future(model, past) + 3, atol=1e-2)


@each_body
def test_forecasts_begin_at_the_last_value(space):
    model, past = series(space)
    np.testing.assert_allclose(future(model, past), past[:, -1:].repeat(HORIZON, 1), atol=1e-6)


@each_body
def test_the_linear_part_stands_beside_the_body(space):
    parts = [series(space, linear=linear)[0].count_params() for linear in (True, False)]
    assert parts[0] - parts[1] == (STEPS + 1) * HORIZON


@pytest.mark.parametrize("name", ["tcn", "transformer"])
def test_a_forecast_can_be_read_from_all_steps(name):
    (space,) = (body for body in BODIES if body.name == name)
    every, past = series(space, patch=8, readout="flatten")
    last, _ = series(space, patch=8, readout="last")
    assert every.count_params() > last.count_params()
    assert future(every, past).shape == (4, HORIZON, 3)


@each_body
def test_a_saved_forecaster_predicts_the_same(space, tmp_path):
    model, past = series(space)
    stirred(model).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_allclose(future(loaded, past), future(model, past), atol=1e-6)


# --- sampling ---------------------------------------------------------------------


@each_body
def test_fields_of_other_kinds_have_no_value(space):
    only = {
        "language_modeling": {"embedding", "tied"},
        "time_series_forecasting": {"channels", "normalize", "patch", "linear"},
        "sequence_regression": set(),
    }
    for kind, own in only.items():
        config = dataclasses.asdict(space.sample(keras_tuner.HyperParameters(), kind))
        others = set().union(*only.values()) - own
        assert all(config[name] is not None for name in own)
        assert all(config[name] is None for name in others)
