"""What the translation architectures share: how a model reads, writes, and is put together.

A translation model is one layer named `translator` between the inputs `source` and `target` and
the output `next_token`: see `harness.kinds.translation`. Ids 0 are padding, at the end only;
nothing depends on them. Beside the logits of whole targets, which training needs, the layer offers
what decoding needs to go on from what it kept: `begin` and `step`, at the same cost for each token.

An architecture of one's own is a registered subclass of `Translator` and

    def build(config, spec):
        translator = MyTranslator(embedding=256, ..., **translator_options(config, spec))
        return translation_model(translator, spec)

with a configuration that begins with `harness.blocks.translation_fields.Translation`. Imports keras
at once: import it inside functions only.
"""

from typing import Any

import keras

from harness.kinds.translation import NEXT_TOKEN, SOURCE, TARGET
from harness.spec import DataSpec

LONGEST = 256
"""Positions that are learned where a task does not say how long its sentences get."""


def translation_model(translator: "Translator", spec: DataSpec) -> Any:
    """The `keras.Model` of a layer, from sources and targets to logits."""
    source = keras.Input((None,), dtype="int32", name=SOURCE)
    target = keras.Input((None,), dtype="int32", name=TARGET)
    return keras.Model({SOURCE: source, TARGET: target}, {NEXT_TOKEN: translator(source, target)})


class Translator(keras.layers.Layer):  # type: ignore[misc]
    """The base of all translators: embeddings, logits, and the order of things.

    Subclasses say how a source is read (`read`), what the decoder's features are (`features`),
    and how they come one step at a time (`begin`, `step_features`).

    Args:
        width: of the decoder's features.
        source_size: ids of the source vocabulary.
        target_size: ids of the target vocabulary.
        embedding: width of an embedded token.
        dropout: rate behind the embeddings and before the output.
        tied: whether the output projection is the matrix of the target embedding.
        shared: whether source and target have one embedding; needs one vocabulary.
    """

    def __init__(
        self,
        width: int,
        source_size: int,
        target_size: int,
        embedding: int,
        dropout: float,
        tied: bool,
        shared: bool,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.width = width
        self.sizes = {"source_size": source_size, "target_size": target_size}
        self.choices = {"embedding": embedding, "dropout": dropout, "tied": tied, "shared": shared}

        def embed(size: int, name: str) -> Any:
            return keras.layers.ReversibleEmbedding(
                size,
                embedding,
                # Small first logits where tied; `scale` brings tokens to the size of one.
                embeddings_initializer=keras.initializers.RandomNormal(stddev=embedding**-0.5),
                reverse_dtype="float32",
                name=name,
            )

        self.target_embedding = embed(target_size, "target_embedding")
        self.source_embedding = (
            self.target_embedding if shared else embed(source_size, "source_embedding")
        )
        self.scale = embedding**0.5
        self.source_dropout = keras.layers.Dropout(dropout, name="source_dropout")
        self.target_dropout = keras.layers.Dropout(dropout, name="target_dropout")
        self.features_dropout = keras.layers.Dropout(dropout, name="features_dropout")
        # Layers that were never used would stay unbuilt, and Keras would try to build them again
        # and again.
        if not tied:
            self.projection = keras.layers.Dense(target_size, dtype="float32", name="projection")
        elif self.width != embedding:
            self.to_embedding = keras.layers.Dense(embedding, use_bias=False, name="to_embedding")

    def build(self, source_shape: Any, target_shape: Any) -> None:
        """Creates all weights, by one symbolic call."""
        source, target = (
            keras.Input(shape[1:], dtype="int32") for shape in (source_shape, target_shape)
        )
        self.call(source, target)

    def compute_output_spec(self, source: Any, target: Any, training: Any = None) -> Any:
        """Logits in 32 bits, (examples, T, vocabulary)."""
        return keras.KerasTensor((*target.shape, self.sizes["target_size"]), dtype="float32")

    def call(self, source: Any, target: Any, training: bool | None = None) -> Any:
        """Logits of what follows each token of the targets.

        Args:
            source: ids, shape (examples, S).
            target: ids, shape (examples, T).
            training: whether to drop out.
        """
        memory = self.read(source, training)
        return self.logits(self.features(target, memory, training), training)

    def begin(self, source: Any, steps: int) -> tuple[Any, Any]:
        """What step by step decoding of sources (rows, S) begins with.

        Args:
            source: ids.
            steps: most steps there will be.

        Returns:
            Context, which stays, and state, which `step` replaces: nested structures of tensors
            whose first axis counts rows.
        """
        raise NotImplementedError

    @property
    def attends(self) -> bool:
        """Whether there is an `attention` to look at."""
        return True

    def attention(self, source: Any, target: Any) -> Any:
        """Where each step of targets (examples, T) looks in sources (examples, S): weights
        (examples, T, S), which sum to 1 over the source."""
        raise NotImplementedError

    def step(self, tokens: Any, index: Any, context: Any, state: Any) -> tuple[Any, Any]:
        """Logits (rows, vocabulary) of what follows the tokens (rows,) at `index`, and the next
        state: those of `call` at that position."""
        features, state = self.step_features(tokens, index, context, state)
        return self.logits(features), state

    def embedded(self, tokens: Any, embedding: Any) -> Any:
        """Embedded tokens, of about unit size."""
        return embedding(tokens) * self.scale

    def logits(self, features: Any, training: bool | None = None) -> Any:
        """Logits of features (..., width)."""
        x = self.features_dropout(features, training=training)
        if not self.choices["tied"]:
            return self.projection(x)
        if self.width != self.choices["embedding"]:
            x = self.to_embedding(x)
        return self.target_embedding(x, reverse=True)

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), **self.sizes, **self.choices}
