"""Transformer decoder: each step attends to itself and to the steps before it.

Vaswani et al. 2017, arXiv:1706.03762, without encoder and with normalisation first, as in
Radford et al. 2019 (GPT-2).
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.sequence import SEQUENCE_KINDS, Sequence, sample_sequence, sequence_model
from harness.kinds import language_modeling
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class Transformer(Sequence):
    """Configuration of a Transformer decoder."""

    depth: int
    dim: int
    """Width of a step."""
    heads: int
    mlp_ratio: int
    """Width of the feed-forward layer, in widths of a step."""
    position: str
    """`learned` or `sine` (Vaswani et al. 2017, section 3.5) encodings, or `none`: the causal
    mask alone tells positions apart (Haviv et al. 2022, arXiv:2203.16634)."""


def sample(hp: HyperParameters, kind: Kind) -> Transformer:
    """Draws a configuration."""
    text = kind == language_modeling.KIND
    return Transformer(
        **sample_sequence(hp, kind, flatten=True),
        depth=hp.Int("depth", 1, 3, default=2),
        dim=hp.Choice(
            "dim", [128, 192, 256] if text else [32, 64, 128], default=192 if text else 64
        ),
        heads=hp.Choice("heads", [2, 4, 8], default=4),
        mlp_ratio=hp.Choice("mlp_ratio", [2, 4], default=2),
        position=hp.Choice("position", ["learned", "sine", "none"], default="learned"),
    )


def build(config: Transformer, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras
    import keras_hub

    def body(x: Any) -> Any:
        if x.shape[-1] != config.dim:
            x = keras.layers.Dense(config.dim)(x)
        if config.position == "learned":
            x = keras.layers.Add()([x, keras_hub.layers.PositionEmbedding(x.shape[1])(x)])
        elif config.position == "sine":
            x = keras.layers.Add()([x, keras_hub.layers.SinePositionEncoding()(x)])
        for _ in range(config.depth):
            x = keras_hub.layers.TransformerDecoder(
                intermediate_dim=config.dim * config.mlp_ratio,
                num_heads=config.heads,
                dropout=config.dropout,
                activation="gelu",
                normalize_first=True,
            )(x)
        return x

    return sequence_model(config, spec, body)


transformer = SearchSpace("transformer", SEQUENCE_KINDS, sample, build)
