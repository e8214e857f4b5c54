"""Long short-term memory: a cell that gates write to, read from and clear.

Hochreiter and Schmidhuber 1997, Neural Computation 9(8), with the forget gate of Gers et al.
2000, Neural Computation 12(10), whose bias begins at one (Jozefowicz et al. 2015), so that
cells remember before they have learned to. Texts that are there as a whole are read in both
directions (Graves and Schmidhuber 2005, Neural Networks 18(5-6)).
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.blocks.recurrent import Recurrent, build_recurrent, sample_recurrent
from harness.blocks.sequence import SEQUENCE_KINDS
from harness.blocks.text import TEXT_KINDS, Text, sample_text, text_model
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Configuration of a long short-term memory network."""


@dataclass(frozen=True)
class BidirectionalLSTM(Text):
    """Configuration of a network that reads texts in both directions."""

    layers: int
    units: int
    """Width of the state of each layer, in each direction."""


def sample(hp: HyperParameters, kind: Kind) -> LSTM | BidirectionalLSTM:
    """Draws a configuration."""
    if kind in TEXT_KINDS:
        return BidirectionalLSTM(
            **sample_text(hp, kind),
            layers=hp.Int("layers", 1, 2, default=1),
            units=hp.Choice("units", [64, 128, 192], default=128),
        )
    return LSTM(**sample_recurrent(hp, kind, units=[128, 192, 256, 320]))


def build(config: LSTM | BidirectionalLSTM, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    if isinstance(config, BidirectionalLSTM):
        return _build_bidirectional(config, spec)
    return build_recurrent(config, spec, partial(keras.layers.LSTM, unit_forget_bias=True))


def _build_bidirectional(config: BidirectionalLSTM, spec: DataSpec) -> Any:
    import keras

    def body(x: Any, mask: Any) -> Any:
        for number in range(config.layers):
            if number:
                x = keras.layers.Dropout(config.dropout)(x)
            cells = keras.layers.LSTM(config.units, return_sequences=True)
            x = keras.layers.Bidirectional(cells)(x, mask=mask)
        return x

    return text_model(config, spec, body)


lstm = SearchSpace("lstm", (*SEQUENCE_KINDS, *TEXT_KINDS), sample, build)
