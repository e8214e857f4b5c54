"""What a worker does before its first trial."""

import subprocess
import sys

from tests.conftest import environment

STARTING = """
import sys
from harness.training import worker_start
worker_start.import_framework()
assert "keras" in sys.modules
assert not set(worker_start.UNUSED) & set(sys.modules)
import keras, matplotlib.pyplot, sklearn.linear_model, harness.kinds.imbalance
assert keras.Model and keras.utils.plot_model
"""


def test_the_framework_is_there_without_what_no_trial_uses_of_it():
    """That can be imported later, by a score for example."""
    run = subprocess.run(
        [sys.executable, "-c", STARTING], capture_output=True, text=True, timeout=300,
        env=environment(KERAS_BACKEND="jax"),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
