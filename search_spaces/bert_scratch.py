"""BERT from scratch: the same encoder, trained on the labelled examples alone."""

from dataclasses import dataclass
from typing import Any

from harness.search_spaces.bert import sample_encoder, sample_pooling

from harness.blocks.pairs import sample_pairing
from harness.blocks.text import TEXT_KINDS
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class BertScratch:
    """Configuration of an encoder that is not pretrained."""

    layers: int
    width: int
    """Of a token; each 64 have an attention head of their own."""
    dropout: float
    normalization: str
    """Whether layers normalise what they read, `pre`, or what they put out, `post`."""
    pooling: str | None
    """What a text is judged by: its `first` token or the `mean`; `None` for token
    classification."""
    pairing: str | None
    """How pairs are read, see `harness.blocks.pairs`; sentence similarity only."""


def sample(hp: HyperParameters, kind: Kind) -> BertScratch:
    """Draws a configuration."""
    return BertScratch(
        **sample_encoder(hp), pooling=sample_pooling(hp, kind), pairing=sample_pairing(hp, kind)
    )


def build(config: BertScratch, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    from harness.blocks import encoder as blocks

    encoder = blocks.new_encoder(
        spec, config.layers, config.width, config.dropout, config.normalization
    )
    return blocks.fine_tuned_model(
        encoder, spec, config.pooling or "first", config.dropout, config.pairing
    )


bert_scratch = SearchSpace("bert_scratch", TEXT_KINDS, sample, build)
