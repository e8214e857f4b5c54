"""A disk that is full when a trial saves what it made: it costs that trial, and nothing is torn."""

import dataclasses
import json
import os
import zipfile

import numpy as np
import pytest

from harness.journal.folder import (
    assets_path,
    checkpoint_path,
    exhibit_path,
    model_path,
    outcomes_path,
)
from harness.journal.read import read_journal
from harness.models import load_model, read_interface
from harness.spec import Score, Training
from harness.training.run import cache, registry, run_trial
from harness.trial import Job
from tests.faults.disks import KILOBYTE, limited_files, small_disk
from tests.faults.sweeps import ended, run_words
from tests.hostile.hostile import spaces
from tests.hostile.hostile.tasks import blobs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits the size of files")

DATA = blobs.prepare({})
ROOM = 100 * KILOBYTE
"""A model fits, and what a task is told to keep does not."""


def score(model, split, assets):
    """A score beside which much is kept."""
    little = blobs.score(model, split, assets)
    noise = np.random.default_rng(0).random((len(split), 400))
    return Score(little.metrics, {**little.per_example, "noise": noise})


TASKS = {
    "plain": blobs,
    "outcomes": dataclasses.replace(blobs, score=score),
    "exhibit": dataclasses.replace(
        blobs, exhibit=lambda *_: {"signature": "x" * 2 * ROOM, "translations": []}
    ),
    "assets": blobs,
}
ASSETS = {"assets": {"names": ["x" * 2 * ROOM]}}


@pytest.fixture
def trial(monkeypatch, tmp_path):
    """Runs a trial that keeps much of one kind."""

    def run(much, phase, **fields):
        task, data = TASKS[much], dataclasses.replace(DATA, assets=ASSETS.get(much, {}))
        monkeypatch.setattr(registry, "task", {"blobs": task}.__getitem__)
        monkeypatch.setattr(registry, "space", {"good": spaces.good}.__getitem__)
        monkeypatch.setattr(cache, "load", lambda *_: data)
        job = Job(
            sweep="full", task="blobs", space="good", phase=phase, number=0, seed=0,
            config=spaces.Config(units=8), training=Training(batch_size=32), folder=tmp_path,
            epochs=1, **fields,
        )  # fmt: skip
        return run_trial(job, lambda info: None)

    return run


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_exhibit_that_finds_no_room_costs_itself(trial, tmp_path, toll):
    with limited_files(ROOM):
        result = trial("exhibit", "confirm")
    assert result.status == "completed"
    assert str(exhibit_path("blobs", "good")) not in left(tmp_path)


@pytest.mark.parametrize(
    "much, room, missing",
    [
        ("plain", KILOBYTE, model_path("blobs", "good", 0)),
        ("assets", ROOM, assets_path(model_path("blobs", "good", 0))),
        ("outcomes", ROOM, outcomes_path("blobs", "good", 0)),
    ],
    ids=["model", "assets", "outcomes"],
)
def test_what_finds_no_room_costs_the_trial(trial, tmp_path, toll, much, room, missing):
    with limited_files(room):
        result = trial(much, "confirm")
    assert (result.status, result.failure.kind) == ("failed", "infrastructure")
    assert "File too large" in result.failure.message
    assert str(missing) not in left(tmp_path)
    for path in tmp_path.rglob("*"):
        whole(path)
    again = trial(much, "confirm")
    assert again.status == "completed", again.failure
    assert str(missing) in left(tmp_path)
    for path in tmp_path.rglob("*"):
        whole(path)
    toll("disk full (model and what is beside it)")


def whole(path):
    """Reads a file as its reader would."""
    match path.suffixes:
        case [*_, ".keras"]:
            load_model(path)
        case [*_, ".npz"]:
            with np.load(path) as archive:
                assert {name: archive[name] for name in archive.files}
        case [*_, ".interface", ".json"]:
            read_interface(path)
        case [*_, ".json"]:
            json.loads(path.read_text(encoding="utf-8"))
        case _:
            assert path.is_dir(), path


def test_a_checkpoint_that_finds_no_room_costs_the_trial_and_keeps_the_old_one(
    trial, tmp_path, toll
):
    path = checkpoint_path(tmp_path, "blobs", "good", 0)
    for before in ([], ["checkpoints/blobs.good.0.weights.h5"]):
        with limited_files(KILOBYTE):
            result = trial("plain", "search", keep_checkpoint=True)
        assert (result.status, result.failure.kind) == ("failed", "infrastructure")
        assert "File too large" in result.failure.message
        assert left(tmp_path) == before
        assert trial("plain", "search", keep_checkpoint=True).status == "completed"
    continued = trial("plain", "search", parent=0, initial_epoch=0, keep_checkpoint=False)
    assert continued.status == "completed", continued.failure
    assert path.is_file()
    toll("disk full (checkpoint)", 2)


@pytest.mark.long
@pytest.mark.parametrize("room", [60, 150, 400])
def test_a_sweep_on_a_small_disk_is_finished_when_there_is_room(
    harness, finished, tmp_path, toll, room
):
    question, calm = finished
    with small_disk(tmp_path / "disk", 64 << 20) as disk:
        disk.leave(room * KILOBYTE)
        folder = disk.folder / "band"
        line = run_words(question, disk.folder)
        full = harness(*line)
        assert "Traceback" not in full.stderr
        before = ended(folder)
        failed = [result for result in read_journal(folder).results if result.status == "failed"]
        assert all(result.failure.kind == "infrastructure" for result in failed)
        for path in folder.glob("models/*.keras"):
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        disk.free()
        again = harness(*line, "--retry-failed")
        assert again.returncode == 0, again.stdout + again.stderr
        found = ended(folder)
        results = read_journal(folder).results
        # Search trials are left alone where a winner has been confirmed.
        left = [result for result in results if result.status == "failed"]
        assert all(result.phase == "search" and result in failed for result in left)
        doubled = found.total() - len(found) - (len(failed) - len(left))
        toll("disk full (training)", 1, (before - found).total(), doubled)
        assert (before - found).total() == doubled == 0
        assert set(found) == set(ended(calm / "band"))
        assert len([r for r in results if r.phase == "confirm"]) == 2
        for path in (*folder.glob("models/*"), *folder.glob("outcomes/*")):
            whole(path)
        assert not list(folder.glob("checkpoints/*"))
