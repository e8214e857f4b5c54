"""BERT: a bidirectional Transformer, pretrained on text alone and then fine-tuned.

Devlin et al. 2019, arXiv:1810.04805, in the small sizes of Turc et al. 2019, arXiv:1908.08962.
On a masked-language-modeling task the size of the encoder is searched; on a task that starts from
one, how it is fine-tuned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.blocks.pairs import sample_pairing
from harness.blocks.text import TEXT_KINDS
from harness.kinds import masked_language_modeling, token_classification
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace

LAYERS, WIDTH = 2, 128
"""Of the smallest encoder, BERT-Tiny of Turc et al."""


@dataclass(frozen=True)
class Pretraining:
    """Configuration of an encoder and of what it learns from."""

    layers: int
    width: int
    """Of a token; each 64 have an attention head of their own."""
    dropout: float
    normalization: str
    """Whether layers normalise what they read, `pre`, or what they put out, `post`."""
    next_sentence: bool
    """Whether the encoder learns from next-sentence prediction, too, or from hidden tokens alone
    (Liu et al. 2019, arXiv:1907.11692)."""


@dataclass(frozen=True)
class FineTuning:
    """Configuration of a fine-tuned encoder."""

    dropout: float
    """Before the head."""
    pooling: str | None
    """What a text is judged by: its `first` token or the `mean`; `None` for token
    classification, which judges each."""
    frozen: int
    """Layers that stay as they are, with the embeddings below them; 0 for none of either."""
    layer_decay: float
    """What the learning rate is multiplied by for each layer from the head down."""
    pairing: str | None = None
    """How pairs are read, see `harness.blocks.pairs`; sentence similarity only."""


def sample_encoder(hp: HyperParameters, dropout: float = 0.1) -> dict[str, Any]:
    """Draws the size of an encoder, its dropout and its normalisation, by name.

    Args:
        hp: where the values are drawn from.
        dropout: the rate that is tried first.
    """
    return {
        "layers": hp.Int("layers", 2, 4, default=LAYERS),
        "width": hp.Choice("width", [128, 192, 256], default=WIDTH),
        "dropout": hp.Choice("dropout", [0.0, 0.1, 0.2], default=dropout),
        "normalization": hp.Choice("normalization", ["pre", "post"], default="pre"),
    }


def sample_pooling(hp: HyperParameters, kind: Kind) -> str | None:
    """Draws what a text is judged by."""
    if kind == token_classification.KIND:
        return None
    return str(hp.Choice("pooling", ["first", "mean"], default="mean"))


def sample(hp: HyperParameters, kind: Kind) -> Pretraining | FineTuning:
    """Draws a configuration."""
    if kind == masked_language_modeling.KIND:
        # Without dropout first: small encoders do not learn by heart what is hidden anew in each
        # pass, and lose by it (Lan et al. 2020, arXiv:1909.11942, on dropout).
        return Pretraining(
            **sample_encoder(hp, dropout=0.0),
            next_sentence=hp.Boolean("next_sentence", default=True),
        )
    return FineTuning(
        dropout=hp.Choice("dropout", [0.1, 0.3, 0.5], default=0.1),
        pooling=sample_pooling(hp, kind),
        frozen=hp.Int("frozen", 0, 1, default=0),
        layer_decay=hp.Choice("layer_decay", [0.6, 0.8, 1.0], default=1.0),
        pairing=sample_pairing(hp, kind),
    )


def build(config: Pretraining | FineTuning, spec: DataSpec, encoder: Any = None) -> Any:
    """Builds the model of a configuration.

    Args:
        config: what was drawn.
        spec: of the data.
        encoder: a pretrained model, whose encoder is fine-tuned, or the encoder of a preset; a
            new one of the smallest size if absent.
    """
    from harness.blocks import encoder as blocks

    if isinstance(config, Pretraining):
        new = blocks.new_encoder(
            spec, config.layers, config.width, config.dropout, config.normalization
        )
        return blocks.pretraining_model(new, spec, config.next_sentence)
    if encoder is None:
        layers = blocks.new_encoder(spec, LAYERS, WIDTH, config.dropout)
    else:
        layers = blocks.pretrained_encoder(encoder)
    blocks.freeze(layers, config.frozen)
    return blocks.fine_tuned_model(
        layers, spec, config.pooling or "first", config.dropout, config.pairing
    )


def rate_factors(config: Pretraining | FineTuning, model: Any) -> Mapping[str, float]:
    """Factors of the learning rate by layer, where they differ."""
    from harness.blocks import encoder

    if isinstance(config, Pretraining) or config.layer_decay == 1.0:
        return {}
    return encoder.rate_factors(model.get_layer(encoder.ENCODER), config.layer_decay)


bert = SearchSpace(
    "bert",
    (masked_language_modeling.KIND, *TEXT_KINDS),
    sample,
    build,
    pretrained=True,
    fine_tuned=TEXT_KINDS,
    rate_factors=rate_factors,
)
