"""Sweeps on JAX and on Torch, where TensorFlow cannot be imported."""

import importlib.util
import json

import pandas as pd
import pytest

from tests.conftest import HOSTILE

WITHOUT_TENSORFLOW = """
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec


def find_all_but_tensorflow(name, path=None, target=None):
    hidden = name.partition(".")[0] in ("tensorflow", "tensorflow_text")
    return None if hidden else find_spec(name, path, target)


PathFinder.find_spec = find_all_but_tensorflow
"""
SWEEP = """
name = "backend"
search_seed = 1
tasks = ["blobs"]
spaces = ["good"]
tuner = "hyperband"
seeds = 1
[budget]
trials = 6
epochs = 4
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_sweep_runs_without_tensorflow(backend, harness, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)
    question = tmp_path / "backend.toml"
    question.write_text(SWEEP)
    run = harness(
        "run", question, "--backend", backend, "--workers", 1, "--tracking", "none",
        "--output", tmp_path, PYTHONPATH=f"{tmp_path}:{HOSTILE}", KERAS_BACKEND=backend,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    folder = tmp_path / "backend"
    trials = pd.read_csv(folder / "trials.csv")
    assert list(trials["status"]) == ["completed"] * 7
    assert trials["test_score"].iloc[-1] > 0.7
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert any(event.get("parent") is not None for event in events)
    assert (folder / "models" / "blobs.good.seed0.keras").is_file()
