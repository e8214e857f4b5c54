"""Building blocks of pretrained architectures: the encoder of BERT, and the heads it gets.

An architecture makes an encoder by `new_encoder`, or takes a pretrained one by
`pretrained_encoder`, and gives it to `pretraining_model` or `fine_tuned_model`; `freeze` and
`rate_factors` say what of it is trained, and how fast. The encoder is `backbone.Encoder`, or, in
models that were saved before there was that, KerasHub's backbone.

Imports keras at once: import it inside functions only.
"""

from typing import Any

import keras
import keras_hub

from harness.blocks.backbone import Encoder
from harness.blocks.pairs import TOGETHER, apart, compared
from harness.blocks.text import real_steps
from harness.kinds import token_classification
from harness.kinds.masked_language_modeling import (
    MASKED_TOKEN,
    NEXT_SENTENCE,
    POSITIONS,
    SEGMENTS,
    TOKENS,
)
from harness.spec import DataSpec, Infeasible

ENCODER = "encoder"
"""Name of the layer that is the encoder of a fine-tuned model."""
PRETRAINING = "pretraining"
"""Name of the layer that a pretrained model is made of."""
LEARNED_POSITIONS = 256
"""Positions that are learned, more where a task's texts are longer: the longest text that can be
read."""
LEARNED_SEGMENTS = 2


def new_encoder(
    spec: DataSpec,
    layers: int,
    width: int,
    dropout: float,
    normalization: str = "post",
    causal: bool = False,
) -> Any:
    """An encoder with the weights it begins with, one head for each 64 values of its width.

    Args:
        spec: of the data, whose inputs are tokens and segments.
        layers: Transformer layers.
        width: of a token.
        dropout: rate within the layers.
        normalization: `pre` or `post`, whether layers normalise what they read or what they put
            out.
        causal: whether a token sees itself and those before it alone.
    """
    return Encoder(
        vocabulary_size=spec.inputs[TOKENS].size or 0,
        num_layers=layers,
        num_heads=max(1, width // 64),
        hidden_dim=width,
        intermediate_dim=4 * width,
        dropout=dropout,
        max_sequence_length=max(LEARNED_POSITIONS, _longest(spec)),
        num_segments=LEARNED_SEGMENTS,
        normalize_first=normalization == "pre",
        causal=causal,
        name=ENCODER,
    )


def _longest(spec: DataSpec) -> int:
    """Steps of the longest text."""
    tokens = spec.inputs[TOKENS]
    return tokens.longest or tokens.shape[0] or 0


def _inputs(spec: DataSpec) -> dict[str, Any]:
    return {
        name: keras.Input(tensor.shape, dtype=tensor.dtype, name=name)
        for name, tensor in spec.inputs.items()
    }


def encoder_inputs(inputs: Any) -> dict[str, Any]:
    """What an encoder reads, from `tokens` and `segments`."""
    real = keras.ops.cast(real_steps(inputs[TOKENS]), "int32")
    return {"token_ids": inputs[TOKENS], "segment_ids": inputs[SEGMENTS], "padding_mask": real}


@keras.saving.register_keras_serializable(package="search_spaces")
class MaskedLanguageModel(keras.layers.Layer):  # type: ignore[misc]
    """An encoder under the two questions it is pretrained by.

    KerasHub's `MaskedLMHead` in all but one thing: the matrix of the vocabulary is the encoder's
    own, so that a saved model has it once.

    Args:
        encoder: see `new_encoder`.
        next_sentence: whether the encoder learns from the second question; if not, a linear
            probe answers it from what the encoder knows anyway.
    """

    def __init__(self, encoder: Any, next_sentence: bool, **options: Any) -> None:
        super().__init__(**options)
        self.encoder = encoder
        self.next_sentence = next_sentence
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        self.transform = keras.layers.Dense(
            encoder.hidden_dim, "gelu", kernel_initializer=initializer, name="transform"
        )
        self.norm = keras.layers.LayerNormalization(epsilon=1e-12, name="norm")
        self.follows = keras.layers.Dense(2, dtype="float32", name="follows")
        # A layer that nothing learns from has no gradient.
        encoder.pooled_dense.trainable = next_sentence

    def build(self, shapes: Any) -> None:
        """Creates the weights of both heads."""
        width = self.encoder.hidden_dim
        for layer in (self.transform, self.norm, self.follows):
            layer.build((None, width))
        self.bias = self.add_weight((self.encoder.vocabulary_size,), "zeros", name="bias")

    def call(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        """Logits of the hidden tokens and of what follows.

        Only the positions asked for are multiplied with the vocabulary.

        Args:
            inputs: `tokens`, `segments` (examples, T), `positions` (examples, K).
            training: whether to drop out.
        """
        ops = keras.ops
        outputs = self.encoder(encoder_inputs(inputs), training=training)
        sequence = outputs["sequence_output"]
        x = ops.take_along_axis(sequence, inputs[POSITIONS][..., None], axis=1)
        x = self.norm(self.transform(x))
        logits = ops.cast(self.encoder.token_embedding(x, reverse=True), "float32") + self.bias
        pair = outputs["pooled_output"]
        if not self.next_sentence:
            pair = ops.stop_gradient(sequence[:, 0])
        return {MASKED_TOKEN: logits, NEXT_SENTENCE: self.follows(pair)}

    def compute_output_spec(self, inputs: Any, training: Any = None) -> Any:
        """Logits in 32 bits."""
        examples, count = inputs[POSITIONS].shape
        return {
            MASKED_TOKEN: keras.KerasTensor(
                (examples, count, self.encoder.vocabulary_size), "float32"
            ),
            NEXT_SENTENCE: keras.KerasTensor((examples, 2), "float32"),
        }

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder, "next_sentence": self.next_sentence}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MaskedLanguageModel":
        """The layer of a configuration."""
        encoder = keras.saving.deserialize_keras_object(config.pop("encoder"))
        return cls(encoder, **config)


def pretraining_model(encoder: Any, spec: DataSpec, next_sentence: bool) -> Any:
    """The model of a masked-language-modeling task; see `MaskedLanguageModel`."""
    inputs = _inputs(spec)
    layer = MaskedLanguageModel(encoder, next_sentence, name=PRETRAINING)
    return keras.Model(inputs, layer(inputs))


def pretrained_encoder(model: Any) -> Any:
    """The encoder within a model of `pretraining_model`, or the one that a preset is."""
    if isinstance(model, keras_hub.models.BertBackbone):
        return model
    return model.get_layer(PRETRAINING).encoder


def fine_tuned_model(
    encoder: Any, spec: DataSpec, pooling: str, dropout: float, pairing: str | None = None
) -> Any:
    """An encoder with a head for the kind of task.

    Args:
        encoder: pretrained or not.
        spec: of a text task.
        pooling: what a text is judged by, `first` (the first token, behind the dense layer that
            next-sentence prediction trains) or `mean` (over its tokens).
        dropout: rate before the head.
        pairing: how pairs are read, see `harness.blocks.pairs`; as one text if absent.

    Returns:
        A `keras.Model` from tokens and segments (examples, steps) to logits of classes (examples,
        classes), logits of tags (examples, steps, tags), or a similarity (examples, 1).

    Raises:
        Infeasible: texts are longer than the encoder can read.
    """
    if encoder.max_sequence_length < _longest(spec):
        raise Infeasible(
            f"the encoder reads {encoder.max_sequence_length} tokens at most, an example has "
            f"{_longest(spec)}"
        )
    inputs = _inputs(spec)
    if spec.kind == token_classification.KIND:
        pooling = "none"
    encoder.pooled_dense.trainable = pooling == "first"
    if pairing in (None, TOGETHER):
        x = _read(encoder, inputs, pooling)
    else:
        texts = apart(inputs[TOKENS], inputs[SEGMENTS])
        alone = [{TOKENS: text, SEGMENTS: keras.ops.zeros_like(text)} for text in texts]
        first, second = (_read(encoder, text, pooling) for text in alone)
        x = compared([first], [second], pairing)
    x = keras.layers.Dropout(dropout)(x)
    ((name, output),) = spec.outputs.items()
    count = output.size if output.size is not None else output.shape[0]
    x = keras.layers.Dense(count, dtype="float32", name=name)(x)
    return keras.Model(inputs, {name: x})


def _read(encoder: Any, inputs: Any, pooling: str) -> Any:
    """What an encoder makes of texts: (examples, width), or each token where `none` are pooled."""
    read = encoder_inputs(inputs)
    outputs = encoder(read)
    if pooling == "none":
        return outputs["sequence_output"]
    if pooling == "first":
        return outputs["pooled_output"]
    mean = keras.layers.GlobalAveragePooling1D()
    return mean(outputs["sequence_output"], mask=read["padding_mask"])


def freeze(encoder: Any, layers: int) -> None:
    """Keeps the embeddings and the first layers of an encoder as they are; nothing for 0."""
    parts = _parts(encoder)
    for number, part in enumerate(parts):
        for layer in part:
            layer.trainable = not (layers and number <= layers)


def rate_factors(encoder: Any, decay: float) -> dict[str, float]:
    """Learning rates that fall by a factor with each layer from the head down.

    Howard and Ruder 2018, arXiv:1801.06146, section 3.2 (discriminative fine-tuning).

    Args:
        encoder: of the model.
        decay: the factor; 1 for equal rates.

    Returns:
        Factors by the paths of the encoder's weights.
    """
    parts = _parts(encoder)
    return {
        variable.path: decay ** (len(parts) - number)
        for number, part in enumerate(parts)
        for layer in part
        for variable in layer.weights
    }


def _parts(encoder: Any) -> list[list[Any]]:
    """The embeddings, then each layer; a normalisation is of the part that it follows."""
    embeddings = [encoder.token_embedding, encoder.position_embedding, encoder.segment_embedding]
    layers = [[layer] for layer in encoder.transformer_layers]
    if getattr(encoder, "normalize_first", False):  # KerasHub's has no such field
        layers[-1].append(encoder.final_layer_norm)
    else:
        embeddings.append(encoder.embeddings_layer_norm)
    return [embeddings, *layers]
