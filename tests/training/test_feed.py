"""The data as it reaches training: every example once an epoch, in ever new order."""

import keras
import numpy as np
import pytest

from harness.spec import Split, TensorSpec
from harness.training.batches import Batches
from harness.training.feed import Feed, varying
from harness.training.readers import cutter, pipeline
from tests.training.sentences import LENGTHS, SENTENCES

SPLIT = Split({"a": np.arange(10, dtype="float32")}, {"y": np.arange(10, dtype="int32")})
FEW = Split({"a": SPLIT.x["a"][:3]}, {"y": SPLIT.y["y"][:3]})
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the pipelines are TensorFlow's"
)


def epochs(seed, split=SPLIT, count=3):
    """The inputs and labels of several epochs, in the order of the batches."""
    pipeline = Feed(split, split, 4, 4, seed).arguments()["x"]
    seen = []
    for _ in range(count):
        batches = [(x["a"].numpy(), y.numpy()) for x, y, *_ in pipeline]
        assert [len(x) for x, _ in batches] == [4, 4, 2]
        seen.append(
            [np.concatenate(part).astype(int).tolist() for part in zip(*batches, strict=True)]
        )
    return seen


def test_every_epoch_has_all_examples_with_their_labels_in_an_order_of_its_own():
    seen = epochs(seed=0)
    assert all(x == y and sorted(x) == list(range(10)) for x, y in seen)
    assert len({tuple(x) for x, _ in seen}) == 3


def test_the_seed_fixes_the_orders():
    assert epochs(seed=1) == epochs(seed=1) != epochs(seed=2)


def test_validation_keeps_its_order_and_weights_travel_along():
    weighted = Split(SPLIT.x, SPLIT.y, np.arange(10, dtype="float32"))
    arguments = Feed(weighted, weighted, 10, 10, seed=0).arguments()
    ((x, y, weight),) = arguments["validation_data"]
    assert x["a"].numpy().tolist() == y.numpy().tolist() == weight.numpy().tolist()
    assert x["a"].numpy().tolist() == list(range(10))


def test_no_batch_is_smaller_where_each_shape_is_compiled(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert [Feed(part, SPLIT, 4, 4, seed=0).steps for part in (SPLIT, FEW)] == [2, 1]
    fed = Feed(SPLIT, SPLIT, 4, 4, seed=0).arguments()
    seen: set[float] = set()
    for _ in range(20):
        found = [fed["x"][i][1] for i in range(len(fed["x"]))]
        assert [len(y) for y in found] == [4, 4]
        seen |= set(np.concatenate(found).tolist())
        fed["x"].on_epoch_end()
    assert seen == set(range(10)), "other examples are left out in each epoch"
    validation = fed["validation_data"]
    assert [len(validation[i][1]) for i in range(len(validation))] == [4, 4, 2]


def test_an_example_is_cut_where_it_ends():
    fed = Feed(SENTENCES, SENTENCES, 10, 10, 0, {"words": "words"})
    example = fed.first_example(SENTENCES)
    assert example["words"].shape == (1, LENGTHS[0])
    assert Feed(SENTENCES, SENTENCES, 10, 10, 0).first_example(SENTENCES)["words"].shape == (1, 32)


def test_what_is_aligned_is_cut_with_the_tensor_that_tells_its_length():
    tensors = {
        "words": TensorSpec((None,), "int32", 400, longest=32),
        "marks": TensorSpec((None,), "int32", 2, longest=32, aligned="words"),
        "word": TensorSpec((), "int32"),
    }
    lengths = varying(tensors)
    assert lengths == {"words": "words", "marks": "words"}
    marks = np.zeros_like(SENTENCES.x["words"])
    split = Split({**SENTENCES.x, "marks": marks}, SENTENCES.y)
    for feed in (pipeline, cutter):
        for x, _ in feed(Batches(split, 10, 0, lengths)):
            assert x["marks"].shape == x["words"].shape
    assert Feed(split, split, 10, 10, 0, lengths).first_example(split)["marks"].shape == (
        1,
        LENGTHS[0],
    )


def test_what_is_drawn_anew_differs_between_epochs_and_repeats_with_the_seed():
    def noise(split, random):
        return Split(split.x, {"word": split.y["word"] + random.integers(0, 99, len(split))})

    def epochs(seed):
        arguments = Feed(SENTENCES, SENTENCES, 10, 10, seed, redraw=noise).arguments()
        fed, found = arguments["x"], []
        for _ in range(2):
            batches = [fed[i] for i in range(len(fed))]
            words, drawn = (
                np.concatenate([part(batch) for batch in batches])
                for part in (lambda batch: batch[0]["words"][:, 0], lambda batch: batch[1])
            )
            found.append((drawn + 1 - words)[np.argsort(words)])
            fed.on_epoch_end()
        return found

    first, again, other = epochs(3), epochs(3), epochs(4)
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).mean() > 0.9
    assert (first[0] != other[0]).mean() > 0.9
