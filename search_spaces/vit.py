"""Vision Transformer: the image as a sequence of patches.

Dosovitskiy et al. 2021, arXiv:2010.11929 (pre-norm encoder, learned positions, class token);
average pooling instead of the token and the convolutional stem after Beyer et al. 2022,
arXiv:2205.01580, and Xiao et al. 2021, arXiv:2106.14881.
"""

import math
from dataclasses import dataclass
from typing import Any

from harness.blocks.image import classifier, image_input
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class ViT:
    """Configuration of a Vision Transformer."""

    grid: int
    """Most patches along each side; the patch size follows from the image size."""
    stem: str
    """`patches`: patches are projected as they are; `convolution`: a 3 x 3 convolution first."""
    depth: int
    dim: int
    """Width of a token."""
    heads: int
    mlp_ratio: int
    """Width of the feed-forward layer, in widths of a token."""
    pooling: str
    """`token`: a class token is classified; `average`: the mean of all patches."""
    dropout: float


def sample(hp: HyperParameters, kind: Kind) -> ViT:
    """Draws a configuration."""
    # Four times the patches cost four times as much: each range keeps its half affordable.
    grid = hp.Choice("grid", [4, 8], default=8)
    with hp.conditional_scope("grid", [4]):
        wide = hp.Choice("dim", [64, 96, 128], default=96)
    with hp.conditional_scope("grid", [8]):
        narrow = hp.Choice("narrow_dim", [32, 48, 64], default=64)
    return ViT(
        grid=grid,
        stem=hp.Choice("stem", ["patches", "convolution"], default="convolution"),
        depth=hp.Int("depth", 1, 4, default=2),
        dim=wide if grid == 4 else narrow,
        heads=hp.Choice("heads", [2, 4, 8], default=4),
        mlp_ratio=hp.Choice("mlp_ratio", [2, 4], default=2),
        pooling=hp.Choice("pooling", ["token", "average"], default="average"),
        dropout=hp.Float("dropout", 0.0, 0.3, step=0.1, default=0.0),
    )


def build(config: ViT, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras
    import keras_hub

    inputs, x = image_input(spec)
    x = _patches(x, config)
    if config.pooling == "token":
        # An empty token in front, which its learned position fills: the class token.
        x = keras.layers.ZeroPadding1D((1, 0))(x)
    x = keras.layers.Add()([x, keras_hub.layers.PositionEmbedding(x.shape[1])(x)])
    x = keras.layers.Dropout(config.dropout)(x)
    for _ in range(config.depth):
        x = keras_hub.layers.TransformerEncoder(
            intermediate_dim=config.dim * config.mlp_ratio,
            num_heads=config.heads,
            dropout=config.dropout,
            activation="gelu",
            normalize_first=True,
        )(x)
    x = keras.layers.LayerNormalization()(x)
    if config.pooling == "token":
        x = keras.layers.Flatten()(keras.layers.Cropping1D((0, x.shape[1] - 1))(x))
    else:
        x = keras.layers.GlobalAveragePooling1D()(x)
    return classifier(inputs, x, spec)


def _patches(x: Any, config: ViT) -> Any:
    """One token of `dim` numbers for each patch: (examples, patches, dim)."""
    import keras

    size = tuple(math.ceil(side / config.grid) for side in x.shape[1:3])
    if config.stem == "convolution":
        x = keras.layers.Conv2D(config.dim // 2, 3, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
    # A convolution as wide as its stride is a projection of patches; "same" fills the last ones.
    x = keras.layers.Conv2D(config.dim, size, strides=size, padding="same")(x)
    return keras.layers.Reshape((-1, config.dim))(x)


vit = SearchSpace("vit", ("image_classification",), sample, build)
