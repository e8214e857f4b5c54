"""Convolutional network as in the textbook: convolution, pooling, dense.

After LeCun et al. 1998, with batch normalisation (Ioffe and Szegedy 2015) and dropout
(Srivastava et al. 2014) as choices.
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.image import classifier, image_input
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace

SMALLEST_SIDE = 4
"""Images are not pooled below this height and width."""
MOST_FILTERS = 64
"""Where doubling stops, to keep every configuration affordable without a GPU."""


@dataclass(frozen=True)
class CNN:
    """Configuration of a convolutional network."""

    blocks: int
    """Convolutions followed by a pooling; each block has twice the filters of the last."""
    convolutions: int
    """Convolutions in each block but the first, which has one: it sees the most pixels."""
    filters: int
    """Filters of the first block."""
    kernel: int
    """Always 3 where blocks have two convolutions, which together see as far as one of 5."""
    pooling: str
    """`max` or `average`."""
    batch_norm: bool
    head: str
    """`dense`: flatten, then a dense layer; `average`: global average pooling."""
    units: int | None
    """Of the dense layer; `None` without one."""
    dropout: float
    """Before the dense layers."""


def sample(hp: HyperParameters, kind: Kind) -> CNN:
    """Draws a configuration."""
    head = hp.Choice("head", ["dense", "average"], default="dense")
    with hp.conditional_scope("head", ["dense"]):
        units = hp.Choice("units", [64, 128, 256], default=128)
    convolutions = hp.Int("convolutions", 1, 2, default=2)
    with hp.conditional_scope("convolutions", [1]):
        kernel = hp.Choice("kernel", [3, 5], default=3)
    return CNN(
        blocks=hp.Int("blocks", 1, 3, default=3),
        convolutions=convolutions,
        filters=hp.Choice("filters", [8, 16, 24, 32], default=32),
        kernel=kernel if convolutions == 1 else 3,
        pooling=hp.Choice("pooling", ["max", "average"], default="max"),
        batch_norm=hp.Boolean("batch_norm", default=True),
        head=head,
        units=units if head == "dense" else None,
        dropout=hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.3),
    )


def build(config: CNN, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    pool = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
    inputs, x = image_input(spec)
    for block in range(config.blocks):
        for _ in range(config.convolutions if block else 1):
            x = _convolution(x, config, min(config.filters << block, MOST_FILTERS))
        if min(x.shape[1:3]) >= 2 * SMALLEST_SIDE:
            x = pool[config.pooling](2, padding="same")(x)
    if config.head == "average":
        x = keras.layers.GlobalAveragePooling2D()(x)
    else:
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dropout(config.dropout)(x)
        x = keras.layers.Dense(config.units, activation="relu")(x)
    x = keras.layers.Dropout(config.dropout)(x)
    return classifier(inputs, x, spec)


def _convolution(x: Any, config: CNN, filters: int) -> Any:
    import keras

    x = keras.layers.Conv2D(
        filters,
        config.kernel,
        padding="same",
        use_bias=not config.batch_norm,
        kernel_initializer="he_normal",
    )(x)
    if config.batch_norm:
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return keras.layers.ReLU()(x)


cnn = SearchSpace("cnn", ("image_classification",), sample, build)
