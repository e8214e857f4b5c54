"""The data as it reaches training: every example once an epoch, in ever new order."""

import keras
import numpy as np
import pytest

from harness import feeding
from harness.spec import Split

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
    keras.backend.backend() != "tensorflow", reason="the other backends get arrays"
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
