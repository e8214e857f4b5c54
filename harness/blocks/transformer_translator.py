"""Transformer encoder and decoder. Imports keras at once: import it inside functions only."""

from typing import Any

import keras
import keras_hub

from harness.blocks.translation import Translator

EPSILON = 1e-5
"""Of normalisation, as in KerasHub's blocks."""


@keras.saving.register_keras_serializable(package="search_spaces")
class TransformerTranslator(Translator):
    """Encoder and decoder of attention alone (Vaswani et al. 2017, arXiv:1706.03762).

    Args:
        depth: blocks, in encoder and decoder each.
        heads: of each attention.
        mlp_ratio: width of the feed-forward layers, in widths of a token.
        position: `sine` or `learned`.
        normalize_first: whether blocks normalise what they read (Xiong et al. 2020,
            arXiv:2002.04745), and not what they give, as the original does.
        longest: positions that are learned.
        options: arguments of `Translator`; the embedding's width is that of all blocks.
    """

    def __init__(
        self,
        depth: int,
        heads: int,
        mlp_ratio: int,
        position: str,
        normalize_first: bool,
        longest: int,
        **options: Any,
    ) -> None:
        super().__init__(width=options["embedding"], **options)
        self.architecture = {
            "depth": depth,
            "heads": heads,
            "mlp_ratio": mlp_ratio,
            "position": position,
            "normalize_first": normalize_first,
            "longest": longest,
        }
        width, dropout = int(self.choices["embedding"]), self.choices["dropout"]

        def positions(name: str) -> Any:
            if position == "sine":
                return keras_hub.layers.SinePositionEncoding(name=name)
            return keras_hub.layers.PositionEmbedding(longest, name=name)

        self.source_position = positions("source_position")
        self.target_position = positions("target_position")
        self.encoders = [
            keras_hub.layers.TransformerEncoder(
                intermediate_dim=width * mlp_ratio,
                num_heads=heads,
                dropout=dropout,
                normalize_first=normalize_first,
                name=f"encoder_{number}",
            )
            for number in range(depth)
        ]
        self.decoders = [
            DecoderBlock(width, heads, mlp_ratio, dropout, normalize_first, name=f"decoder_{n}")
            for n in range(depth)
        ]
        if normalize_first:
            self.encoder_norm, self.decoder_norm = (
                keras.layers.LayerNormalization(epsilon=EPSILON, name=f"{side}_norm")
                for side in ("encoder", "decoder")
            )

    def read(self, source: Any, training: bool | None = None) -> dict[str, Any]:
        """The encoder's outputs, and the mask of real tokens."""
        mask = keras.ops.not_equal(source, 0)
        x = self.embedded(source, self.source_embedding)
        x = self.source_dropout(x + self.source_position(x), training=training)
        for block in self.encoders:
            x = block(x, padding_mask=mask, training=training)
        return {"values": self.encoder_norm(x) if self._first else x, "mask": mask}

    def features(self, target: Any, memory: Any, training: bool | None = None) -> Any:
        """Features of each step, (examples, T, width)."""
        return self._written(target, memory, training)[0]

    def attention(self, source: Any, target: Any) -> Any:
        """As of `Translator`: the mean over the heads of the last block."""
        weights = self._written(target, self.read(source))[1]
        return keras.ops.mean(weights, axis=1)

    def _written(self, target: Any, memory: Any, training: bool | None = None) -> tuple[Any, Any]:
        x = self.embedded(target, self.target_embedding)
        x = self.target_dropout(x + self.target_position(x), training=training)
        weights = None
        for block in self.decoders:
            x, weights = block(x, memory["values"], memory["mask"], training=training)
        return self.decoder_norm(x) if self._first else x, weights

    @property
    def _first(self) -> bool:
        return bool(self.architecture["normalize_first"])

    def begin(self, source: Any, steps: int) -> tuple[Any, Any]:
        """As of `Translator`; keys and values of the source stay, those of the target grow."""
        memory = self.read(source)
        caches = [block.begin(memory["values"], steps) for block in self.decoders]
        context = {"mask": memory["mask"], "sources": [source for source, _ in caches]}
        return context, [target for _, target in caches]

    def step_features(self, tokens: Any, index: Any, context: Any, state: Any) -> tuple[Any, Any]:
        """Features (rows, width) of one step, and keys and values with those of the step."""
        x = self.embedded(tokens[:, None], self.target_embedding)
        x = x + self.target_position(x, start_index=index)
        following = []
        for block, source, target in zip(self.decoders, context["sources"], state, strict=True):
            x, target = block.step(x, index, source, context["mask"], target)
            following.append(target)
        return (self.decoder_norm(x) if self._first else x)[:, 0], following

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), **self.architecture}


@keras.saving.register_keras_serializable(package="search_spaces")
class DecoderBlock(keras.layers.Layer):  # type: ignore[misc]
    """Self-attention, attention to the source, and a feed-forward layer.

    KerasHub's `TransformerDecoder` with two differences: it gives its attention to the source,
    and it takes a cache of the source's keys and values that is computed once.

    Args:
        width: of a token.
        heads: of each attention.
        mlp_ratio: width of the feed-forward layer, in widths of a token.
        dropout: rate behind each part.
        normalize_first: see `TransformerTranslator`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_ratio: int,
        dropout: float,
        normalize_first: bool,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.choices = {
            "width": width,
            "heads": heads,
            "mlp_ratio": mlp_ratio,
            "dropout": dropout,
            "normalize_first": normalize_first,
        }

        def attention(name: str) -> Any:
            return keras_hub.layers.CachedMultiHeadAttention(
                num_heads=heads, key_dim=width // heads, dropout=dropout, name=name
            )

        self.self_attention = attention("self_attention")
        self.cross_attention = attention("cross_attention")
        self.inner = keras.layers.Dense(width * mlp_ratio, activation="relu", name="inner")
        self.outer = keras.layers.Dense(width, name="outer")
        self.norms = [
            keras.layers.LayerNormalization(epsilon=EPSILON, name=f"norm_{n}") for n in range(3)
        ]
        self.dropouts = [keras.layers.Dropout(dropout, name=f"dropout_{n}") for n in range(3)]

    def build(self, x_shape: Any, memory_shape: Any, real_shape: Any) -> None:
        """Creates all weights."""
        self.self_attention.build(x_shape, x_shape)
        self.cross_attention.build(x_shape, memory_shape)
        self.inner.build(x_shape)
        self.outer.build((*x_shape[:-1], self.inner.units))
        for norm in self.norms:
            norm.build(x_shape)

    def call(self, x: Any, memory: Any, real: Any, training: bool | None = None) -> tuple[Any, Any]:
        """Outputs (examples, T, width) and weights (examples, heads, T, S).

        Args:
            x: shape (examples, T, width).
            memory: the encoder's outputs, shape (examples, S, width).
            real: which of them are real, shape (examples, S).
            training: whether to drop out.
        """
        steps = keras.ops.arange(keras.ops.shape(x)[1])
        causal = (steps[None, :] <= steps[:, None])[None]

        def attend(y: Any) -> Any:
            return self.self_attention(y, y, attention_mask=causal, training=training)

        x, _ = self._part(0, x, lambda y: (attend(y), None), training)
        x, weights = self._part(
            1,
            x,
            lambda y: self.cross_attention(
                y,
                memory,
                attention_mask=real[:, None, :],
                return_attention_scores=True,
                training=training,
            ),
            training,
        )
        x, _ = self._part(2, x, lambda y: (self.outer(self.inner(y)), None), training)
        return x, weights

    def compute_output_spec(self, x: Any, memory: Any, real: Any, training: Any = None) -> Any:
        """Of outputs and weights."""
        weights = (x.shape[0], self.choices["heads"], x.shape[1], memory.shape[1])
        return x, keras.KerasTensor(weights, dtype=x.dtype)

    def begin(self, memory: Any, steps: int) -> tuple[Any, Any]:
        """Keys and values of the source, and room for those of the target: (rows, 2, S or steps,
        heads, width of a head)."""
        ops = keras.ops
        rows, length = ops.shape(memory)[:2]
        heads = self.choices["heads"]
        size = (heads, self.choices["width"] // heads)
        room = ops.zeros((rows, 2, length, *size), dtype=self.compute_dtype)
        _, source = self.cross_attention(memory[:, :1], memory, cache=room, cache_update_index=0)
        return source, ops.zeros((rows, 2, steps, *size), dtype=self.compute_dtype)

    def step(self, x: Any, index: Any, source: Any, real: Any, target: Any) -> tuple[Any, Any]:
        """Outputs (rows, 1, width) of the step `index`, and the keys and values after it."""
        before = keras.ops.arange(keras.ops.shape(target)[2]) <= index

        def attend(y: Any) -> Any:
            return self.self_attention(
                y, y, attention_mask=before[None, None, :], cache=target, cache_update_index=index
            )

        x, target = self._part(0, x, attend)
        x, _ = self._part(
            1,
            x,
            lambda y: self.cross_attention(
                y, y, attention_mask=real[:, None, :], cache=source, training=False
            ),
        )
        x, _ = self._part(2, x, lambda y: (self.outer(self.inner(y)), None))
        return x, target

    def _part(
        self, number: int, x: Any, inside: Any, training: bool | None = False
    ) -> tuple[Any, Any]:
        """One part with its normalisation, dropout and residual connection, and what else
        `inside` gives."""
        norm, first = self.norms[number], self.choices["normalize_first"]
        y, other = inside(norm(x) if first else x)
        x = x + self.dropouts[number](y, training=training)
        return (x if first else norm(x)), other

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), **self.choices}
