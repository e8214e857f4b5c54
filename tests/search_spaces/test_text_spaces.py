"""Architectures for short texts: padding must never be seen in what they put out."""

import keras
import keras_tuner
import numpy as np
import pytest

from harness import registry
from harness.blocks import pairs
from harness.blocks.encoder import fine_tuned_model, new_encoder
from harness.blocks.text import TEXT_KINDS
from harness.spec import DataSpec, Infeasible, TensorSpec

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


POOLED = [
    *((name, pooling) for name in ("lstm", "text_cnn") for pooling in ("max", "mean")),
    *((name, pooling) for name in ("bert", "bert_scratch") for pooling in ("first", "mean")),
]


@pytest.mark.parametrize(
    "name, kind, pooling",
    [
        *((name, "text_classification", pooling) for name, pooling in POOLED),
        *((name, kind, "mean") for name, pooling in POOLED for kind in TEXT_KINDS[1:]
          if pooling == "mean"),
    ],
)  # fmt: skip
def test_an_example_of_padding_alone_spoils_nothing(name, kind, pooling):
    """Beside others, in what is put out and in what is learned from it."""
    space = registry.space(name)
    keras.utils.set_random_seed(0)
    model = space.build(config(space, kind, pooling=pooling), spec(kind))
    x = texts(9)
    expected = next(iter(model(x, training=False).values()))
    empty = {name: np.vstack([array, np.zeros((1, 9), "int32")]) for name, array in x.items()}
    found = next(iter(model(empty, training=False).values()))
    expected, found = (keras.ops.convert_to_numpy(array) for array in (expected, found))
    np.testing.assert_allclose(found[:3], expected, atol=1e-5)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 100
    target = np.zeros(found.shape if kind == "sentence_similarity" else found.shape[:-1])
    loss = (
        keras.losses.MeanSquaredError()
        if kind == "sentence_similarity"
        else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.compile("sgd", loss, jit_compile=False)
    assert np.isfinite(model.train_on_batch(empty, target))
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_texts_longer_than_an_encoder_reads_are_infeasible_and_a_new_one_reads_them():
    long = TensorSpec((None,), "int32", size=30, longest=300, vocabulary="pieces")
    segments = TensorSpec((None,), "int32", size=2, longest=300, aligned="tokens")
    wanted = DataSpec(
        {"tokens": long, "segments": segments}, OUTPUTS["text_classification"],
        "text_classification",
    )  # fmt: skip
    space = registry.space("bert_scratch")
    model = space.build(config(space, "text_classification"), wanted)
    x = {"tokens": np.ones((2, 300), "int32"), "segments": np.zeros((2, 300), "int32")}
    assert model(x, training=False)["label"].shape == (2, 3)
    encoder = new_encoder(spec("text_classification"), 2, 128, 0.1)
    with pytest.raises(Infeasible, match="reads 256 tokens at most, an example has 300"):
        fine_tuned_model(encoder, wanted, "mean", 0.1)


def test_both_texts_of_a_pair_are_read_from_their_start():
    tokens = np.array([[2, 7, 8, 3, 9, 3, 0, 0], [2, 3, 5, 6, 5, 6, 5, 3], [0] * 8], "int32")
    segments = np.array([[0, 0, 0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1, 1, 1], [0] * 8], "int32")
    first, second = map(keras.ops.convert_to_numpy, pairs.apart(tokens, segments))
    assert first.tolist() == [[2, 7, 8, 3, 0, 0, 0, 0], [2, 3, 0, 0, 0, 0, 0, 0], [0] * 8]
    assert second.tolist() == [
        [2, 9, 3, 0, 0, 0, 0, 0],
        [2, 5, 6, 5, 6, 5, 3, 0],
        [2, 0, 0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("pairing", ["features", "cosine"])
@pytest.mark.parametrize("name", ["text_cnn", "bert_scratch"])
def test_texts_that_are_read_apart_are_read_by_the_same_weights(name, pairing):
    space, kind = registry.space(name), "sentence_similarity"
    keras.utils.set_random_seed(0)
    model = space.build(config(space, kind, pairing=pairing), spec(kind))

    def similarity(*rows):
        tokens = np.array([[2, *one, 3, *other, 3, *[0] * padding] for one, other, padding in rows])
        segments = np.array(
            [[0] * (len(one) + 2) + [1] * (len(other) + 1) + [0] * n for one, other, n in rows]
        )
        x = {"tokens": tokens, "segments": segments}
        return keras.ops.convert_to_numpy(model(x, training=False)["similarity"])

    here, there = similarity(([7, 8], [9, 5, 6], 0), ([9, 5, 6], [7, 8], 0))[:, 0]
    assert similarity(([7, 8], [9, 5, 6], 6))[0, 0] == pytest.approx(here, abs=1e-5)
    # A cosine does not know which text came first, if both are read alike.
    assert (here == pytest.approx(there, abs=1e-5)) == (pairing == "cosine")


@pytest.mark.parametrize("name", ["lstm", "bert_scratch"])
def test_letters_are_read_by_a_body_of_its_own_and_by_no_encoder(name):
    kind = "token_classification"
    inputs = {
        **spec(kind).inputs,
        "characters": TensorSpec((None, 5), "uint8", size=256, longest=20, aligned="tokens"),
    }
    space = registry.space(name)
    model = space.build(config(space, kind), DataSpec(inputs, OUTPUTS[kind], kind))
    letters = np.random.default_rng(0).integers(1, 256, (3, 9, 5)).astype("uint8")

    def tags(characters):
        return model({**texts(9), "characters": characters}, training=False)["tags"]

    one, other = (keras.ops.convert_to_numpy(tags(array)) for array in (letters, 255 - letters))
    assert np.array_equal(one, other) == (name == "bert_scratch")
    assert {tensor.name: tensor.dtype for tensor in model.inputs}["characters"] == "uint8"


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
