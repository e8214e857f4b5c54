"""What a worker of a sweep imports before its first trial, apart from a framework."""

import os

import pytest

from tests.faults import fake
from tests.faults.sweeps import run_words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

HEAVY = ("keras_tuner", "matplotlib", "mlflow", "optuna", "pandas", "scipy", "sklearn")


def test_a_new_worker_imports_nothing_of_the_driver(forks, calm, tmp_path):
    """Each worker that is replaced would take seconds longer."""
    question, _ = calm("random")
    modules = tmp_path / "modules"
    assert forks.run(*run_words(question, tmp_path), **{fake.MODULES: str(modules)}).code == 0
    imported = modules.read_text().split()
    assert "harness.training.worker_start" in imported
    driver = [name for name in imported if name.startswith("harness.driver.")]
    heavy = [name for name in imported if name in HEAVY]
    assert (driver, heavy) == ([], [])
