"""Seeds that train as one program, on JAX: each learns what it would alone."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
from unittest import mock

import keras
import numpy as np
import pytest

from harness import registry
from harness.spec import Training
from harness.training import outcome, programs, together
from harness.training.mapped import joined
from harness.training.run import run_trial
from harness.training.shares import Shares
from harness.trial import Job
from tests.conftest import environment
from tests.hostile.hostile import spaces
from tests.training import test_programs as trials

SEEDS = (0, 1, 5)
TRAINING = Training(learning_rate=0.02, batch_size=16, weight_decay=0.05, warmup=0.2)

ELSEWHERE = """
import json, sys
from pathlib import Path
from harness import registry
from harness.data import cache
from tests.training import test_together as tests
cache.load = lambda *_: tests.trials.DATA
print(json.dumps(tests._found(Path(sys.argv[1]))))
"""


def _recurrent(config, spec):
    image = keras.Input(spec.inputs["image"].shape, name="image")
    x = keras.layers.Reshape((4, 4))(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.LSTM(config.units, dropout=0.1)(x)
    x = keras.layers.Dense(spec.outputs["label"].size)(x)
    return keras.Model({"image": image}, {"label": x})


recurrent = dataclasses.replace(spaces.good, build=_recurrent)


def _job(folder, **fields):
    return Job(**{
        "sweep": "tests", "task": "blobs", "space": "good", "phase": "confirm", "number": 0,
        "seed": SEEDS[0], "config": spaces.Config(units=8), "training": TRAINING,
        "folder": folder, "epochs": 6, "patience": 1,
        "members": tuple(enumerate(SEEDS[1:], start=1)), **fields,
    })  # fmt: skip


def _run(job, space=trials.noisy, task=trials.blobs):
    """The records of a job's trials by their numbers, what was told besides, and the end."""
    registry.space = {"good": space}.__getitem__
    registry.task = {"blobs": task}.__getitem__
    told = []
    end = run_trial(job, told.append)
    if not job.members:
        return {job.number: end}, told, None
    records = {info["number"]: info["result"] for info in told if "result" in info}
    return records, [info for info in told if "epoch" in info], end.failure


def _kept_weights(job):
    path = job.folder / f"models/blobs.good.seed{job.seed}.keras"
    known = {"Restless": trials.Restless}
    return keras.models.load_model(path, custom_objects=known).get_weights()


def _apart(folder, space, epochs):
    """How far curves, test scores and weights are apart that were trained either way; and more."""
    job = _job(folder, epochs=epochs)
    together, told, failure = _run(job, space)
    assert failure is None, failure
    weights = [_kept_weights(one) for one in job.each]
    curves, scores, states = [], [], []
    for one, own in zip(job.each, weights, strict=True):
        alone = _run(one, space)[0][one.number]
        other = together[one.number]
        assert other.status == "completed", other.failure
        assert alone.epochs == other.epochs, (alone.curve, other.curve)
        for a, b in zip(alone.curve, other.curve, strict=True):
            assert a.keys() == b.keys()
            curves += [abs(a[k] - b[k]) for k in a if k != "seconds"]
        scores.append(abs(alone.metrics["test_accuracy"] - other.metrics["test_accuracy"]))
        states += [
            float(np.abs(np.asarray(a, "float64") - b).max())
            for a, b in zip(_kept_weights(one), own, strict=True)
        ]
    costs = [together[n].cost for n in range(3)]
    return {
        "seeds": float(np.abs(weights[0][0] - weights[1][0]).max()),
        "curves": max(curves),
        "scores": max(scores),
        "weights": max(states),
        "epochs": [together[n].epochs for n in range(3)],
        "together": [c.together for c in costs], "compiled": [c.compiled for c in costs],
        "told": sorted((info["number"], info["epoch"]) for info in told),
    }  # fmt: skip


def _equal(folder):
    """Both networks, after the eight steps of an epoch and after all epochs."""
    found = {}
    for name, space in (("mlp", trials.noisy), ("lstm", recurrent)):
        programs.forget()
        found[name] = [_apart(folder, space, epochs) for epochs in (1, 6)]
    return found


def _again(folder):
    """What a second group of the same program compiles, and whether it learns the same."""
    first, second = _run(_job(folder), recurrent)[0], _run(_job(folder), recurrent)[0]
    program = programs._kept[_job(folder).program]
    return {
        "compiled": [r.cost.compiled for r in second.values()],
        "same": [trials.learned(first[n]) == trials.learned(second[n]) for n in first],
        "programs": program.loop.train._cache_size(),
    }


def _failing(folder):
    """What becomes of three of which one cannot be scored, and of three of which one diverges."""
    confirm = outcome.confirm

    def failing(ready, data, job, task, state):
        if job.number == 1:
            raise ArithmeticError("this one cannot be scored")
        confirm(ready, data, job, task, state)

    with mock.patch.object(outcome, "confirm", failing):
        scored = _run(_job(folder), recurrent)[0]

    def spoilt(states):
        state = joined(states)
        state[0][0] = state[0][0].at[1].set(np.nan)  # weights of the second
        return state

    with mock.patch.object(together, "joined", spoilt):
        diverged = _run(_job(folder), recurrent)[0]
    return {
        "scored": [scored[n].status for n in range(3)],
        "message": scored[1].failure.message,
        "spoilt": [diverged[n].status for n in range(3)],
        "loss": diverged[1].failure.message,
        "others": [trials.learned(diverged[n]) == trials.learned(scored[n]) for n in (0, 2)],
    }


def _unmappable(folder):
    """Why what cannot be one program is not, and what was recorded of its trials."""
    reasons = []
    for space, task in (
        (dataclasses.replace(spaces.good, build=trials._subclassed), trials.blobs),
        (dataclasses.replace(spaces.good, build=_drawing), trials.blobs),
        (spaces.good, dataclasses.replace(trials.blobs, compile_args=trials._noisy_loss)),
    ):
        programs.forget()
        records, _, failure = _run(_job(folder, epochs=1), space, task)
        reasons.append([failure and failure.message, len(records), len(programs._kept)])
    return reasons


def _drawing(config, spec):
    """Calls NumPy's generator while its step is traced."""
    model = spaces.good.build(config, spec)

    class Drawing(keras.layers.Layer):
        def call(self, x, training=False):
            return x * np.random.uniform(0.9, 1.1) if training else x

    return keras.Model(model.input, {"label": Drawing()(model.output["label"])})


def _found(folder):
    functions = (_equal, _again, _failing, _unmappable)
    return {f.__name__: f(folder) for f in functions}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What was found on JAX, in a process of its own, by the function that found it."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path_factory.mktemp("found")],
        env=environment(KERAS_BACKEND="jax"), capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_seeds_together_learn_what_they_do_alone(found, name):
    steps, whole = found["_equal"][name]
    assert steps["seeds"] > 1e-3, "the seeds are no copies of each other"
    assert steps["curves"] < 1e-5
    assert steps["weights"] < 1e-5
    assert steps["scores"] == 0
    assert whole["curves"] < 1e-3
    assert whole["scores"] < 0.02
    assert steps["together"] == [3, 3, 3]
    assert steps["compiled"] == [True, True, True]
    assert whole["compiled"] == [False, False, False]


def test_each_seed_stops_by_its_own_patience_and_tells_its_epochs(found):
    whole = found["_equal"]["mlp"][1]
    assert len(set(whole["epochs"])) > 1, "else nothing is shown"
    expected = [
        [n, epoch] for n, last in enumerate(whole["epochs"]) for epoch in range(1, last + 1)
    ]
    assert whole["told"] == expected


def test_another_group_finds_the_program_of_the_first(found):
    assert found["_again"] == {
        "compiled": [False, False, False], "same": [True, True, True], "programs": 1,
    }  # fmt: skip


def test_a_member_that_fails_costs_only_itself(found):
    failing = found["_failing"]
    assert failing["scored"] == ["completed", "failed", "completed"]
    assert "this one cannot be scored" in failing["message"]
    assert failing["spoilt"] == ["completed", "diverged", "completed"]
    assert failing["loss"] == "the loss is nan in step 1 of epoch 1"
    assert failing["others"] == [True, True]


def test_what_cannot_be_one_program_is_told_and_left_to_be_run_one_by_one(found):
    for reason, records, kept in found["_unmappable"]:
        assert reason is not None
        assert "no variable of its model" in reason
        assert (records, kept) == (0, 0)


def test_time_is_shared_out_and_none_is_lost():
    shares = Shares(3)
    with mock.patch("time.perf_counter", iter((3.0, 3.0, 10.0, 16.0, 16.0, 16.0, 16.0)).__next__):
        shares._since = 0.0
        assert shares.of(0) == 1.0
        with shares.alone(1):  # 3.0 to 10.0
            pass
        shares.end(2)  # at 16.0
        assert [shares.of(place) for place in range(3)] == [3.0, 10.0, 3.0]
