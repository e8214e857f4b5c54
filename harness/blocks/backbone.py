"""The body of an encoder: BERT's, with a choice of where it normalises and how far it sees.

Imports keras at once: import it inside functions only.
"""

from functools import partial
from typing import Any

import keras
import keras_hub

STANDARD_DEVIATION = 0.02
"""Of the weights an encoder begins with, as in BERT."""
EPSILON = 1e-12
"""Of its normalisations, as in BERT."""


@keras.saving.register_keras_serializable(package="search_spaces")
class Encoder(keras_hub.models.Backbone):  # type: ignore[misc]
    """`keras_hub.models.BertBackbone` with the choices that it lacks.

    Without them it is that very network. Its layers have the names they have there, so that what
    freezes, slows down or reads the one does so with the other, with which encoders were saved
    before.

    Args:
        vocabulary_size, num_layers, num_heads, hidden_dim, intermediate_dim, dropout,
            max_sequence_length, num_segments: as of `BertBackbone`.
        normalize_first: whether each layer normalises what it reads and not what it puts out, with
            one more normalisation at the end (Xiong et al. 2020, arXiv:2002.04745).
        causal: whether a token sees itself and those before it alone.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        dropout: float,
        max_sequence_length: int,
        num_segments: int,
        normalize_first: bool = False,
        causal: bool = False,
        **options: Any,
    ) -> None:
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.normalize_first = normalize_first
        self.causal = causal
        dtype = options.get("dtype")
        self._create_layers(dtype)
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("token_ids", "segment_ids", "padding_mask")
        }
        sequence = self._encoded(inputs)
        outputs = {"sequence_output": sequence, "pooled_output": self.pooled_dense(sequence[:, 0])}
        super().__init__(inputs=inputs, outputs=outputs, **options)

    def _create_layers(self, dtype: Any) -> None:
        layers = keras.layers

        def weights() -> Any:
            return keras.initializers.TruncatedNormal(stddev=STANDARD_DEVIATION)

        self.token_embedding = layers.ReversibleEmbedding(
            self.vocabulary_size, self.hidden_dim, embeddings_initializer=weights(), dtype=dtype,
            name="token_embedding",
        )  # fmt: skip
        self.position_embedding = keras_hub.layers.PositionEmbedding(
            self.max_sequence_length, initializer=weights(), dtype=dtype, name="position_embedding"
        )
        self.segment_embedding = layers.Embedding(
            self.num_segments, self.hidden_dim, embeddings_initializer=weights(), dtype=dtype,
            name="segment_embedding",
        )  # fmt: skip
        # The one stands before the first layer, or else behind the last.
        norm = partial(layers.LayerNormalization, epsilon=EPSILON, dtype=dtype)
        if self.normalize_first:
            self.final_layer_norm = norm(name="final_layer_norm")
        else:
            self.embeddings_layer_norm = norm(name="embeddings_layer_norm")
        self.embeddings_dropout = layers.Dropout(
            self.dropout, dtype=dtype, name="embeddings_dropout"
        )
        self.transformer_layers = [
            keras_hub.layers.TransformerEncoder(
                self.intermediate_dim,
                self.num_heads,
                dropout=self.dropout,
                activation=partial(keras.activations.gelu, approximate=True),
                layer_norm_epsilon=EPSILON,
                kernel_initializer=weights(),
                normalize_first=self.normalize_first,
                dtype=dtype,
                name=f"transformer_layer_{number}",
            )
            for number in range(self.num_layers)
        ]
        self.pooled_dense = layers.Dense(
            self.hidden_dim, "tanh", kernel_initializer=weights(), dtype=dtype, name="pooled_dense"
        )

    def _encoded(self, inputs: Any) -> Any:
        """Each token in its context: (examples, steps, width)."""
        padding = inputs["padding_mask"]
        tokens = self.token_embedding(inputs["token_ids"])
        x = tokens + self.position_embedding(tokens) + self.segment_embedding(inputs["segment_ids"])
        if not self.normalize_first:
            x = self.embeddings_layer_norm(x)
        x = self.embeddings_dropout(x)
        visible = _before(padding) if self.causal else None
        for layer in self.transformer_layers:
            x = layer(x, padding_mask=padding, attention_mask=visible)
        return self.final_layer_norm(x) if self.normalize_first else x

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this encoder."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "max_sequence_length": self.max_sequence_length,
            "num_segments": self.num_segments,
            "normalize_first": self.normalize_first,
            "causal": self.causal,
        }


def _before(padding: Any) -> Any:
    """Which tokens each one may see: those up to itself, int32 (examples, steps, steps)."""
    ops = keras.ops
    place = ops.cumsum(ops.ones_like(padding), axis=1)
    seen = ops.expand_dims(place, 2) >= ops.expand_dims(place, 1)
    return ops.cast(seen, "int32")
