"""A backbone of KerasHub that others have pretrained on images, with a head for this task.

Which one is what the task names in `init_from`: ResNet, EfficientNet, ViT and others. What is
searched is how it is fine-tuned: the head alone, or all of it, the backbone more slowly (Howard and
Ruder 2018, arXiv:1801.06146, section 3.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.kinds import image_classification
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace


@dataclass(frozen=True)
class FineTuning:
    """Configuration of a fine-tuned backbone."""

    trained: str
    """`head`: the backbone stays as it is; `all`."""
    factor: float | None
    """What the learning rate of the backbone is multiplied by; `None` where it stays."""
    pooling: str
    """Of the features, over the places of the image: `average` or `max`."""
    dropout: float
    """Before the head."""


def sample(hp: HyperParameters, kind: Kind) -> FineTuning:
    """Draws a configuration."""
    trained = hp.Choice("trained", ["all", "head"], default="all")
    with hp.conditional_scope("trained", ["all"]):
        factor = hp.Choice("factor", [0.03, 0.1, 0.3, 1.0], default=0.1)
    return FineTuning(
        trained=trained,
        factor=factor if trained == "all" else None,
        pooling=hp.Choice("pooling", ["average", "max"], default="average"),
        dropout=hp.Choice("dropout", [0.0, 0.2, 0.5], default=0.2),
    )


def build(config: FineTuning, spec: DataSpec, encoder: Any = None) -> Any:
    """Builds the model of a configuration.

    Args:
        config: what was drawn.
        spec: of the data.
        encoder: of `harness.blocks.presets`, which is fine-tuned; a new one, a small ResNet, if
            absent.
    """
    import keras

    from harness.blocks import presets
    from harness.blocks.encoder import ENCODER
    from harness.blocks.image import classifier

    encoder = encoder or presets.new_image_encoder(spec)
    encoder.get_layer(ENCODER).trainable = config.trained == "all"
    x = encoder.outputs[0]
    if len(x.shape) == 4:
        x = keras.layers.Reshape((-1, x.shape[-1]))(x)  # places of the image, as patches are
    if len(x.shape) == 3:
        pool = {"average": keras.layers.GlobalAveragePooling1D, "max": keras.layers.GlobalMaxPool1D}
        x = pool[config.pooling]()(x)
    x = keras.layers.Dropout(config.dropout)(x)
    return classifier(encoder.inputs[0], x, spec)


def rate_factors(config: FineTuning, model: Any) -> Mapping[str, float]:
    """Factors of the learning rate of the backbone's weights, where it is another."""
    from harness.blocks.encoder import ENCODER

    if config.factor in (None, 1.0):
        return {}
    return {weight.path: config.factor for weight in model.get_layer(ENCODER).weights}


backbone = SearchSpace(
    "backbone",
    (image_classification.KIND,),
    sample,
    build,
    pretrained=True,
    fine_tuned=(image_classification.KIND,),
    rate_factors=rate_factors,
)
