"""Sequence to sequence: one network reads the source, another writes the translation from the
state that the first one ended with.

Cho et al. 2014, arXiv:1406.1078; Sutskever et al. 2014, arXiv:1409.3215.
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
class Seq2Seq(Translation):
    """Configuration of a recurrent encoder and decoder."""

    cell: str
    """`rnn`, `gru` or `lstm`."""
    bidirectional: bool
    """Whether the source is read from both ends; the decoder reads and writes from the first
    word on in any case."""
    layers: int
    """Layers of cells, in encoder and decoder each."""
    units: int
    """Width of the state of each layer, in each direction."""
    embedding: int
    """Width of an embedded token."""


def sample_recurrent_translation(hp: HyperParameters) -> dict[str, Any]:
    """Draws the fields of `Seq2Seq`, by name."""
    return {
        **sample_translation(hp),
        "cell": hp.Choice("cell", ["rnn", "gru", "lstm"], default="gru"),
        "bidirectional": hp.Boolean("bidirectional", default=True),
        "layers": hp.Int("layers", 1, 2, default=1),
        "units": hp.Choice("units", [128, 192, 256], default=192),
        "embedding": hp.Choice("embedding", [128, 192, 256], default=192),
    }


def build_recurrent_translation(config: Seq2Seq, spec: DataSpec, attention: str | None) -> Any:
    """Builds the model of a configuration, with attention of that kind."""
    from harness.blocks.recurrent_translator import RecurrentTranslator
    from harness.blocks.translation import translation_model

    translator = RecurrentTranslator(
        cell=config.cell,
        bidirectional=config.bidirectional,
        layers=config.layers,
        units=config.units,
        attention=attention,
        embedding=config.embedding,
        **translator_options(config, spec),
    )
    return translation_model(translator, spec)


def sample(hp: HyperParameters, kind: Kind) -> Seq2Seq:
    """Draws a configuration."""
    return Seq2Seq(**sample_recurrent_translation(hp))


def build(config: Seq2Seq, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    return build_recurrent_translation(config, spec, attention=None)


seq2seq = SearchSpace("seq2seq", TRANSLATION_KINDS, sample, build)
