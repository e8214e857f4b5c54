"""Gated recurrent unit: an update gate decides how much of the state is replaced.

Cho et al. 2014, arXiv:1406.1078, with the reset gate after the recurrent product, the form
for which GPUs have a fused kernel.
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.recurrent import Recurrent, build_recurrent, sample_recurrent
from harness.blocks.sequence import SEQUENCE_KINDS
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class GRU(Recurrent):
    """Configuration of a network of gated recurrent units."""


def sample(hp: HyperParameters, kind: Kind) -> GRU:
    """Draws a configuration."""
    return GRU(**sample_recurrent(hp, kind, units=[128, 192, 256, 320]))


def build(config: GRU, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    return build_recurrent(config, spec, keras.layers.GRU)


gru = SearchSpace("gru", SEQUENCE_KINDS, sample, build)
