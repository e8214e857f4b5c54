"""What a driver imports before it can begin; the fork server of `forks` imports it once."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import harness.cli.main.main
import harness.cli.main.status  # noqa: F401
