"""Recurrent encoder and decoder, with attention between them or without.

Imports keras at once: import it inside functions only.
"""

from typing import Any

import keras

from harness.blocks.translation import Translator

CELLS = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


@keras.saving.register_keras_serializable(package="search_spaces")
class RecurrentTranslator(Translator):
    """Layers of cells read the source; others, which begin with their last states, write.

    Without attention the last states are all that the decoder knows of the source (Cho et al.
    2014, arXiv:1406.1078; Sutskever et al. 2014, arXiv:1409.3215). With attention, the state of
    each step looks at the encoder's outputs, and context and state together give the features
    (Luong et al. 2015, arXiv:1508.04025, equation 5). What it looked at is not fed back into the
    cells, so that all steps of training are computed at once.

    Args:
        cell: `rnn`, `gru` or `lstm`.
        bidirectional: whether the source is read from both ends.
        layers: layers of cells, in encoder and decoder each.
        units: width of a state.
        attention: how a state is compared with an output of the encoder: `additive` (Bahdanau et
            al. 2015, arXiv:1409.0473), `multiplicative` (Luong's "general", scaled by the width),
            or `None`.
        options: arguments of `Translator`.
    """

    def __init__(
        self,
        cell: str,
        bidirectional: bool,
        layers: int,
        units: int,
        attention: str | None,
        **options: Any,
    ) -> None:
        super().__init__(width=units, **options)
        self.architecture = {
            "cell": cell,
            "bidirectional": bidirectional,
            "layers": layers,
            "units": units,
            "attention": attention,
        }

        def recurrent(name: str) -> Any:
            return CELLS[cell](units, return_sequences=True, return_state=True, name=name)

        self.encoders: list[Any] = []
        self.decoders: list[Any] = []
        self.bridges: list[list[Any]] = []
        self.dropouts: list[Any] = []
        for number in range(layers):
            encoder = recurrent(f"encoder_{number}")
            if bidirectional:
                encoder = keras.layers.Bidirectional(encoder, name=f"both_ways_{number}")
            self.encoders.append(encoder)
            self.decoders.append(recurrent(f"decoder_{number}"))
            states = 2 if cell == "lstm" else 1
            self.bridges.append(
                [
                    keras.layers.Dense(units, activation="tanh", name=f"bridge_{number}_{state}")
                    for state in range(states if bidirectional else 0)
                ]
            )
            self.dropouts.append(
                keras.layers.Dropout(self.choices["dropout"], name=f"dropout_{number}")
            )
        if attention is not None:
            self.key = keras.layers.Dense(units, use_bias=False, name="key")
            self.query = keras.layers.Dense(units, use_bias=False, name="query")
            self.attend = (
                keras.layers.AdditiveAttention(name="attend")
                if attention == "additive"
                else keras.layers.Attention(name="attend")
            )
            self.combine = keras.layers.Dense(units, activation="tanh", name="combine")

    def read(self, source: Any, training: bool | None = None) -> dict[str, Any]:
        """Outputs and keys for attention, the mask of real tokens, and the decoder's first
        states."""
        mask = keras.ops.not_equal(source, 0)
        x = self.source_dropout(self.embedded(source, self.source_embedding), training=training)
        first = []
        for number, (encoder, bridges) in enumerate(zip(self.encoders, self.bridges, strict=True)):
            if number:
                x = self.dropouts[number](x, training=training)
            x, *states = encoder(x, mask=mask, training=training)
            if self.architecture["bidirectional"]:
                kinds = len(bridges)  # of states, first those of one direction
                states = [
                    bridge(keras.ops.concatenate([states[kind], states[kinds + kind]], axis=-1))
                    for kind, bridge in enumerate(bridges)
                ]
            first.append(states)
        memory = {"mask": mask, "first": first}
        if self.attends:
            memory |= {"values": x, "keys": self.key(x)}
        return memory

    def features(self, target: Any, memory: Any, training: bool | None = None) -> Any:
        """Features of each step, (examples, T, width)."""
        states = self._states(target, memory, training)
        return self._combined(states, memory)[0] if self.attends else states

    @property
    def attends(self) -> bool:
        """As of `Translator`."""
        return self.architecture["attention"] is not None

    def attention(self, source: Any, target: Any) -> Any:
        """As of `Translator`."""
        memory = self.read(source)
        return self._combined(self._states(target, memory), memory)[1]

    def _states(self, target: Any, memory: Any, training: bool | None = None) -> Any:
        x = self.target_dropout(self.embedded(target, self.target_embedding), training=training)
        for number, (decoder, first) in enumerate(zip(self.decoders, memory["first"], strict=True)):
            if number:
                x = self.dropouts[number](x, training=training)
            x, *_ = decoder(x, initial_state=first, training=training)
        return x

    def _combined(self, states: Any, memory: Any) -> tuple[Any, Any]:
        query = self.query(states)
        if self.architecture["attention"] == "multiplicative":
            # Products grow with the width; unscaled, the weights soon fell on one position for
            # good (Vaswani et al. 2017, section 3.2.1).
            query = query * self.width**-0.5
        context, weights = self.attend(
            [query, memory["values"], memory["keys"]],
            mask=[None, memory["mask"]],
            return_attention_scores=True,
        )
        return self.combine(keras.ops.concatenate([context, states], axis=-1)), weights

    def begin(self, source: Any, steps: int) -> tuple[Any, Any]:
        """As of `Translator`; the state is that of the cells."""
        memory = self.read(source)
        return {name: part for name, part in memory.items() if name != "first"}, memory["first"]

    def step_features(self, tokens: Any, index: Any, context: Any, state: Any) -> tuple[Any, Any]:
        """Features (rows, width) of one step, and the states after it."""
        x = self.embedded(tokens, self.target_embedding)
        following = []
        for decoder, states in zip(self.decoders, state, strict=True):
            x, states = decoder.cell(x, list(states), training=False)
            following.append(list(states) if isinstance(states, list | tuple) else [states])
        if self.attends:
            x = self._combined(x[:, None], context)[0][:, 0]
        return x, following

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), **self.architecture}
