"""What every image classification task shares: names and augmentation."""

from typing import Any

from harness.spec import DataSpec, Kind

KIND: Kind = "image_classification"
IMAGE = "image"


def shift(spec: DataSpec) -> list[Any]:
    """Random shifts of up to a tenth of the image, filled with black."""
    import keras

    # Seeds left to Keras are drawn from the global seed.
    return [keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant")]


def flip_and_shift(spec: DataSpec) -> list[Any]:
    """Random mirror images, left to right, and random shifts."""
    import keras

    return [keras.layers.RandomFlip("horizontal"), *shift(spec)]
