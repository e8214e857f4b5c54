"""The body of the recurrent networks: layers of cells, one state carried along the sequence.

What is not recurrent is dropped out, between layers, as in Zaremba et al. 2014,
arXiv:1409.2329; the state is not, so that GPUs can use their fused kernels. An architecture of a
cell of one's own is `Recurrent(**sample_recurrent(hp, kind, units))` and `build_recurrent`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.blocks.sequence import Sequence, sample_sequence, sequence_model
from harness.kinds import language_modeling
from harness.spec import DataSpec, HyperParameters, Kind


@dataclass(frozen=True)
class Recurrent(Sequence):
    """Configuration of a recurrent network."""

    layers: int
    units: int
    """Width of the state of each layer."""


def sample_recurrent(hp: HyperParameters, kind: Kind, units: list[int]) -> dict[str, Any]:
    """Draws the fields of `Recurrent`, by name.

    Args:
        hp: Where the values are drawn from.
        kind: The kind of task, one of `SEQUENCE_KINDS`.
        units: Widths to choose from for language modeling, the default last but one. Cells
            have one to four matrices: each architecture has the widths that give it the
            parameters of the others.
    """
    if kind != language_modeling.KIND:
        units = [32, 64, 128]
    return {
        **sample_sequence(hp, kind),
        "layers": hp.Int("layers", 1, 2, default=1),
        "units": hp.Choice("units", units, default=units[-2]),
    }


def build_recurrent(config: Recurrent, spec: DataSpec, layer: Callable[..., Any]) -> Any:
    """Builds the model whose layers are `layer(units, return_sequences=True)`.

    Args:
        config: what was drawn.
        spec: of the data.
        layer: a recurrent layer of Keras, such as `keras.layers.GRU`, or what makes one of a width.
    """
    import keras

    def body(x: Any) -> Any:
        for number in range(config.layers):
            if number:
                x = keras.layers.Dropout(config.dropout)(x)
            x = layer(config.units, return_sequences=True)(x)
        return x

    return sequence_model(config, spec, body)
