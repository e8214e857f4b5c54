"""Transformer: encoder and decoder of attention alone.

Vaswani et al. 2017, arXiv:1706.03762.
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.translation_fields import (
    TRANSLATION_KINDS,
    Translation,
    sample_translation,
    translator_options,
)
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class TransformerSeq2Seq(Translation):
    """Configuration of a Transformer."""

    depth: int
    """Blocks, in encoder and decoder each."""
    dim: int
    """Width of a token."""
    heads: int
    mlp_ratio: int
    """Width of the feed-forward layers, in widths of a token."""
    position: str
    """`sine` (Vaswani et al., section 3.5) or `learned` encodings."""
    normalize_first: bool
    """Whether blocks normalise what they read (Xiong et al. 2020, arXiv:2002.04745) rather than
    what they give."""


def sample(hp: HyperParameters, kind: Kind) -> TransformerSeq2Seq:
    """Draws a configuration."""
    return TransformerSeq2Seq(
        **sample_translation(hp),
        depth=hp.Int("depth", 1, 3, default=2),
        dim=hp.Choice("dim", [128, 192, 256], default=192),
        heads=hp.Choice("heads", [2, 4, 8], default=4),
        mlp_ratio=hp.Choice("mlp_ratio", [2, 4], default=2),
        position=hp.Choice("position", ["sine", "learned"], default="sine"),
        normalize_first=hp.Boolean("normalize_first", default=True),
    )


def build(config: TransformerSeq2Seq, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    from harness.blocks.transformer_translator import TransformerTranslator
    from harness.blocks.translation import LONGEST, translation_model

    translator = TransformerTranslator(
        depth=config.depth,
        heads=config.heads,
        mlp_ratio=config.mlp_ratio,
        position=config.position,
        normalize_first=config.normalize_first,
        longest=max(tensor.longest or LONGEST for tensor in spec.inputs.values()),
        embedding=config.dim,
        **translator_options(config, spec),
    )
    return translation_model(translator, spec)


transformer_seq2seq = SearchSpace("transformer_seq2seq", TRANSLATION_KINDS, sample, build)
