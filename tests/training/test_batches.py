"""The data as it reaches training: every example once an epoch, in ever new order."""

import keras
import numpy as np
import pytest

from harness.spec import Split, TensorSpec
from harness.training import batches as feeding

SPLIT = Split({"a": np.arange(10, dtype="float32")}, {"y": np.arange(10, dtype="int32")})


def epochs(seed, split=SPLIT, count=3):
    """The inputs and labels of several epochs, in the order of the batches."""
    pipeline = feeding.data_arguments(split, split, 4, 4, seed)["x"]
    seen = []
    for _ in range(count):
        batches = [(x["a"].numpy(), y.numpy()) for x, y, *_ in pipeline]
        assert [len(x) for x, _ in batches] == [4, 4, 2]
        seen.append(
            [np.concatenate(part).astype(int).tolist() for part in zip(*batches, strict=True)]
        )
    return seen


pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the pipelines are TensorFlow's"
)


def test_every_epoch_has_all_examples_with_their_labels_in_an_order_of_its_own():
    seen = epochs(seed=0)
    assert all(x == y and sorted(x) == list(range(10)) for x, y in seen)
    assert len({tuple(x) for x, _ in seen}) == 3


def test_the_seed_fixes_the_orders():
    assert epochs(seed=1) == epochs(seed=1) != epochs(seed=2)


def test_validation_keeps_its_order_and_weights_travel_along():
    weighted = Split(SPLIT.x, SPLIT.y, np.arange(10, dtype="float32"))
    arguments = feeding.data_arguments(weighted, weighted, 10, 10, seed=0)
    ((x, y, weight),) = arguments["validation_data"]
    assert x["a"].numpy().tolist() == y.numpy().tolist() == weight.numpy().tolist()
    assert x["a"].numpy().tolist() == list(range(10))


RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(1, 30, 300)
SENTENCES = Split(
    {"words": np.array([[i + 1] * n + [0] * (32 - n) for i, n in enumerate(LENGTHS)], "int32")},
    {"word": np.arange(300, dtype="int32")},
)


def batches(feed, seed, size=10, count=2, split=SENTENCES):
    """Of several epochs: the examples and the widths of each batch."""
    fed = feed(feeding.Batches(split, size, seed, {"words": "words"}))
    for _ in range(count):
        found = [fed[i] for i in range(len(fed))] if feed is feeding._cutter else list(fed)
        yield [(np.asarray(x["words"]), np.asarray(y)) for x, y in found]
        if feed is feeding._cutter:
            fed.on_epoch_end()


@pytest.mark.parametrize("feed", [feeding._pipeline, feeding._cutter])
def test_examples_are_batched_by_length_and_cut_where_the_longest_ends(feed):
    epochs = list(batches(feed, seed=0))
    for found in epochs:
        assert sorted(np.concatenate([y for _, y in found]).tolist()) == list(range(300))
        for words, labels in found:
            longest = LENGTHS[labels].max()
            assert longest <= words.shape[1] < longest + feeding.MULTIPLE
            assert (words[:, 0] == labels + 1).all()
            assert ((words != 0).sum(axis=1) == LENGTHS[labels]).all()
        cells = sum(words.size for words, _ in found)
        assert cells < 1.25 * LENGTHS.sum()
    orders = [[tuple(y) for _, y in found] for found in epochs]
    assert orders[0] != orders[1]


def test_no_batch_is_smaller_where_each_shape_is_compiled(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert (feeding.training_steps(10, 4), feeding.training_steps(3, 4)) == (2, 1)
    fed = feeding.data_arguments(SPLIT, SPLIT, 4, 4, seed=0)
    seen: set[float] = set()
    for _ in range(20):
        found = [fed["x"][i][1] for i in range(len(fed["x"]))]
        assert [len(y) for y in found] == [4, 4]
        seen |= set(np.concatenate(found).tolist())
        fed["x"].on_epoch_end()
    assert seen == set(range(10)), "other examples are left out in each epoch"
    validation = fed["validation_data"]
    assert [len(validation[i][1]) for i in range(len(validation))] == [4, 4, 2]


def test_batches_have_few_shapes_where_each_is_compiled(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    wide = Split({"words": np.pad(SENTENCES.x["words"], ((0, 0), (0, 64)))}, SENTENCES.y)
    (found,) = batches(feeding._cutter, seed=0, count=1, split=wide)
    assert {words.shape[1] for words, _ in found} == {feeding.COMPILED_MULTIPLE}
    assert all((words[:, 0] == labels + 1).all() for words, labels in found)


def test_batches_by_length_are_the_same_on_every_backend():
    for seed in (0, None):
        ours, theirs = (
            [[y.tolist() for _, y in found] for found in batches(feed, seed)]
            for feed in (feeding._pipeline, feeding._cutter)
        )
        assert ours == theirs


def test_batches_by_length_come_in_any_order_but_validation_in_one():
    widths = [[x.shape[1] for x, _ in found] for found in batches(feeding._pipeline, seed=3)]
    assert widths[0] != sorted(widths[0])
    first, second = batches(feeding._pipeline, seed=None)
    assert [y.tolist() for _, y in first] == [y.tolist() for _, y in second]


def test_an_example_of_nothing_is_one_step_long():
    lengths = feeding.example_lengths(np.array([[0, 0, 0], [0, 5, 0], [1, 0, 2]]))
    assert lengths.tolist() == [1, 2, 3]


def test_an_example_is_cut_where_it_ends():
    example = feeding.first_example(SENTENCES, {"words": "words"})
    assert example["words"].shape == (1, LENGTHS[0])
    assert feeding.first_example(SENTENCES)["words"].shape == (1, 32)


def test_what_is_aligned_is_cut_with_the_tensor_that_tells_its_length():
    tensors = {
        "words": TensorSpec((None,), "int32", 400, longest=32),
        "marks": TensorSpec((None,), "int32", 2, longest=32, aligned="words"),
        "word": TensorSpec((), "int32"),
    }
    varying = feeding.varying(tensors)
    assert varying == {"words": "words", "marks": "words"}
    marks = np.zeros_like(SENTENCES.x["words"])
    split = Split({**SENTENCES.x, "marks": marks}, SENTENCES.y)
    for feed in (feeding._pipeline, feeding._cutter):
        for x, _ in feed(feeding.Batches(split, 10, 0, varying)):
            assert x["marks"].shape == x["words"].shape
    assert feeding.first_example(split, varying)["marks"].shape == (1, LENGTHS[0])


def test_what_is_drawn_anew_differs_between_epochs_and_repeats_with_the_seed():
    def noise(split, random):
        return Split(split.x, {"word": split.y["word"] + random.integers(0, 99, len(split))})

    def epochs(seed):
        arguments = feeding.data_arguments(SENTENCES, SENTENCES, 10, 10, seed, redraw=noise)
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
