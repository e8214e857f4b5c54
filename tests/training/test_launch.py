"""Steps that are taken in one launch, on JAX: what a model learns is what `fit` would teach it."""

import contextlib
import dataclasses
import importlib.util
import json
import subprocess
import sys
from unittest import mock

import keras
import numpy as np
import pytest

from harness.spec import Split
from harness.training import launch
from tests.conftest import environment
from tests.hostile.hostile import spaces
from tests.training import test_programs as trials

SMALL = dataclasses.replace(trials.FIRST, batch_size=8)

ELSEWHERE = """
import json, sys
from pathlib import Path
from harness import registry
from harness.data import cache
from tests.training import test_launch as tests
registry.task = {"blobs": tests.trials.blobs}.__getitem__
cache.load = lambda *_: tests.trials.DATA
print(json.dumps(tests._found(Path(sys.argv[1]))))
"""


def _run(folder, space=trials.noisy, **fields):
    """What a trial learned, and its weights if it left a program."""
    from harness import registry

    registry.space = {"good": space}.__getitem__
    result = trials._trial(folder, **{"training": SMALL, "epochs": 4, **fields})
    return result, [w.tolist() for w in trials.weights()]


@contextlib.contextmanager
def _anew(name, function):
    """Nothing is kept from before, and a function of the module is another."""
    trials.programs.forget()
    with mock.patch.object(launch, name, function):
        yield
    trials.programs.forget()


_TOOK = launch.Pace.took


def _parcels(folder):
    """A confirmation run by launches of any length, with the data on the device, and step by
    step; how often its loop was compiled, and how long its launches were."""
    fields = {"phase": "confirm", "patience": 1}
    with mock.patch.object(launch.Pace, "took", autospec=True, side_effect=_TOOK) as took:
        launched = _run(folder, **fields)
    lengths = [call.args[1] for call in took.mock_calls]
    again = _run(folder, **fields)
    compiled = next(iter(trials.programs._kept.values())).loop.train._cache_size()
    with _anew("fits", lambda split: True):
        resident = _run(folder, **fields)
    with _anew("loop", lambda *_: None):
        single = _run(folder, **fields)
    expected = (trials.learned(single[0]), single[1])
    same = [(trials.learned(r), w) == expected for r, w in (launched, again, resident)]
    return {"same": same, "compiled": compiled, "longest": max(lengths), "first": lengths[0]}


def _spent(folder):
    """How many operations a training takes that may take so many, either way."""
    whole = _run(folder, epochs=1)[0].cost.flops
    ends = []
    for loop in (launch.loop, lambda *_: None):
        with _anew("loop", loop):
            for share in (2.5, 3):
                ends.append(_run(folder, epochs=50, flops=share * whole)[0].cost.flops)
    return ends


def _no_number(folder):
    """What becomes of a training whose loss is soon no number."""
    wild = dataclasses.replace(SMALL, learning_rate=1e30, clip_norm=None, optimizer="sgd")
    try:
        _run(folder, training=wild)
    except AssertionError as error:
        return str(error)


def _convolution(config, spec):
    image = keras.Input(spec.inputs["image"].shape, name="image")
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(keras.layers.Rescaling(1 / 255)(image)))
    x = keras.layers.Dense(spec.outputs["label"].size)(x)
    return keras.Model({"image": image}, {"label": x})


def _convolved(folder):
    """Whether a network with a convolution has a loop on a processor."""
    _run(folder, dataclasses.replace(spaces.good, build=_convolution))
    return next(iter(trials.programs._kept.values())).loop is not None


def _texts(folder):
    """Whether stacks of texts of several lengths hold the batches that a fit gets; and how many
    of one length there were at once."""
    from harness.training.batches import Batches
    from harness.training.readers import cutter
    from harness.training.stacks import Stacks

    random = np.random.default_rng(0)
    tokens = random.integers(1, 9, (130, 96)) * (np.arange(96) < random.integers(1, 97, (130, 1)))
    split = Split({"tokens": tokens}, {"label": random.integers(0, 2, 130)})

    def batches():
        return Batches(split, 8, 3, {"tokens": "tokens"})

    expected, same, counts = cutter(batches()), [], []
    stacked = [Stacks(batches()), Stacks(batches(), resident=True)]
    for _ in range(2):
        for stacks in stacked:
            done = 0
            while done < len(stacks):
                counts.append(stacks.alike(done, 4))
                x, y = stacks.stack(done, counts[-1])
                for place in range(counts[-1]):
                    x_one, y_one = expected[done + place]
                    found = np.asarray(x["tokens"])[place], np.asarray(y)[place]
                    same.append(all(map(np.array_equal, found, (x_one["tokens"], y_one))))
                done += counts[-1]
            stacks.begin_epoch()
        expected.on_epoch_end()
    return [all(same), len(same), max(counts)]


def _found(folder):
    found = {f.__name__: f(folder) for f in (_parcels, _spent, _no_number, _texts)}
    trials.programs.forget()
    return {**found, "_convolved": _convolved(folder)}


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


def test_however_steps_are_launched_a_model_learns_the_same(found):
    parcels = found["_parcels"]
    assert parcels["same"] == [True, True, True]
    assert parcels["compiled"] == 1, "one program, whatever the length and the trial"
    assert parcels["first"] == 1
    assert parcels["longest"] > 1


def test_a_training_whose_operations_are_spent_ends_at_the_same_step(found):
    launched, launched_whole, single, single_whole = found["_spent"]
    assert launched == single
    assert launched_whole == single_whole


def test_a_loss_that_is_no_number_ends_a_training(found):
    assert "diverged" in found["_no_number"]


def test_convolutions_are_not_looped_over_on_a_processor(found):
    assert found["_convolved"] is False


def test_stacks_of_texts_hold_the_batches_of_a_fit(found):
    same, compared, most = found["_texts"]
    assert same
    assert compared == 2 * 2 * 17
    assert most > 1


def test_only_jax_loops():
    assert launch.loop(None, None, "cpu") is None
