"""Sequence to sequence with attention: each step of the decoder looks at all of the source.

Bahdanau et al. 2015, arXiv:1409.0473; Luong et al. 2015, arXiv:1508.04025. The comparison is the
one or the other; the wiring is Luong's in both cases, without input feeding.
"""

from dataclasses import dataclass
from typing import Any

from harness.search_spaces.seq2seq import (
    Seq2Seq,
    build_recurrent_translation,
    sample_recurrent_translation,
)

from harness.blocks.translation_fields import TRANSLATION_KINDS
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class AttentionSeq2Seq(Seq2Seq):
    """Configuration of a recurrent encoder and decoder with attention."""

    attention: str
    """How a state is compared with an output of the encoder: `additive` (Bahdanau et al.) or
    `multiplicative` (Luong et al., "general")."""


def sample(hp: HyperParameters, kind: Kind) -> AttentionSeq2Seq:
    """Draws a configuration."""
    return AttentionSeq2Seq(
        **sample_recurrent_translation(hp),
        attention=hp.Choice("attention", ["additive", "multiplicative"], default="multiplicative"),
    )


def build(config: AttentionSeq2Seq, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    return build_recurrent_translation(config, spec, config.attention)


attention_seq2seq = SearchSpace("attention_seq2seq", TRANSLATION_KINDS, sample, build)
