"""Operations are those that a person counts by hand, and the same on every backend."""

import importlib.util
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from harness.training.arithmetic import forward_operations
from tests.conftest import environment

layers = keras.layers


def _model(kind, width=6):
    """A network, what it is given, and its operations counted by hand."""
    if kind == "dense":
        image = layers.Input((4,))
        return keras.Model(image, layers.Dense(3)(layers.Dense(5)(image))), (4,), 2 * (20 + 15)
    if kind == "convolution":
        image = layers.Input((8, 8, 2))
        x = layers.Conv2D(5, 3, padding="same")(image)
        x = layers.DepthwiseConv2D(3, padding="same")(x)
        x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
        return keras.Model(image, x), (8, 8, 2), 2 * (64 * 9 * 2 * 5 + 64 * 9 * 5 + 15)
    steps = 7
    past = layers.Input((steps, 4))
    if kind == "lstm":
        x = layers.Dense(3)(layers.LSTM(width)(past))
        return keras.Model(past, x), (steps, 4), 2 * (steps * 4 * width * (4 + width) + 3 * width)
    x = layers.MultiHeadAttention(2, 8)(past, past)
    x = layers.Dense(3)(layers.GlobalAveragePooling1D()(x))
    projections, attention = 4 * steps * 4 * 16, 2 * 2 * steps * steps * 8
    return keras.Model(past, x), (steps, 4), 2 * (projections + attention + 12)


KINDS = ["dense", "convolution", "lstm", "attention"]


def counted(kind):
    model, shape, expected = _model(kind)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=False)
    x, y = np.zeros((2, *shape), "float32"), np.zeros(2, "int32")
    return forward_operations(model, x, y), 2 * expected


@pytest.mark.parametrize("kind", KINDS)
def test_operations_are_those_counted_by_hand(kind):
    found, expected = counted(kind)
    assert found == expected


ELSEWHERE = """
import json
from tests.training import test_arithmetic as tests
print(json.dumps([tests.counted(kind) for kind in tests.KINDS]))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_likewise_on_other_backends(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        env=environment(KERAS_BACKEND=backend), capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for found, expected in json.loads(run.stdout.splitlines()[-1]):
        assert found == expected
