"""Multi-layer perceptron on the flattened pixels: the architecture that knows no space."""

from dataclasses import dataclass
from typing import Any

from harness.blocks.image import classifier, image_input
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class MLP:
    """Configuration of a multi-layer perceptron."""

    layers: int
    units: int
    taper: bool
    """Whether each layer has half the units of the one before it."""
    batch_norm: bool
    dropout: float


def sample(hp: HyperParameters, kind: Kind) -> MLP:
    """Draws a configuration."""
    return MLP(
        layers=hp.Int("layers", 1, 4, default=2),
        units=hp.Choice("units", [64, 128, 256, 512, 1024], default=512),
        taper=hp.Boolean("taper", default=True),
        batch_norm=hp.Boolean("batch_norm", default=True),
        dropout=hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.3),
    )


def build(config: MLP, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    inputs, x = image_input(spec)
    x = keras.layers.Flatten()(x)
    for layer in range(config.layers):
        units = max(config.units >> layer, 16) if config.taper else config.units
        x = keras.layers.Dense(units, use_bias=not config.batch_norm)(x)
        if config.batch_norm:
            x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU()(x)
        if config.dropout:
            x = keras.layers.Dropout(config.dropout)(x)
    return classifier(inputs, x, spec)


mlp = SearchSpace("mlp", ("image_classification",), sample, build)
