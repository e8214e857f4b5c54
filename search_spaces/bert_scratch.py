"""BERT from scratch: the same encoder, trained on the labelled examples alone."""

from dataclasses import dataclass
from typing import Any

from harness.search_spaces.bert import sample_encoder, sample_pooling

from harness.blocks.text import TEXT_KINDS
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class BertScratch:
    """Configuration of an encoder that is not pretrained."""

    layers: int
    width: int
    """Of a token; each 64 have an attention head of their own."""
    dropout: float
    pooling: str | None
    """What a text is judged by: its `first` token or the `mean`; `None` for token
    classification."""


def sample(hp: HyperParameters, kind: Kind) -> BertScratch:
    """Draws a configuration."""
    return BertScratch(**sample_encoder(hp), pooling=sample_pooling(hp, kind))


def build(config: BertScratch, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    from harness.blocks import encoder as blocks

    encoder = blocks.new_encoder(spec, config.layers, config.width, config.dropout)
    return blocks.fine_tuned_model(encoder, spec, config.pooling or "first", config.dropout)


bert_scratch = SearchSpace("bert_scratch", TEXT_KINDS, sample, build)
