"""Simple recurrent network: the state is a tanh of the input and of the state before it.

Elman 1990, "Finding structure in time", Cognitive Science 14(2), with recurrent matrices that
begin orthogonal (Saxe et al. 2014, arXiv:1312.6120). Gradients vanish over long sequences
(Bengio et al. 1994): the floor against which gated cells are measured.
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.recurrent import Recurrent, build_recurrent, sample_recurrent
from harness.blocks.sequence import SEQUENCE_KINDS
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class SimpleRNN(Recurrent):
    """Configuration of a simple recurrent network."""


def sample(hp: HyperParameters, kind: Kind) -> SimpleRNN:
    """Draws a configuration."""
    return SimpleRNN(**sample_recurrent(hp, kind, units=[128, 256, 384, 512]))


def build(config: SimpleRNN, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    return build_recurrent(config, spec, keras.layers.SimpleRNN)


simple_rnn = SearchSpace("simple_rnn", SEQUENCE_KINDS, sample, build)
