"""Convolutions over a sentence, of several widths side by side.

Kim 2014, arXiv:1408.5882; for tagging, stacked as in Collobert et al. 2011, arXiv:1103.0398.
"""

from dataclasses import dataclass
from typing import Any

from harness.blocks.text import TEXT_KINDS, Text, masked, sample_text, text_model
from harness.kinds import token_classification
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class TextCNN(Text):
    """Configuration of a convolutional network for text."""

    widths: str
    """Steps that the convolutions of a layer see, such as `3-4-5`."""
    filters: int
    """Of each width."""
    layers: int
    """Upon each other; one but in token classification."""


def sample(hp: HyperParameters, kind: Kind) -> TextCNN:
    """Draws a configuration."""
    tagging = kind == token_classification.KIND
    return TextCNN(
        **sample_text(hp, kind),
        widths=hp.Choice("widths", ["2-3-4", "3-4-5"], default="3-4-5"),
        filters=hp.Choice("filters", [64, 100, 128], default=100),
        layers=hp.Int("layers", 1, 2, default=2) if tagging else 1,
    )


def build(config: TextCNN, spec: DataSpec) -> Any:
    """Builds the model of a configuration."""
    import keras

    widths = [int(width) for width in config.widths.split("-")]

    def body(x: Any, mask: Any) -> Any:
        for number in range(config.layers):
            if number:
                x = keras.layers.Dropout(config.dropout)(x)
            x = masked(x, mask)
            parts = [
                keras.layers.Conv1D(config.filters, width, padding="same", activation="relu")(x)
                for width in widths
            ]
            x = keras.layers.Concatenate()(parts)
        return x

    return text_model(config, spec, body)


text_cnn = SearchSpace("text_cnn", TEXT_KINDS, sample, build)
