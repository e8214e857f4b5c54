"""Long short-term memory: a cell that gates write to, read from and clear.

Hochreiter and Schmidhuber 1997, Neural Computation 9(8), with the forget gate of Gers et al.
2000, Neural Computation 12(10), whose bias begins at one (Jozefowicz et al. 2015), so that
cells remember before they have learned to.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace
from search_spaces._recurrent import Recurrent, build_recurrent, sample_recurrent
from search_spaces._sequence import SEQUENCE_KINDS


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Configuration of a long short-term memory network."""


def sample(hp: HyperParameters, kind: Kind) -> LSTM:
    """Draws a configuration."""
    return LSTM(**sample_recurrent(hp, kind, units=[128, 192, 256, 320]))


def build(config: LSTM, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    return build_recurrent(config, spec, partial(keras.layers.LSTM, unit_forget_bias=True))


lstm = SearchSpace("lstm", SEQUENCE_KINDS, sample, build)
