"""BERT: what is handed on from pretraining to fine-tuning, and what is trained then."""

import dataclasses
import importlib.util
import os
import subprocess
import sys

import keras
import keras_hub
import numpy as np
import pytest
from harness.search_spaces.bert import FineTuning, Pretraining, bert

from harness.blocks import encoder as _bert
from harness.blocks.text import TEXT_KINDS
from harness.kinds.masked_language_modeling import compile_args
from harness.models import load_model
from harness.spec import Training
from harness.training.optimizer import build_optimizer
from tests import encoders


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """The file of a model whose weights are all unlike those it began with."""
    keras.utils.set_random_seed(0)
    config = Pretraining(2, 128, 0.1, normalization="pre", next_sentence=True)
    model = bert.build(config, encoders.pretraining_spec())
    random = np.random.default_rng(1)
    model.set_weights([w + random.normal(0, 0.05, w.shape) for w in model.get_weights()])
    path = tmp_path_factory.mktemp("pretrained") / "model.keras"
    model.save(path)
    return path


def fine_tuned(pretrained, kind="text_classification", **fields):
    pooling = None if kind == "token_classification" else "mean"
    config = FineTuning(dropout=0.1, pooling=pooling, frozen=0, layer_decay=1.0)
    config = dataclasses.replace(config, **fields)
    return config, bert.build(config, encoders.text_spec(kind), load_model(pretrained))


def test_an_encoder_that_normalises_last_is_that_of_kerashub():
    x = encoders.examples()
    keras.utils.set_random_seed(0)
    known = keras_hub.models.BertBackbone(
        vocabulary_size=encoders.SIZE, num_layers=2, num_heads=2, hidden_dim=128,
        intermediate_dim=512, dropout=0.1, max_sequence_length=256, num_segments=2,
    )  # fmt: skip
    own = _bert.new_encoder(encoders.pretraining_spec(), 2, 128, 0.1)
    weights = [weight + 0.03 * number for number, weight in enumerate(known.get_weights())]
    known.set_weights(weights)
    own.set_weights(weights)
    assert [w.path.split("/", 1) for w in own.weights] == [
        w.path.split("/", 1) for w in known.weights
    ]
    expected, found = encoders.sequence(known, x), encoders.sequence(own, x)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("normalization", ["pre", "post"])
def test_the_parts_of_an_encoder_hold_all_but_what_pools(normalization):
    encoder = _bert.new_encoder(encoders.pretraining_spec(), 2, 64, 0.0, normalization)
    parts = [v.path for part in _bert._parts(encoder) for layer in part for v in layer.weights]
    pooling = [v.path for v in encoder.pooled_dense.weights]
    assert sorted(parts + pooling) == sorted(v.path for v in encoder.weights)


@pytest.mark.parametrize("normalization", ["pre", "post"])
def test_a_causal_encoder_sees_no_token_behind(normalization):
    x = encoders.examples()
    changed = {**x, "tokens": np.where(np.arange(encoders.LONGEST) < 5, x["tokens"], 7)}
    for causal in (True, False):
        encoder = _bert.new_encoder(
            encoders.pretraining_spec(), 2, 64, 0.0, normalization, causal=causal
        )
        again = type(encoder).from_config(encoder.get_config())
        again.set_weights(encoder.get_weights())
        before, after = encoders.sequence(encoder, x), encoders.sequence(again, changed)
        same = np.abs(before - after)[:, :5].max() < 1e-5
        assert same == causal


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_fine_tuned_model_begins_with_the_pretrained_encoder(pretrained, kind):
    x = encoders.examples()
    expected = encoders.answers(load_model(pretrained), x)["sequence"]
    _, model = fine_tuned(pretrained, kind)
    found = encoders.sequence(model.get_layer(_bert.ENCODER), x)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_padding_changes_nothing(pretrained, kind):
    _, model = fine_tuned(pretrained, kind)
    x = {name: encoders.examples()[name] for name in ("tokens", "segments")}
    ((name, together),) = model(x, training=False).items()
    for row, length in enumerate((x["tokens"] != 0).sum(axis=1)):
        alone = model({k: v[row : row + 1, :length] for k, v in x.items()}, training=False)[name]
        expected = together[row : row + 1]
        if kind == "token_classification":
            expected = expected[:, :length]
        np.testing.assert_allclose(alone, expected, atol=2e-5)


def trained(model, kind, factors=None, learning_rate=1e-2):
    """How far a step moves the encoder's variables, by part: embeddings, layer 0, layer 1."""
    encoder = model.get_layer(_bert.ENCODER)
    before = [
        [v.numpy().copy() for layer in part for v in layer.weights]
        for part in _bert._parts(encoder)
    ]
    x = {name: encoders.examples()[name] for name in ("tokens", "segments")}
    training = Training(learning_rate=learning_rate, weight_decay=0.0, warmup=0.0)
    model.compile(
        build_optimizer(training, 10, factors),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    model.train_on_batch(x, np.array([0, 1, 2, 0, 1, 2]))
    return [
        max(np.abs(v.numpy() - old).max() for v, old in
            zip((v for layer in part for v in layer.weights), olds, strict=True))
        for part, olds in zip(_bert._parts(encoder), before, strict=True)
    ]  # fmt: skip


def test_frozen_layers_and_the_embeddings_below_them_stay_as_they_are(pretrained):
    _, model = fine_tuned(pretrained, frozen=1)
    embeddings, first, second = trained(model, "text_classification")
    assert embeddings == first == 0
    assert second > 0
    _, model = fine_tuned(pretrained, frozen=0)
    assert min(trained(model, "text_classification")) > 0


def test_the_learning_rate_falls_from_the_head_down(pretrained):
    config, model = fine_tuned(pretrained, layer_decay=0.5)
    factors = bert.rate_factors(config, model)
    assert sorted(set(factors.values())) == [0.125, 0.25, 0.5]
    paths = [variable.path for variable in model.variables]
    assert len(set(paths)) == len(paths)
    # Adam's first step moves every variable by the learning rate.
    embeddings, first, second = trained(model, "text_classification", factors)
    assert second == pytest.approx(1e-2 * 0.5, rel=0.02)
    assert first == pytest.approx(1e-2 * 0.25, rel=0.02)
    assert embeddings == pytest.approx(1e-2 * 0.125, rel=0.02)
    config, model = fine_tuned(pretrained)
    assert not bert.rate_factors(config, model)


@pytest.mark.parametrize("next_sentence", [True, False])
def test_only_where_asked_for_does_the_encoder_learn_from_next_sentences(next_sentence):
    keras.utils.set_random_seed(0)
    config = Pretraining(2, 128, 0.0, normalization="post", next_sentence=next_sentence)
    model = bert.build(config, encoders.pretraining_spec())
    encoder = _bert.pretrained_encoder(model)
    before = [v.numpy().copy() for v in encoder.transformer_layers[0].trainable_variables]
    x = encoders.examples()
    y = {"masked_token": np.zeros((6, encoders.MOST), "int32"), "next_sentence": np.arange(6) % 2}
    model.compile("sgd", run_eagerly=True, **compile_args(encoders.pretraining_spec(), Training()))
    model.train_on_batch(x, y)
    moved = [
        not np.array_equal(v.numpy(), old)
        for v, old in zip(encoder.transformer_layers[0].trainable_variables, before, strict=True)
    ]
    assert any(moved) == next_sentence  # no token is hidden, so nothing else is learned from


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_an_encoder_answers_the_same_on_another_backend(pretrained, backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    x = encoders.examples()
    np.savez(tmp_path / "x.npz", **x)
    files = (pretrained, tmp_path / "x.npz", tmp_path / "y.npz")
    command = [sys.executable, "-m", "tests.encoders", *map(str, files)]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # the time goes into compiling
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[-1] == backend
    expected = encoders.answers(load_model(pretrained), x)
    with np.load(tmp_path / "y.npz") as found:
        assert set(found) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)
