"""How image architectures read pixels, and what they say of tasks they cannot read."""

import keras
import numpy as np
import pytest

from harness.blocks.image import classifier, image_input
from harness.spec import DataSpec, HarnessError, TensorSpec

LABEL = {"label": TensorSpec((), "uint8", size=3)}
IMAGE = TensorSpec((4, 4, 1), "uint8")


def scaled(dtype, pixels):
    spec = DataSpec({"image": TensorSpec((4, 4, 1), dtype)}, LABEL, "image_classification")
    return keras.Model(*image_input(spec))(pixels)


def test_bytes_and_floats_of_the_same_images_are_scaled_alike():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1)).astype("uint8")
    found = scaled("uint8", pixels)
    np.testing.assert_allclose(found, pixels / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(scaled("float32", pixels / np.float32(255)), found, atol=1e-6)


def test_a_task_of_two_inputs_or_outputs_is_refused_by_their_names():
    spec = DataSpec({"image": IMAGE, "age": TensorSpec((1,), "float32")}, LABEL, "translation")
    with pytest.raises(HarnessError, match="the task has the inputs image, age; expected one"):
        image_input(spec)
    spec = DataSpec({"image": IMAGE}, {**LABEL, "size": IMAGE}, "image_classification")
    with pytest.raises(HarnessError, match="the task has the outputs label, size; expected one"):
        classifier(*[keras.Input((4,))] * 2, spec)
