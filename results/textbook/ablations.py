"""Architectures that differ in one thing alone, and a task: for docs/pages/textbook.md.

A plugin of the sweep files beside it; each of them says how it is run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness.search_spaces.bert import Pretraining, bert
from harness.search_spaces.bert_scratch import BertScratch, bert_scratch
from harness.search_spaces.transformer import transformer
from harness.tasks.sequence_regression import prepare_adding

from harness.blocks.image import classifier, image_input
from harness.kinds import image_classification, sequence_regression
from harness.spec import DataSpec, HyperParameters, Kind, SearchSpace

# --- depth, with residual connections and without -----------------------------------


@dataclass(frozen=True)
class Deep:
    """Three stages of 16, 32 and 64 filters, as He et al. 2016, arXiv:1512.03385, section 4.2."""

    blocks: int
    """Of each stage, two convolutions each: 6 of them and 2 make the layers."""
    residual: bool
    """Whether what a block reads is added to what it puts out."""


def _deep(config: Deep, spec: DataSpec) -> Any:
    import keras

    inputs, x = image_input(spec)
    x = _normalised(x, 16, 1, activate=True)
    for stage in range(3):
        for number in range(config.blocks):
            shrink = stage > 0 and number == 0
            filters, stride = 16 << stage, 2 if shrink else 1
            before = x
            x = _normalised(x, filters, stride, activate=True)
            x = _normalised(x, filters, 1, activate=False)
            if config.residual:
                if shrink:
                    before = _normalised(before, filters, stride, activate=False, kernel=1)
                x = keras.layers.Add()([x, before])
            x = keras.layers.ReLU()(x)
    return classifier(inputs, keras.layers.GlobalAveragePooling2D()(x), spec)


def _normalised(x: Any, filters: int, stride: int, activate: bool, kernel: int = 3) -> Any:
    import keras

    x = keras.layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal",
    )(x)  # fmt: skip
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return keras.layers.ReLU()(x) if activate else x


def _of_depth(layers: int, residual: bool) -> SearchSpace:
    config = Deep((layers - 2) // 6, residual)
    name = f"{'residual' if residual else 'plain'}_{layers}"
    return SearchSpace(name, (image_classification.KIND,), lambda hp, kind: config, _deep)


plain_8, plain_20 = _of_depth(8, residual=False), _of_depth(20, residual=False)
residual_8, residual_20 = _of_depth(8, residual=True), _of_depth(20, residual=True)


# --- positions, and directions ------------------------------------------------------


def _with(
    space: SearchSpace, name: str, fields: Callable[[Any], dict[str, Any]], **parts: Any
) -> SearchSpace:
    """An architecture whose configurations all have some fields of these values."""

    def sample(hp: HyperParameters, kind: Kind) -> Any:
        drawn = space.sample(hp, kind)
        return replace(drawn, **fields(drawn))

    return replace(space, name=name, sample=sample, **parts)


transformer_positions = _with(
    transformer, "transformer_positions", lambda drawn: {"position": "learned"}
)
transformer_no_positions = _with(
    transformer, "transformer_no_positions", lambda drawn: {"position": "none"}
)


def _read(config: BertScratch, spec: DataSpec, causal: bool) -> Any:
    from harness.blocks.encoder import fine_tuned_model, new_encoder

    encoder = new_encoder(
        spec, config.layers, config.width, config.dropout, config.normalization, causal
    )
    return fine_tuned_model(encoder, spec, "mean", config.dropout, config.pairing)


def _mean(drawn: BertScratch) -> dict[str, Any]:
    # The first token of a text that is read forwards has seen nothing.
    return {"pooling": None if drawn.pooling is None else "mean"}


both_directions = _with(bert_scratch, "both_directions", _mean, build=partial(_read, causal=False))
one_direction = _with(bert_scratch, "one_direction", _mean, build=partial(_read, causal=True))


# --- what is pretrained by ----------------------------------------------------------


def _pretrained(name: str, next_sentence: bool) -> SearchSpace:
    return _with(
        bert,
        name,
        lambda drawn: {"next_sentence": next_sentence} if isinstance(drawn, Pretraining) else {},
    )


bert_next_sentence = _pretrained("bert_next_sentence", next_sentence=True)
bert_hidden_tokens = _pretrained("bert_hidden_tokens", next_sentence=False)


# --- a longer gap -------------------------------------------------------------------

adding_120 = sequence_regression.task(
    "adding_120",
    partial(prepare_adding, length=120),
    standardise=False,
    tolerance=0.04,
    learning_rate=5e-3,
    licence="CC0",
)
