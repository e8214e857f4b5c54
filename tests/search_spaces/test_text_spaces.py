"""Architectures for short texts: padding must never be seen in what they put out."""

import keras
import keras_tuner
import numpy as np
import pytest

from harness import registry
from harness.blocks.text import TEXT_KINDS
from harness.spec import DataSpec, TensorSpec

OUTPUTS = {
    "text_classification": {"label": TensorSpec((), "int32", size=3)},
    "token_classification": {
        "tags": TensorSpec((None,), "int32", size=4, longest=20, aligned="tokens")
    },
    "sentence_similarity": {"similarity": TensorSpec((1,), "float32")},
}


def spec(kind):
    inputs = {
        "tokens": TensorSpec((None,), "int32", size=30, longest=20, vocabulary="pieces"),
        "segments": TensorSpec((None,), "int32", size=2, longest=20, aligned="tokens"),
    }
    return DataSpec(inputs, OUTPUTS[kind], kind)


def texts(width):
    """The same three texts, filled up to a width."""
    random = np.random.default_rng(0)
    tokens, segments = np.zeros((3, width), "int32"), np.zeros((3, width), "int32")
    for row, length in enumerate((9, 5, 2)):
        tokens[row, :length] = random.integers(1, 30, length)
        segments[row, length // 2 : length] = 1
    return {"tokens": tokens, "segments": segments}


def config(space, kind, **choices):
    hp = keras_tuner.HyperParameters()
    hp.values.update(choices)
    return space.sample(hp, kind)


@pytest.mark.parametrize("kind", TEXT_KINDS)
@pytest.mark.parametrize("pooling", ["max", "mean"])
@pytest.mark.parametrize("name", ["lstm", "text_cnn"])
def test_padding_never_changes_what_is_put_out(name, kind, pooling):
    space = registry.space(name)
    chosen = config(space, kind, pooling=pooling, layers=2, units=64, embedding=64, filters=64)
    keras.utils.set_random_seed(0)
    model = space.build(chosen, spec(kind))
    ((output, short),) = model(texts(9), training=False).items()
    long = model(texts(20), training=False)[output]
    short, long = (keras.ops.convert_to_numpy(array) for array in (short, long))
    assert short.dtype == "float32"
    if kind == "token_classification":
        real = texts(9)["tokens"] != 0
        short, long = short[real], long[:, :9][real]
    np.testing.assert_allclose(short, long, atol=1e-5)
    alone = model({name: array[1:2, :5] for name, array in texts(9).items()}, training=False)
    alone = keras.ops.convert_to_numpy(alone[output])[0]
    expected = short[9:14] if kind == "token_classification" else short[1]
    np.testing.assert_allclose(alone, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "text_cnn"])
def test_segments_and_both_directions_are_read(name):
    space = registry.space(name)
    model = space.build(config(space, "token_classification"), spec("token_classification"))

    def first(**changes):
        tags = model({**texts(9), **changes}, training=False)["tags"]
        return keras.ops.convert_to_numpy(tags)[0, 3]

    swapped = texts(9)["segments"].copy()
    swapped[0] = 1 - swapped[0]
    assert not np.allclose(first(), first(segments=swapped))
    for place in (2, 4):
        tokens = texts(9)["tokens"].copy()
        tokens[0, place] = 1 + tokens[0, place] % 29
        assert not np.allclose(first(), first(tokens=tokens))


def test_tags_have_no_pooling():
    for name in ("lstm", "text_cnn"):
        assert config(registry.space(name), "token_classification").pooling is None
        assert config(registry.space(name), "sentence_similarity").pooling == "max"


def test_the_lstm_of_series_is_still_the_one_it_was():
    chosen = config(registry.space("lstm"), "sequence_regression")
    assert type(chosen).__name__ == "LSTM"
