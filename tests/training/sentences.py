"""Sentences of any length, for the tests of what is fed to training."""

import numpy as np

from harness.spec import Split

RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(1, 30, 300)
SENTENCES = Split(
    {"words": np.array([[i + 1] * n + [0] * (32 - n) for i, n in enumerate(LENGTHS)], "int32")},
    {"word": np.arange(300, dtype="int32")},
)
