"""A long training that is cut off goes on from the state it kept, and ends as if undisturbed."""

import dataclasses
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from harness import registry
from harness.data import cache
from harness.journal.folder import state_path
from harness.spec import Split, TensorSpec
from harness.training import kept_state, programs
from harness.training.run import run_trial
from harness.trial import Job
from tests.conftest import environment
from tests.hostile.hostile import spaces
from tests.training import test_programs as trials

EPOCHS = 9
FIELDS = {"phase": "confirm", "epochs": EPOCHS, "patience": 3, "keep_seconds": 0.0}
SMALL = dataclasses.replace(trials.FIRST, batch_size=16, learning_rate=0.003)
WAYS = ["fixed", "varying", pytest.param("redrawn", marks=pytest.mark.long)]
"""How a fit is fed: in the order of `tf.data` or by launches of many steps, by batches of texts of
several lengths, and with examples that are others in each epoch."""
CUT_AT = 3
"""Epoch behind which a training is cut off, before its state was kept anew."""


def _redraw(split, assets, random):
    """Other noise in each epoch."""
    image = split.x["image"] + random.integers(0, 9, split.x["image"].shape).astype("uint8")
    return Split({"image": image}, split.y)


def _texts():
    """Short texts of several lengths."""
    random = np.random.default_rng(0)
    arrays = random.integers(1, 9, (300, 12)) * (np.arange(12) < random.integers(1, 13, (300, 1)))
    labels = random.integers(0, 2, 300)
    parts = {
        name: Split({"image": arrays[part].astype("int32")}, {"label": labels[part]})
        for name, part in (
            ("train", slice(160)),
            ("val", slice(160, 230)),
            ("test", slice(230, 300)),
        )
    }
    spec = dataclasses.replace(
        trials.DATA.spec, inputs={"image": TensorSpec((None,), "int32", size=9, longest=12)}
    )
    return dataclasses.replace(trials.DATA, spec=spec, **parts)


def _reader(config, spec):
    import keras

    tokens = keras.Input((None,), dtype="int32", name="image")
    x = keras.layers.Embedding(9, 4)(tokens)
    x = keras.layers.Dropout(0.3)(keras.layers.GlobalAveragePooling1D()(x))
    x = keras.layers.Dense(spec.outputs["label"].size)(x)
    return keras.Model({"image": tokens}, {"label": x})


def _run(folder, way="fixed", tell=lambda info: None, **fields):
    """What a trial learned, and the weights of the program that it left."""
    task = dataclasses.replace(trials.blobs, redraw=_redraw) if way == "redrawn" else trials.blobs
    space = dataclasses.replace(spaces.good, build=_reader) if way == "varying" else trials.noisy
    registry.task = {"blobs": task}.__getitem__
    registry.space = {"good": space}.__getitem__
    cache.load = lambda *_: _texts() if way == "varying" else trials.DATA
    result = run_trial(_job(folder, **fields), tell)
    assert result.status == "completed", result.failure
    return result, [w.tolist() for w in trials.weights()]


def _job(folder, **fields):
    return Job(**{
        "sweep": "tests", "task": "blobs", "space": "good", "phase": "confirm", "number": 1,
        "seed": 3, "config": spaces.Config(units=8), "training": SMALL, "folder": folder,
        **FIELDS, **fields,
    })  # fmt: skip


class Cut(BaseException):
    """In the place of a kill."""


def _cut(info):
    if info.get("epoch") == CUT_AT:
        raise Cut


def _gone_on(folder, way, cut_off):
    """What differs between a trial that was cut off and goes on, once more from its very end, and
    one to which nothing happened; and what the former told and cost."""
    if not cut_off:
        with pytest.raises(Cut):
            _run(folder, way, _cut)
    told, again = [], []
    result, weights = _run(folder, way, told.append)
    scored, scored_weights = _run(folder, way, again.append)
    quiet, expected = _run(folder / "quiet", way, keep_seconds=None)
    differing = [
        name
        for name, one, other in (
            ("curve", trials.learned(result), trials.learned(quiet)),
            ("weights", weights, expected),
            ("operations", result.cost.flops, quiet.cost.flops),
            ("scores", scored.metrics, quiet.metrics),
            ("weights that are scored", scored_weights, expected),
        )
        if one != other
    ]
    cost, curve = result.cost, [epoch["seconds"] for epoch in result.curve]
    return {
        "differing": differing,
        "resumed_at": [told[0]["resumed_at"], cost.resumed_at],
        "epochs": [info["epoch"] for info in told if "epoch" in info],
        "epochs when scored": [info for info in again if "epoch" in info],
        "all": quiet.epochs,
        "rising": curve == sorted(curve) and curve[CUT_AT - 2] < cost.kept_seconds < cost.seconds,
        "left": state_path(folder / "quiet", "blobs", "good", "confirm", 1).exists(),
    }


def _check(found):
    assert not found["differing"]
    assert found["resumed_at"] == [CUT_AT - 1, CUT_AT - 1]
    assert found["epochs"] == list(range(CUT_AT, found["all"] + 1))
    assert found["epochs when scored"] == [], "its state says that training is over"
    assert found["rising"], "seconds of both attempts, those that were kept once"
    assert not found["left"], "nothing is kept unless it is asked for"


@pytest.fixture
def registered(monkeypatch):
    """The registry and the cache are as before afterwards."""
    for module, name in ((registry, "task"), (registry, "space"), (cache, "load")):
        monkeypatch.setattr(module, name, getattr(module, name))
    programs.forget()
    yield
    programs.forget()


@pytest.mark.parametrize("way", WAYS)
def test_it_ends_as_if_undisturbed(registered, tmp_path, way):
    _check(_gone_on(tmp_path, way, cut_off=False))


ELSEWHERE = """
import json, os, sys
from pathlib import Path
from tests.training import test_keeping as tests
folder = Path(sys.argv[1])
if sys.argv[2] == "killed":
    tests._run(folder, "fixed", lambda info: info.get("epoch") == tests.CUT_AT and os._exit(7))
found = [tests._gone_on(folder, "fixed", cut_off=True)]
print(json.dumps([*found, tests._gone_on(folder / "varying", "varying", cut_off=False)]))
"""


def test_likewise_on_jax_in_another_process(tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")

    def run(what):
        return subprocess.run(
            [sys.executable, "-c", ELSEWHERE, tmp_path, what],
            env=environment(KERAS_BACKEND="jax"), capture_output=True, text=True,
        )  # fmt: skip

    assert run("killed").returncode == 7
    again = run("goes on")
    assert again.returncode == 0, again.stderr
    for found in json.loads(again.stdout.splitlines()[-1]):
        _check(found)


def test_what_does_not_fit_is_not_gone_on_from(registered, tmp_path, capsys):
    expected = _run(tmp_path / "quiet", epochs=2, keep_seconds=None)
    _run(tmp_path, epochs=2, seed=4)
    told = []
    result, weights = _run(tmp_path, epochs=2, tell=told.append)
    assert "another configuration" in capsys.readouterr().out
    assert not any("resumed_at" in info for info in told)
    assert result.cost.resumed_at is None
    assert (trials.learned(result), weights) == (trials.learned(expected[0]), expected[1])

    job = _job(tmp_path, epochs=2)
    path = state_path(tmp_path, "blobs", "good", "confirm", 1)
    whole = path.read_bytes()
    assert kept_state.look(job, "tensorflow").epoch == 2
    for other in ({"patience": 5}, {"digest": "new"}, {"config": spaces.Config(units=9)}):
        assert kept_state.look(dataclasses.replace(job, **other), "tensorflow") is None
    assert kept_state.look(job, "jax") is None
    altered = bytearray(whole)
    altered[len(whole) // 2] ^= 1
    for damaged in (b"", b"no state", whole[:-1], whole[: len(whole) // 2], bytes(altered)):
        path.write_bytes(damaged)
        assert kept_state.read(job, "tensorflow") is None
        assert "it is damaged" in capsys.readouterr().out
        assert not path.exists()
    path.write_bytes(whole)
    assert kept_state.read(job, "tensorflow").progress.over


def test_what_cannot_be_kept_costs_no_trial(registered, tmp_path):
    (tmp_path / "states").write_text("in the way")
    result, _ = _run(tmp_path, epochs=1)
    assert result.lost["state"].message
