"""What the image architectures share: the scaled input and the classifying head.

An architecture's `build(config, spec)` is `inputs, x = image_input(spec)`, layers from `x` to
features (examples, units), and `return classifier(inputs, features, spec)`.
"""

from typing import Any

from harness.blocks.tensors import only
from harness.spec import DataSpec


def image_input(spec: DataSpec) -> tuple[Any, Any]:
    """The model's input as the task stores it, and the same pixels scaled to -1 to 1.

    Integers are pixels 0 to 255, floats are 0 to 1: see `harness.kinds.image_classification`.

    Returns:
        The `keras.Input` and the scaled tensor, both (examples, height, width, channels).

    Raises:
        HarnessError: the task has more inputs than the image.
    """
    import keras

    name, tensor = only(spec.inputs, "input")
    inputs = keras.Input(tensor.shape, dtype="float32", name=name)
    scale = 2.0 if tensor.dtype.startswith("float") else 1 / 127.5
    return inputs, keras.layers.Rescaling(scale, offset=-1, name="scale")(inputs)


def classifier(inputs: Any, features: Any, spec: DataSpec) -> Any:
    """The `keras.Model` that ends in one logit for each class, from features (examples, units).

    Raises:
        HarnessError: the task has more outputs than the class.
    """
    import keras

    name, tensor = only(spec.outputs, "output")
    # float32: logits keep their precision when the rest computes in 16 bits.
    logits = keras.layers.Dense(tensor.size, dtype="float32", name=name)(features)
    return keras.Model({inputs.name: inputs}, {name: logits})
