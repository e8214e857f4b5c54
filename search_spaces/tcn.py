"""Temporal convolutional network: causal convolutions whose reach doubles with each level.

Bai et al. 2018, arXiv:1803.01271: residual blocks of two dilated causal convolutions with
dropout of whole channels. Keras has no weight normalisation; layer normalisation stands in
for it, which unlike batch normalisation mixes no steps and so stays causal in training.
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.sequence import SEQUENCE_KINDS, Sequence, sample_sequence, sequence_model
from harness.kinds import language_modeling
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class TCN(Sequence):
    """Configuration of a temporal convolutional network."""

    filters: int
    kernel: int
    """Steps that a convolution sees. The number of levels follows from it: enough for the
    last step to see the first."""


def sample(hp: HyperParameters, kind: Kind) -> TCN:
    """Draws a configuration."""
    filters = [64, 96, 128, 160] if kind == language_modeling.KIND else [16, 32, 64]
    return TCN(
        **sample_sequence(hp, kind, flatten=True),
        filters=hp.Choice("filters", filters, default=filters[-2]),
        kernel=hp.Choice("kernel", [2, 3, 5], default=3),
    )


def build(config: TCN, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""

    def body(x: Any) -> Any:
        for level in range(levels(config.kernel, x.shape[1])):
            x = _block(x, config, dilation=2**level)
        return x

    return sequence_model(config, spec, body)


def receptive_field(kernel: int, levels: int) -> int:
    """Steps that the last step's output depends on: two convolutions for each dilation."""
    return 1 + 2 * (kernel - 1) * (2**levels - 1)


def levels(kernel: int, steps: int) -> int:
    """The fewest levels whose receptive field covers a sequence of so many steps."""
    count = 1
    while receptive_field(kernel, count) < steps:
        count += 1
    return count


def _block(x: Any, config: TCN, dilation: int) -> Any:
    """Convolution, normalisation, ReLU, dropout, twice; the shortcut is added before a ReLU."""
    import keras

    shortcut = x
    if x.shape[-1] != config.filters:
        shortcut = keras.layers.Conv1D(config.filters, 1)(x)
    for _ in range(2):
        x = keras.layers.Conv1D(
            config.filters,
            config.kernel,
            padding="causal",
            dilation_rate=dilation,
            kernel_initializer="he_normal",
        )(x)
        x = keras.layers.ReLU()(keras.layers.LayerNormalization()(x))
        x = keras.layers.SpatialDropout1D(config.dropout)(x)
    return keras.layers.ReLU()(keras.layers.Add()([x, shortcut]))


tcn = SearchSpace("tcn", SEQUENCE_KINDS, sample, build)
