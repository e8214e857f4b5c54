"""What is worth having beside a confirmed result costs itself alone; a network that leaves nothing
of an image is no mistake of its code."""

import dataclasses
import json

import numpy as np
import pytest

from harness.journal.folder import exhibit_path, outcomes_path
from harness.spec import Training
from harness.training import outcome, run
from harness.trial import Job
from tests.hostile.hostile import spaces
from tests.hostile.hostile.tasks import blobs

DATA = blobs.prepare({})


@pytest.fixture
def confirm(monkeypatch, tmp_path):
    """Confirms the good architecture, or another one, on the blobs."""

    def call(task=blobs, space=spaces.good, phase="confirm"):
        monkeypatch.setattr(run.registry, "task", {task.name: task}.__getitem__)
        monkeypatch.setattr(run.registry, "space", {space.name: space}.__getitem__)
        monkeypatch.setattr(run.cache, "load", lambda *_: DATA)
        job = Job("tests", task.name, space.name, phase, 0, 0, spaces.Config(8),
                  Training(learning_rate=0.02, batch_size=32), tmp_path, 1)  # fmt: skip
        return run.run_trial(job, lambda info: None)

    return call


def picture(model, prepared, score):
    return {"picture": np.zeros((2, 2))}


def broken(model, prepared, score):
    return {"first": model.no_such_layer}


@pytest.mark.parametrize(
    "exhibit, reason",
    [
        (picture, "task 'blobs': expected JSON values from exhibit, arrays as lists (ValueError: "),
        (
            broken,
            "AttributeError: 'Functional' object has no attribute 'no_such_layer' (test_beside",
        ),
    ],
)
def test_an_exhibit_that_fails_costs_itself(confirm, tmp_path, exhibit, reason):
    result = confirm(dataclasses.replace(blobs, exhibit=exhibit))
    assert (result.status, result.failure) == ("completed", None)
    assert result.metrics["test_accuracy"] > 0.4
    assert list(result.lost) == ["exhibit"]
    assert result.lost["exhibit"].message.startswith(reason)
    assert "Traceback" in result.lost["exhibit"].traceback
    assert (tmp_path / result.model).is_file()
    assert (tmp_path / outcomes_path("blobs", "good", 0)).is_file()
    assert not (tmp_path / exhibit_path("blobs", "good")).exists()
    assert result.cost.latency_ms > 0


def test_a_latency_that_cannot_be_measured_costs_itself(confirm, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no clock")

    monkeypatch.setattr(outcome, "latency", fail)
    result = confirm(dataclasses.replace(blobs, exhibit=lambda *_: {"seen": 1}))
    assert (result.status, list(result.lost)) == ("completed", ["latency"])
    assert result.cost.latency_ms is None
    assert json.loads((tmp_path / exhibit_path("blobs", "good")).read_text()) == {"seen": 1}


def test_what_can_be_had_is_had(confirm):
    assert confirm().lost == {}


def unpadded(config, spec):
    import keras

    image = x = keras.Input((4, 4, 1), name="image")
    for _ in range(2):
        x = keras.layers.MaxPooling2D(3)(x)
    return keras.Model({"image": image}, {"label": keras.layers.Flatten()(x)})


def test_a_network_that_leaves_nothing_of_an_image_is_infeasible(confirm):
    result = confirm(space=dataclasses.replace(spaces.good, build=unpadded), phase="search")
    assert (result.status, result.failure.kind) == ("infeasible", "infeasible")
    said = "ValueError in MaxPooling2D: Computed output size would be zero or negative."
    assert result.failure.message.startswith(said)
    line = unpadded.__code__.co_firstlineno + 5
    assert result.failure.message.endswith(f" (test_beside.py:{line})")
