"""What augmentation acts on, of one input and of several."""

import keras
import numpy as np
import pytest

from harness.spec import DataSpec, HarnessError, TensorSpec
from harness.training.model import augmented

IMAGE = TensorSpec((2, 2, 1), "uint8")
AGE = TensorSpec((1,), "int32", size=9)


class Negative(keras.layers.Layer):
    def call(self, x, training=False):
        return -x if training else x


def spec_of(**inputs):
    return DataSpec(inputs, {"label": TensorSpec((), "uint8", size=2)}, "image_classification")


def passing(spec):
    """A model that gives back what it reads."""
    types = {"uint8": "float32"}  # as architectures read pixels
    inputs = {
        name: keras.Input(tensor.shape, dtype=types.get(tensor.dtype, tensor.dtype), name=name)
        for name, tensor in spec.inputs.items()
    }
    return keras.Model(inputs, {name: keras.ops.copy(x) for name, x in inputs.items()})


def test_augmentation_acts_on_the_image_and_passes_other_inputs():
    spec = spec_of(age=AGE, image=IMAGE)
    model = augmented(passing(spec), [Negative(), Negative(), Negative()], spec)
    x = {"age": np.array([[3]]), "image": np.ones((1, 2, 2, 1), "uint8")}
    trained, fitted = model(x, training=True), model(x, training=False)
    np.testing.assert_array_equal(trained["image"], -x["image"].astype("float32"))
    np.testing.assert_array_equal(fitted["image"], x["image"])
    for answer in (trained, fitted):
        np.testing.assert_array_equal(answer["age"], x["age"])
    assert keras.backend.standardize_dtype(trained["age"].dtype) == "int32"


def test_a_single_input_may_have_any_name():
    spec = spec_of(picture=IMAGE)
    model = augmented(passing(spec), [Negative()], spec)
    trained = model({"picture": np.ones((1, 2, 2, 1))}, training=True)
    assert float(keras.ops.max(trained["picture"])) == -1


def test_several_inputs_of_which_none_is_the_image_are_one_line():
    spec = spec_of(left=IMAGE, right=IMAGE)
    with pytest.raises(HarnessError, match="the inputs left, right; expected one called 'image'"):
        augmented(passing(spec), [Negative()], spec)
