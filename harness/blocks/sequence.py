"""What the sequence architectures share: how a body meets tokens, series and sequences.

A body is a function from (examples, steps, width) to (examples, steps, any width) whose output
at a step depends on that step and earlier ones only. `sequence_model` puts it between the
stem and the head that the kind of task asks for, so that an architecture is its body:

    @dataclass(frozen=True)
    class Config(Sequence):
        units: int

    def sample(hp, kind):
        return Config(**sample_sequence(hp, kind), units=hp.Choice("units", [32, 64]))

    def build(config, spec):
        import keras

        def body(x):
            return keras.layers.GRU(config.units, return_sequences=True)(x)

        return sequence_model(config, spec, body)

    space = SearchSpace("mine", SEQUENCE_KINDS, sample, build)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.blocks.tensors import fixed, only
from harness.kinds import language_modeling, sequence_regression, time_series_forecasting
from harness.spec import DataSpec, HyperParameters, Kind

SEQUENCE_KINDS: tuple[Kind, ...] = (
    language_modeling.KIND,
    time_series_forecasting.KIND,
    sequence_regression.KIND,
)
DROPOUT: dict[Kind, float] = {
    language_modeling.KIND: 0.2,
    time_series_forecasting.KIND: 0.2,
    sequence_regression.KIND: 0.0,
}
"""Default rates: data sets of text and of time series are overfitted within a few epochs."""

Body = Callable[[Any], Any]


@dataclass(frozen=True)
class Sequence:
    """The fields that the configurations of all sequence architectures begin with.

    Those that do not apply to a kind of task are `None`.
    """

    dropout: float
    """After the embedding, between the layers of the body, and before the output."""
    layer_norm: bool
    """Whether the body's output is normalised (Ba et al. 2016, arXiv:1607.06450)."""
    embedding: int | None
    """Width of a token's embedding; language modeling only."""
    tied: bool | None
    """Whether the output projection is the embedding's matrix (Press and Wolf 2017,
    arXiv:1608.05859; Inan et al. 2017, arXiv:1611.01462); language modeling only."""
    channels: str | None
    """`independent`: each channel is a series of its own, forecast from its own past by the
    same weights (Nie et al. 2023, arXiv:2211.14730); `mixed`: all are read and forecast
    together, also where the forecast has other channels than the past. Forecasting only."""
    normalize: bool | None
    """Whether the last value of the past is subtracted before and added after, as in NLinear
    (Zeng et al. 2023, arXiv:2205.13504), where forecast and past have the same channels.
    Forecasting only."""
    patch: int | None
    """Steps of the past that the body reads as one (Nie et al. 2023; Lin et al. 2023,
    arXiv:2308.11200, for recurrent networks); forecasting only."""
    linear: bool | None
    """Whether a linear map of the past is added to the forecast: the autoregressive part of
    LSTNet (Lai et al. 2018, arXiv:1703.07015); forecasting only."""
    readout: str | None
    """Which steps of the body's output are read: the `last`, the `mean` of all, or all of
    them side by side (`flatten`). `None` for language modeling, which reads each by itself."""


def sample_sequence(hp: HyperParameters, kind: Kind, flatten: bool = False) -> dict[str, Any]:
    """Draws the fields of `Sequence`, by name.

    Args:
        hp: Where the values are drawn from.
        kind: The kind of task, one of `SEQUENCE_KINDS`.
        flatten: Whether a forecast may be read from all steps of the body.
    """
    fields: dict[str, Any] = dict.fromkeys(Sequence.__dataclass_fields__)
    fields["dropout"] = hp.Float("dropout", 0.0, 0.5, step=0.1, default=DROPOUT[kind])
    fields["layer_norm"] = hp.Boolean("layer_norm", default=True)
    match kind:
        case language_modeling.KIND:
            fields["embedding"] = hp.Choice("embedding", [128, 192, 256], default=192)
            fields["tied"] = hp.Boolean("tied", default=True)
        case time_series_forecasting.KIND:
            fields["channels"] = hp.Choice(
                "channels", ["independent", "mixed"], default="independent"
            )
            fields["normalize"] = hp.Boolean("normalize", default=True)
            fields["patch"] = hp.Choice("patch", [1, 8, 16], default=8)
            fields["linear"] = hp.Boolean("linear", default=True)
            fields["readout"] = "last"
            if flatten:
                # Without patches there are so many steps that reading them all is not affordable.
                with hp.conditional_scope("patch", [8, 16]):
                    readout = hp.Choice("readout", ["last", "flatten"], default="last")
                fields["readout"] = readout if fields["patch"] > 1 else "last"
        case sequence_regression.KIND:
            fields["readout"] = hp.Choice("readout", ["last", "mean"], default="last")
    return fields


def sequence_model(config: Sequence, spec: DataSpec, body: Body) -> Any:
    """The `keras.Model` of a body, with the stem and the head of the kind of task.

    A language model's logits are the product of the output of the layer named
    `language_modeling.FEATURES`, (examples, steps, width), with the matrix of the layer named
    `language_modeling.MATRIX`: the transposed matrix of a `ReversibleEmbedding` where tied, the
    kernel of a `Dense` with a bias where not. Tasks rely on it to compute fewer logits than all
    in training.

    Returns:
        For tokens (examples, steps), logits (examples, steps, vocabulary); for a past
        (examples, steps, channels), a future (examples, horizon, channels); for a sequence
        (examples, steps, channels), values (examples, count).

    Raises:
        HarnessError: the task has more inputs or outputs than one.
    """
    match spec.kind:
        case language_modeling.KIND:
            return _language_model(config, spec, body)
        case time_series_forecasting.KIND:
            return _forecaster(config, spec, body)
    return _regressor(config, spec, body)


def _language_model(config: Sequence, spec: DataSpec, body: Body) -> Any:
    import keras

    name, tokens = only(spec.inputs, "input")
    output, following = only(spec.outputs, "output")
    assert config.embedding is not None
    # Small, so that the first loss is near that of equal probabilities; the scale brings the
    # embedded tokens back to the size that bodies expect (Vaswani et al. 2017, section 3.4).
    initializer = keras.initializers.RandomNormal(stddev=0.02)
    if config.tied:
        embed = keras.layers.ReversibleEmbedding(
            tokens.size,
            config.embedding,
            embeddings_initializer=initializer,
            reverse_dtype="float32",
            name=language_modeling.MATRIX,
        )
    else:
        embed = keras.layers.Embedding(tokens.size, config.embedding, initializer)
    inputs = keras.Input(tokens.shape, dtype="int32", name=name)
    x = keras.layers.Rescaling(config.embedding**0.5)(embed(inputs))
    x = body(keras.layers.Dropout(config.dropout)(x))
    if config.layer_norm:
        x = keras.layers.LayerNormalization()(x)
    if config.tied and x.shape[-1] != config.embedding:
        x = keras.layers.Dense(config.embedding, use_bias=False)(x)
    x = keras.layers.Dropout(config.dropout, name=language_modeling.FEATURES)(x)
    if config.tied:
        logits = embed(x, reverse=True)
    else:
        project = keras.layers.Dense(following.size, dtype="float32", name=language_modeling.MATRIX)
        logits = project(x)
    return keras.Model({name: inputs}, {output: logits})


def _regressor(config: Sequence, spec: DataSpec, body: Body) -> Any:
    import keras

    name, sequence = only(spec.inputs, "input")
    output, values = only(spec.outputs, "output")
    inputs = keras.Input(sequence.shape, dtype="float32", name=name)
    x = _read_out(config, body(inputs))
    outputs = keras.layers.Dense(values.shape[0], dtype="float32", name=output)(x)
    return keras.Model({name: inputs}, {output: outputs})


def _forecaster(config: Sequence, spec: DataSpec, body: Body) -> Any:
    import keras

    name, past = only(spec.inputs, "input")
    output, future = only(spec.outputs, "output")
    (steps, channels), (horizon, forecast) = fixed(name, past), fixed(output, future)
    assert config.patch is not None
    same = channels == forecast
    normalize = config.normalize and same
    independent = config.channels == "independent" and same
    inputs = keras.Input(past.shape, dtype="float32", name=name)
    # Outside the body are operations and layers in float32: a level in 16 bits is too coarse.
    last = inputs[:, -1:]
    x = inputs - last if normalize else inputs
    terms = [last] if normalize else []
    if config.linear:
        terms.append(_linear(x, horizon, forecast))
    if independent:
        # Channels become examples: (examples * channels, steps, 1).
        x = keras.ops.reshape(_transposed(x), (-1, steps, 1))
    x = _read_out(config, body(_patches(x, config.patch)))
    values = horizon if independent else horizon * forecast
    x = keras.layers.Dense(values, kernel_initializer="zeros", dtype="float32")(x)
    if independent:
        x = _transposed(keras.ops.reshape(x, (-1, channels, horizon)))
    else:
        x = keras.ops.reshape(x, (-1, horizon, forecast))
    x = sum(terms, start=x)
    outputs = keras.layers.Identity(dtype="float32", name=output)(x)
    return keras.Model({name: inputs}, {output: outputs})


def _linear(x: Any, horizon: int, forecast: int) -> Any:
    """Each channel's future as one linear map of its past: (examples, horizon, forecast)."""
    import keras

    channels = x.shape[-1]
    # From zero: a random map of hundreds of steps is noise that takes epochs to unlearn.
    dense = keras.layers.Dense(horizon, kernel_initializer="zeros", dtype="float32")
    x = _transposed(dense(_transposed(x)))
    if forecast != channels:
        x = keras.layers.Dense(forecast, use_bias=False, dtype="float32")(x)
    return x


def _transposed(x: Any) -> Any:
    """Steps and channels in each other's place."""
    import keras

    return keras.ops.transpose(x, (0, 2, 1))


def _patches(x: Any, size: int) -> Any:
    """Joins `size` steps in one; the first is filled up with zeros in front."""
    import keras

    _, steps, channels = x.shape
    x = keras.layers.ZeroPadding1D((-steps % size, 0))(x)
    return keras.layers.Reshape((-1, size * channels))(x)


def _read_out(config: Sequence, x: Any) -> Any:
    """What the output is computed from: (examples, width)."""
    import keras

    if config.layer_norm:
        x = keras.layers.LayerNormalization()(x)
    match config.readout:
        case "mean":
            x = keras.layers.GlobalAveragePooling1D()(x)
        case "last":
            x = keras.layers.Flatten()(keras.layers.Cropping1D((x.shape[1] - 1, 0))(x))
        case "flatten":
            x = keras.layers.Flatten()(x)
    return keras.layers.Dropout(config.dropout)(x)
