"""What the image architectures share: the scaled input and the classifying head."""

from typing import Any

from harness.spec import DataSpec


def image_input(spec: DataSpec) -> tuple[Any, Any]:
    """The model's input, raw pixels 0 to 255, and the same pixels scaled to -1 to 1.

    Returns:
        The `keras.Input` and the scaled tensor, both (examples, height, width, channels).
    """
    import keras

    ((name, tensor),) = spec.inputs.items()
    inputs = keras.Input(tensor.shape, dtype="float32", name=name)
    return inputs, keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)


def classifier(inputs: Any, features: Any, spec: DataSpec) -> Any:
    """The `keras.Model` that ends in one logit for each class, from features (examples, units)."""
    import keras

    ((name, tensor),) = spec.outputs.items()
    # float32: logits keep their precision when the rest computes in 16 bits.
    logits = keras.layers.Dense(tensor.size, dtype="float32", name=name)(features)
    return keras.Model({inputs.name: inputs}, {name: logits})
