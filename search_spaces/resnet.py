"""Residual network for small images.

He et al. 2016, arXiv:1512.03385, section 4.2, and its pre-activation form, He et al. 2016,
arXiv:1603.05027. KerasHub's ResNet shrinks images fourfold before its first block, too much
for images of 8 to 32 pixels.
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.image import classifier, image_input
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace

SMALLEST_SIDE = 4
"""Stages do not shrink images below this height and width."""
LARGE_SIDE = 16
"""Images of at least this height and width may be shrunk by the stem."""


@dataclass(frozen=True)
class ResNet:
    """Configuration of a residual network."""

    width: int
    """Filters of the first stage; each stage has twice those of the last."""
    stages: int
    blocks: int
    """Residual blocks in a stage, two convolutions each."""
    stem_stride: int
    """2 halves larger images at once, for a quarter of the cost."""
    pre_activation: bool
    dropout: float
    """Before the classifier."""


def sample(hp: HyperParameters, kind: Kind) -> ResNet:
    """Draws a configuration."""
    # Each range keeps its half of the space affordable without a GPU.
    stem_stride = hp.Choice("stem_stride", [1, 2], default=2)
    with hp.conditional_scope("stem_stride", [1]):
        narrow = hp.Choice("narrow_width", [8, 16], default=16)
    with hp.conditional_scope("stem_stride", [2]):
        wide = hp.Choice("width", [16, 24, 32], default=32)
    return ResNet(
        width=narrow if stem_stride == 1 else wide,
        stages=hp.Int("stages", 2, 3, default=3),
        blocks=hp.Int("blocks", 1, 2, default=1),
        stem_stride=stem_stride,
        pre_activation=hp.Boolean("pre_activation", default=False),
        dropout=hp.Float("dropout", 0.0, 0.4, step=0.1, default=0.0),
    )


def build(config: ResNet, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    block = _pre_activation_block if config.pre_activation else _block
    inputs, x = image_input(spec)
    x = _convolution(x, config.width, config.stem_stride if min(x.shape[1:3]) >= LARGE_SIDE else 1)
    if not config.pre_activation:
        x = _normalise_and_activate(x)
    for stage in range(config.stages):
        for number in range(config.blocks):
            shrink = stage > 0 and number == 0 and min(x.shape[1:3]) >= 2 * SMALLEST_SIDE - 1
            x = block(x, config.width << stage, stride=2 if shrink else 1)
    if config.pre_activation:
        x = _normalise_and_activate(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout)(x)
    return classifier(inputs, x, spec)


def _block(x: Any, filters: int, stride: int) -> Any:
    """Convolution, normalisation, ReLU, twice; the shortcut is added before the last ReLU."""
    import keras

    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, stride, kernel=1)
        shortcut = keras.layers.BatchNormalization(momentum=0.9)(shortcut)
    x = _normalise_and_activate(_convolution(x, filters, stride))
    x = keras.layers.BatchNormalization(momentum=0.9)(_convolution(x, filters))
    return keras.layers.ReLU()(keras.layers.Add()([x, shortcut]))


def _pre_activation_block(x: Any, filters: int, stride: int) -> Any:
    """Normalisation, ReLU, convolution, twice; nothing follows the addition."""
    import keras

    shortcut = x
    x = _normalise_and_activate(x)
    if stride > 1 or shortcut.shape[-1] != filters:
        shortcut = _convolution(x, filters, stride, kernel=1)
    x = _normalise_and_activate(_convolution(x, filters, stride))
    return keras.layers.Add()([_convolution(x, filters), shortcut])


def _convolution(x: Any, filters: int, stride: int = 1, kernel: int = 3) -> Any:
    import keras

    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)


def _normalise_and_activate(x: Any) -> Any:
    import keras

    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


resnet = SearchSpace("resnet", ("image_classification",), sample, build)
