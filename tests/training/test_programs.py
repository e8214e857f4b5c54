"""A kept program learns what one compiled for the trial would, and is kept only where it can."""

import dataclasses
import importlib.util
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from harness import registry
from harness.data import cache
from harness.spec import Training
from harness.training import programs
from harness.training.run import run_trial
from harness.trial import Job
from tests.conftest import environment
from tests.hostile.hostile import spaces
from tests.hostile.hostile.tasks import blobs

DATA = blobs.prepare({})
FIRST = Training(learning_rate=0.02, batch_size=64)
OTHER = Training(learning_rate=0.005, batch_size=64, weight_decay=0.1, warmup=0.3)


def _noisy(config, spec):
    """A network with states of every kind: moments of batches, and random numbers in training
    and in prediction."""
    image = keras.Input(spec.inputs["image"].shape, name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(config.units)(x))
    x = Restless()(keras.layers.Activation("relu")(x))
    x = keras.layers.Dense(spec.outputs["label"].size)(x)
    return keras.Model({"image": image}, {"label": x})


class Restless(keras.layers.Layer):
    """Adds noise whether or not it is trained."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator()

    def call(self, x):
        return x + 0.1 * keras.random.normal(keras.ops.shape(x), seed=self.seeds)


noisy = dataclasses.replace(spaces.good, build=_noisy)


@pytest.fixture
def trial(monkeypatch, tmp_path):
    programs.forget()

    def run(space=noisy, task=blobs, **fields):
        monkeypatch.setattr(registry, "task", {task.name: task}.__getitem__)
        monkeypatch.setattr(registry, "space", {space.name: space}.__getitem__)
        monkeypatch.setattr(cache, "load", lambda *_: DATA)
        return _trial(tmp_path, task=task.name, space=space.name, **fields)

    yield run
    programs.forget()


def _trial(folder, **fields):
    job = Job(**{
        "sweep": "tests", "task": "blobs", "space": "good", "phase": "search", "number": 0,
        "seed": 0, "config": spaces.Config(units=8), "training": FIRST, "folder": folder,
        "epochs": 2, **fields,
    })  # fmt: skip
    result = run_trial(job, lambda info: None)
    assert result.status == "completed", result.failure
    return result


def learned(result):
    """All that does not tell the time."""
    curve = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in result.curve]
    return curve, result.metrics


def weights():
    """Of the program that was used last."""
    return [np.array(w) for w in next(reversed(programs._kept.values())).bare.get_weights()]


def _equal_runs(folder):
    """Weights and results of a trial in a kept program and in one of its own, and what of the
    trials before it was compiled."""
    compiled = [
        _trial(folder, seed=0).cost.compiled,
        _trial(folder, seed=1, training=OTHER, epochs=3).cost.compiled,
    ]
    confirm = {"seed": 2, "training": OTHER, "phase": "confirm", "epochs": 4}
    kept = _trial(folder, **confirm)
    kept_weights = weights()
    programs.forget()
    fresh = _trial(folder, **confirm)
    return [*compiled, kept.cost.compiled, fresh.cost.compiled], (kept, kept_weights), (
        fresh, weights()
    )  # fmt: skip


def test_a_kept_program_learns_what_a_new_one_does(trial, tmp_path):
    trial()
    programs.forget()
    compiled, (kept, kept_weights), (fresh, fresh_weights) = _equal_runs(tmp_path)
    assert compiled == [True, False, False, True]
    assert learned(kept) == learned(fresh)
    for one, other in zip(kept_weights, fresh_weights, strict=True):
        np.testing.assert_array_equal(one, other)


ELSEWHERE = """
import json, sys
from pathlib import Path
import numpy as np
from harness import registry
from harness.data import cache
from tests.training import test_programs as tests
registry.task = {"blobs": tests.blobs}.__getitem__
registry.space = {"good": tests.noisy}.__getitem__
cache.load = lambda *_: tests.DATA
compiled, (kept, own), (fresh, other) = tests._equal_runs(Path(sys.argv[1]))
apart = max(float(np.abs(a - b).max()) for a, b in zip(own, other, strict=True))
same = tests.learned(kept) == tests.learned(fresh)
loss = tests.dataclasses.replace(tests.blobs, compile_args=tests._noisy_loss)
registry.task = {"blobs": loss}.__getitem__
unkept = [tests._trial(Path(sys.argv[1]), seed=seed).cost.compiled for seed in (1, 2)]
print(json.dumps([compiled, apart, same, unkept]))
"""


def test_likewise_on_jax(tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path],
        env=environment(KERAS_BACKEND="jax"), capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    compiled, apart, same, unkept = json.loads(run.stdout.splitlines()[-1])
    assert compiled == [True, False, False, True]
    assert apart == 0
    assert same
    assert unkept == [True, True], "a generator of a loss is no state of its model"


def test_what_a_search_compiled_predicts_as_the_backend_runs_best(trial):
    """Scoring by XLA, which Keras chooses for a model that is not compiled, took ten times as long
    on a processor."""
    assert trial().cost.compiled
    assert not trial(phase="confirm").cost.compiled
    (kept,) = programs._kept.values()
    assert kept.bare.compiled
    assert not kept.bare.jit_compile
    predict = kept.bare.predict_function
    assert predict is not None
    assert not trial(phase="confirm", seed=3).cost.compiled
    assert kept.bare.predict_function is predict, "traced once"


def test_a_continuation_goes_on_in_the_program_of_its_parent(trial):
    whole = dataclasses.replace(FIRST, batch_size=len(DATA.train))
    still = spaces.good
    expected = learned(trial(still, training=whole, epochs=4))[0]
    first = trial(still, training=whole, epochs=2, horizon=4, keep_checkpoint=True, number=1)
    trial(still, training=whole, epochs=1, seed=9)  # another trial has the program meanwhile
    second = trial(still, training=whole, epochs=4, initial_epoch=2, horizon=4, parent=1, number=2)
    assert not second.cost.compiled
    for epoch, other in zip(learned(first)[0] + learned(second)[0], expected, strict=True):
        assert epoch == pytest.approx(other, rel=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {"config": spaces.Config(units=9)},
        {"training": dataclasses.replace(FIRST, batch_size=32)},
        {"training": dataclasses.replace(FIRST, label_smoothing=0.1)},
        {"training": dataclasses.replace(FIRST, optimizer="sgd")},
        {"training": dataclasses.replace(FIRST, clip_norm=None)},
    ],
)
def test_what_is_no_number_makes_another_program(trial, fields):
    trial()
    assert trial(**fields).cost.compiled
    assert not trial().cost.compiled


def test_a_program_serves_its_own_space_alone(trial):
    trial(noisy)
    assert trial(dataclasses.replace(noisy)).cost.compiled


def _unseeded(config, spec):
    import tensorflow as tf

    model = _noisy(config, spec)
    x = model.output["label"]
    noise = keras.layers.Lambda(lambda x: x + tf.random.normal(tf.shape(x)))
    return keras.Model(model.input, {"label": noise(x)})


def _drawing(config, spec):
    """Draws from NumPy's generator when it is called in training."""
    model = _noisy(config, spec)

    class Drawing(keras.layers.Layer):
        def call(self, x, training=False):
            return x * np.random.uniform(0.9, 1.1) if training else x

    return keras.Model(model.input, {"label": Drawing()(model.output["label"])})


class Own(keras.Model):
    def __init__(self, config, spec):
        super().__init__()
        self.body = _noisy(config, spec)

    def call(self, inputs, training=False):
        return self.body(inputs, training=training)


def _subclassed(config, spec):
    model = Own(config, spec)
    model({"image": np.zeros((1, *spec.inputs["image"].shape), "uint8")})
    return model


def _with(layer):
    """A network that ends in a layer, to which a class is given."""

    def build(config, spec):
        model = _noisy(config, spec)
        return keras.Model(model.input, {"label": layer()(model.output["label"])})

    return build


class Global(keras.layers.Layer):
    """Draws from the generator that all layers without one share."""

    def call(self, x, training=False):
        return x + 0.1 * keras.random.normal(keras.ops.shape(x)) if training else x


class Counting(keras.layers.Layer):
    """Keeps a state that Keras does not know of."""

    def __init__(self):
        super().__init__()
        import tensorflow as tf

        self.hidden = {"calls": tf.Variable(0.0)}

    def call(self, x, training=False):
        calls = self.hidden["calls"]
        return x * (1 + calls.assign_add(0.01)) if training else x


class Generator(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        import tensorflow as tf

        self.hidden = {"own": tf.random.Generator.from_non_deterministic_state()}
        self.hidden["own"].reset_from_seed(int(np.random.default_rng(0).integers(9)))

    def call(self, x, training=False):
        return x + 0.1 * self.hidden["own"].normal(keras.ops.shape(x)) if training else x


def _constant(config, spec):
    """Draws a constant from NumPy's generator while it is built."""
    model = _noisy(config, spec)
    x = layers_scaled(model.output["label"], float(np.random.uniform(0.5, 1.5)))
    return keras.Model(model.input, {"label": x})


def layers_scaled(x, factor):
    return keras.layers.Rescaling(factor)(x)


@pytest.mark.parametrize(
    "build",
    [_unseeded, _drawing, _subclassed, _with(Global), _constant],
)
def test_what_would_draw_other_numbers_is_built_and_compiled_anew(trial, build):
    space = dataclasses.replace(spaces.good, build=build)
    first = trial(space, seed=1)
    other = trial(space, seed=2)
    again = trial(space, seed=1)
    assert all(result.cost.compiled for result in (first, other, again))
    assert learned(first) == learned(again) != learned(other)


@pytest.mark.parametrize("layer", [Counting, Generator])
def test_a_state_that_keras_does_not_know_of_is_not_gone_on_with(trial, layer):
    space = dataclasses.replace(spaces.good, build=_with(layer))
    results = [trial(space, seed=seed) for seed in (1, 2, 1)]
    assert all(result.cost.compiled for result in results)
    assert learned(results[0]) == learned(results[2])


class NoisyLoss(keras.losses.Loss):
    """Has random numbers of its own."""

    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator()

    def call(self, y_true, y_pred):
        y_pred = y_pred + keras.random.normal(keras.ops.shape(y_pred), seed=self.seeds)
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)


def _noisy_loss(spec, training):
    return {**blobs.compile_args(spec, training), "loss": NoisyLoss()}


def test_a_loss_with_a_state_of_its_own_is_not_gone_on_with(trial):
    task = dataclasses.replace(blobs, compile_args=_noisy_loss)
    results = [trial(noisy, task, seed=seed) for seed in (1, 2, 1)]
    assert all(result.cost.compiled for result in results)
    assert learned(results[0]) == learned(results[2])


def test_a_trial_that_fails_leaves_no_program(trial):
    trial()
    with pytest.raises(AssertionError, match="diverged"):
        trial(training=dataclasses.replace(FIRST, learning_rate=1e30))
    assert trial().cost.compiled


def test_the_least_wanted_programs_go_first(trial, monkeypatch):
    monkeypatch.setattr(programs, "MOST", 2)
    for units in (8, 9, 10):
        wanted = [job_program(8)]
        trial(config=spaces.Config(units=units), wanted=tuple(wanted))
    assert not trial(config=spaces.Config(units=8)).cost.compiled
    assert trial(config=spaces.Config(units=9)).cost.compiled


def job_program(units):
    from harness.trial import program_name

    return program_name("blobs", "good", spaces.Config(units=units), FIRST)


def test_a_worker_near_its_limit_keeps_only_what_is_wanted(trial):
    trial()
    trial(config=spaces.Config(units=9), memory_gb=1e-3)
    assert trial().cost.compiled
    trial(memory_gb=1e-3, wanted=(job_program(8),))
    assert not trial().cost.compiled


def test_where_memory_is_short_only_what_is_wanted_is_kept(trial, monkeypatch):
    trial()
    monkeypatch.setattr(programs, "LEAST_AVAILABLE", 1.0)
    nine = {"config": spaces.Config(units=9), "wanted": (job_program(9),)}
    assert trial(**nine).cost.compiled
    assert not trial(**nine).cost.compiled
    assert trial().cost.compiled


def test_what_a_trial_has_computed_is_told_whoever_compiled_it(trial):
    first, again = trial(), trial(seed=1, epochs=3)
    assert not again.cost.compiled
    assert again.cost.forward_flops == first.cost.forward_flops
    inputs = int(np.prod(DATA.spec.inputs["image"].shape))
    outputs = DATA.spec.outputs["label"].size
    assert first.cost.forward_flops == 2 * 8 * (inputs + outputs)
    assert first.cost.flops == 3 * first.cost.forward_flops * 2 * len(DATA.train)
    assert again.cost.flops == 3 * first.cost.forward_flops * 3 * len(DATA.train)


def test_a_trial_ends_one_step_after_its_operations_are_spent(trial):
    small = dataclasses.replace(FIRST, batch_size=8)
    whole = trial(training=small, epochs=1).cost.flops
    step = whole * 8 / len(DATA.train)
    part = trial(training=small, epochs=50, flops=2.5 * whole)
    assert part.epochs == 3
    assert 2.5 * whole < part.cost.flops <= 2.5 * whole + 2 * step


def test_a_budget_of_operations_needs_them_counted(trial, monkeypatch, tmp_path):
    def uncounted(*_):
        raise ValueError("CudnnRNN does not tell its operations")

    monkeypatch.setattr(programs, "forward_operations", uncounted)
    result = trial()
    assert (result.cost.flops, result.cost.forward_flops) == (None, None)
    assert "CudnnRNN" in result.lost["flops"].message
    programs.forget()
    with pytest.raises(AssertionError, match="which the budget limits"):
        trial(flops=1e9)
