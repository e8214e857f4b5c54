"""Which examples make up each batch."""

import numpy as np

from harness.training.batches import example_lengths


def test_an_example_of_nothing_is_one_step_long():
    lengths = example_lengths(np.array([[0, 0, 0], [0, 5, 0], [1, 0, 2]]))
    assert lengths.tolist() == [1, 2, 3]
