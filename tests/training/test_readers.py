"""Batches as a fit reads them, by the pipeline of TensorFlow and by any backend's."""

import keras
import numpy as np
import pytest

from harness.spec import Split
from harness.training.batches import Batches
from harness.training.readers import COMPILED_MULTIPLE, MULTIPLE, cutter, pipeline
from tests.training.sentences import LENGTHS, SENTENCES

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the pipelines are TensorFlow's"
)


def batches(feed, seed, size=10, count=2, split=SENTENCES):
    """Of several epochs: the examples and the widths of each batch."""
    fed = feed(Batches(split, size, seed, {"words": "words"}))
    for _ in range(count):
        found = [fed[i] for i in range(len(fed))] if feed is cutter else list(fed)
        yield [(np.asarray(x["words"]), np.asarray(y)) for x, y in found]
        if feed is cutter:
            fed.on_epoch_end()


@pytest.mark.parametrize("feed", [pipeline, cutter])
def test_examples_are_batched_by_length_and_cut_where_the_longest_ends(feed):
    epochs = list(batches(feed, seed=0))
    for found in epochs:
        assert sorted(np.concatenate([y for _, y in found]).tolist()) == list(range(300))
        for words, labels in found:
            longest = LENGTHS[labels].max()
            assert longest <= words.shape[1] < longest + MULTIPLE
            assert (words[:, 0] == labels + 1).all()
            assert ((words != 0).sum(axis=1) == LENGTHS[labels]).all()
        cells = sum(words.size for words, _ in found)
        assert cells < 1.25 * LENGTHS.sum()
    orders = [[tuple(y) for _, y in found] for found in epochs]
    assert orders[0] != orders[1]


def test_batches_have_few_shapes_where_each_is_compiled(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    wide = Split({"words": np.pad(SENTENCES.x["words"], ((0, 0), (0, 64)))}, SENTENCES.y)
    (found,) = batches(cutter, seed=0, count=1, split=wide)
    assert {words.shape[1] for words, _ in found} == {COMPILED_MULTIPLE}
    assert all((words[:, 0] == labels + 1).all() for words, labels in found)


def test_batches_by_length_are_the_same_on_every_backend():
    for seed in (0, None):
        ours, theirs = (
            [[y.tolist() for _, y in found] for found in batches(feed, seed)]
            for feed in (pipeline, cutter)
        )
        assert ours == theirs


def test_batches_by_length_come_in_any_order_but_validation_in_one():
    widths = [[x.shape[1] for x, _ in found] for found in batches(pipeline, seed=3)]
    assert widths[0] != sorted(widths[0])
    first, second = batches(pipeline, seed=None)
    assert [y.tolist() for _, y in first] == [y.tolist() for _, y in second]
