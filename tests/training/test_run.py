"""A trial keeps its promises: seeds, limits, continuation, and what is saved of it."""

import dataclasses
import functools
import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import registry
from harness.data import cache
from harness.journal.folder import assets_path, checkpoint_path
from harness.kinds.classification import compile_args
from harness.spec import Prepared, Split, Training
from harness.training import model, programs
from harness.training.feed import subset
from harness.training.run import run_trial
from harness.trial import Job
from tests.conftest import environment
from tests.hostile.hostile import spaces
from tests.hostile.hostile.tasks import blobs

DATA = blobs.prepare({})
STEPS = 4
"""Steps of an epoch with `FAST`."""
FAST = Training(learning_rate=0.02, batch_size=len(DATA.train) // STEPS, warmup=0.0)


class Untouchable:
    """A split that must not be looked at."""

    def __getattr__(self, name):
        raise AssertionError("the test split was read")

    def __len__(self):
        raise AssertionError("the test split was read")


@pytest.fixture
def trial(monkeypatch, tmp_path):
    """Runs one trial; the registry and the cache answer with what the test gives."""

    def run(space=spaces.good, task=blobs, data=DATA, report=lambda info: None, **fields):
        programs.forget()  # see test_programs.py for those that are kept
        monkeypatch.setattr(registry, "task", {task.name: task}.__getitem__)
        monkeypatch.setattr(registry, "space", {space.name: space}.__getitem__)
        monkeypatch.setattr(cache, "load", lambda *_: data)
        defaults = {
            "sweep": "tests",
            "task": task.name,
            "space": space.name,
            "phase": "search",
            "number": 0,
            "seed": 0,
            "config": spaces.Config(units=8),
            "training": FAST,
            "folder": tmp_path,
            "epochs": 2,
        }
        return run_trial(Job(**{**defaults, **fields}), report)

    return run


@pytest.fixture
def optimizers(monkeypatch):
    """The optimizers of the trials of a test, in order."""
    made = []
    make = model.build_optimizer
    monkeypatch.setattr(
        model, "build_optimizer", lambda *args: made.append(make(*args)) or made[-1]
    )
    return made


def learned(result):
    """The curve without its clock."""
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in result.curve]


def test_the_seed_fixes_the_curve(trial):
    dropout = dataclasses.replace(spaces.good, build=_with_dropout)
    first, again, other = (trial(dropout, seed=seed) for seed in (5, 5, 6))
    assert first.status == "completed", first.failure
    assert [epoch["epoch"] for epoch in first.curve] == [1, 2]
    assert learned(first) == learned(again)
    assert learned(first) != learned(other)


def test_what_a_trial_sets_is_not_set_for_the_next(trial):
    found = []

    def build(config, spec, meddle=lambda: None):
        found.append(_settings())
        meddle()
        found.append(_settings())
        return spaces.good.build(config, spec)

    good = dataclasses.replace(spaces.good, build=build)
    before = trial(good)
    trial(dataclasses.replace(good, build=functools.partial(build, meddle=_meddle)))
    after = trial(good)
    assert before.status == after.status == "completed"
    assert learned(after) == learned(before)
    clean, _, again, meddled, *last = found
    assert last == [clean, clean]
    assert again == clean
    assert all(one != other for one, other in zip(clean, meddled, strict=True))


def _settings():
    """What the numbers of a trial depend on."""
    config = keras.config
    return (
        config.floatx(), config.epsilon(), config.image_data_format(), config.max_epochs(),
        config.max_steps_per_epoch(), config.dtype_policy().name,
        config.is_flash_attention_enabled(), np.geterr(),
    )  # fmt: skip


def _meddle():
    config = keras.config
    config.set_floatx("float16")
    config.set_epsilon(0.5)
    config.set_image_data_format("channels_first")
    config.set_max_epochs(1)
    config.set_max_steps_per_epoch(1)
    config.set_dtype_policy("mixed_bfloat16")
    config.disable_flash_attention()
    np.seterr(all="raise")


MEDDLING = """
import keras
from harness.training import framework_state

framework_state.note()
if keras.config.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "bfloat16")
    framework_state.restore()
    assert not jax.config.jax_enable_x64
    assert jax.config.jax_default_matmul_precision is None
else:
    from tensorflow import config

    config.run_functions_eagerly(True)
    config.optimizer.set_jit(True)
    config.experimental.enable_tensor_float_32_execution(False)
    framework_state.restore()
    assert not config.functions_run_eagerly()
    assert not config.optimizer.get_jit()
    assert config.experimental.tensor_float_32_execution_enabled()
"""


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_settings_of_a_backend_are_restored(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    run = subprocess.run(
        [sys.executable, "-c", MEDDLING], capture_output=True, text=True, timeout=120,
        env=environment(KERAS_BACKEND=backend),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def _with_dropout(config, spec):
    import keras

    model = spaces.good.build(config, spec)
    x = keras.layers.Dropout(0.5)(model.inputs[0])
    return keras.Model({"image": model.inputs[0]}, model({"image": x}))


def test_a_result_says_what_was_reached_and_what_it_cost(trial, monkeypatch):
    told = []
    monkeypatch.setenv("HARNESS_NODE", "far/1")
    result = trial(report=told.append)
    assert result.score == max(epoch["val_accuracy"] for epoch in result.curve)
    assert told == [
        {
            "epoch": n,
            "epochs": 2,
            "score": max(e["val_accuracy"] for e in result.curve[:n]),
            "flops": result.cost.flops * n / 2,
        }
        for n in (1, 2)
    ]
    cost = result.cost
    assert cost.node == "far/1"
    assert cost.parameters == 16 * 8 + 8 + 8 * 2 + 2
    assert cost.seconds >= cost.build_seconds + cost.first_step_seconds + cost.train_seconds > 0
    assert cost.examples_per_second > 0
    assert cost.peak_memory_mb > 0


def test_a_loss_that_is_no_number_ends_the_trial_in_its_first_step(trial):
    result = trial(spaces.diverging)
    assert (result.status, result.failure.kind) == ("diverged", "diverged")
    assert result.failure.message == "the loss is nan in step 1 of epoch 1"
    assert (result.score, result.curve, result.metrics) == (None, (), {})


def test_a_late_divergence_keeps_the_curve_so_far(trial):
    huge = Training(
        optimizer="sgd", learning_rate=1e30, schedule="constant", warmup=0.0, batch_size=128
    )
    result = trial(training=huge, epochs=5)
    assert result.status == "diverged"
    assert result.failure.message.endswith("in step 1 of epoch 2")
    assert [epoch["epoch"] for epoch in result.curve] == [1]
    assert result.score is None


def test_a_model_that_is_too_large_is_not_trained(trial, optimizers):
    result = trial(max_parameters=100, report=lambda info: pytest.fail("it was trained"))
    assert (result.status, result.failure.kind) == ("infeasible", "infeasible")
    assert result.failure.message == "154 parameters; at most 100 allowed"
    assert (result.epochs, result.cost.parameters, optimizers) == (0, 154, [])


def test_a_model_that_costs_too_much_to_use_is_not_trained(trial):
    def trained(info):
        pytest.fail("it was trained")

    one = trial(epochs=1).cost.forward_flops
    result = trial(max_flops=one - 1, report=trained)
    assert (result.status, result.failure.kind) == ("infeasible", "infeasible")
    assert result.failure.message.endswith(f"at most {one - 1:.3g} allowed")
    result = trial(max_latency_ms=1e-6, report=trained)
    assert (result.status, result.failure.kind) == ("infeasible", "infeasible")
    assert result.failure.message.endswith(" ms an example; at most 1e-06 allowed")
    assert (result.epochs, result.cost.latency_ms > 1e-6) == (0, True)


def test_looking_at_what_a_model_costs_changes_no_score(trial):
    free, bounded = trial(epochs=2), trial(epochs=2, max_flops=1e12, max_latency_ms=1e6)
    assert bounded.cost.latency_ms is not None
    assert (bounded.status, bounded.curve[-1]["val_loss"]) == (
        "completed",
        free.curve[-1]["val_loss"],
    )


def test_a_spent_time_budget_stops_training_and_keeps_the_score(trial, optimizers):
    result = trial(epochs=50, seconds=1e-9)
    assert (result.status, result.epochs) == ("completed", 1)
    assert int(optimizers[0].iterations) == 2, "the next step is under way when it is noticed"
    assert result.score == result.curve[0]["val_accuracy"]


def test_an_exception_is_recorded_whole(trial):
    result = trial(spaces.raising)
    assert (result.status, result.failure.kind) == ("failed", "code")
    said = "ArithmeticError: this architecture cannot be built (spaces.py:"
    assert result.failure.message.startswith(said)
    assert result.failure.traceback.startswith("Traceback (most recent call last):")
    assert "in _raises" in result.failure.traceback
    assert result.failure.traceback.endswith("this architecture cannot be built\n")


def test_a_full_memory_is_recorded_as_such(trial):
    def build(config, spec):
        raise MemoryError("no room")

    result = trial(dataclasses.replace(spaces.good, build=build))
    assert (result.status, result.failure.kind) == ("failed", "memory")


def test_a_continuation_goes_on_where_its_parent_stopped(trial, optimizers):
    """With one step an epoch the order of the data plays no part, and the two halves make the
    uninterrupted run. (With more, a continuation draws a data order of its own.)"""
    whole_batch = dataclasses.replace(FAST, batch_size=len(DATA.train), warmup=0.25)
    whole = trial(training=whole_batch, epochs=4)
    first = trial(training=whole_batch, epochs=2, horizon=4, keep_checkpoint=True, number=1)
    second = trial(
        training=whole_batch, epochs=4, initial_epoch=2, horizon=4, parent=1, number=2, seed=1
    )
    assert [epoch["epoch"] for epoch in (*first.curve, *second.curve)] == [1, 2, 3, 4]
    for parts, expected in zip(learned(first) + learned(second), learned(whole), strict=True):
        assert parts == pytest.approx(expected, rel=1e-4)
    assert [int(optimizer.iterations) for optimizer in optimizers] == [4, 2, 4]
    rates = [float(optimizer.learning_rate) for optimizer in optimizers]
    assert rates[2] == rates[0] < rates[1]


def test_a_continuation_whose_checkpoint_is_gone_starts_anew(trial):
    """It failed with its worker and is tried again when its search has ended."""
    result = trial(epochs=3, initial_epoch=2, horizon=4, parent=1, number=2)
    assert (result.status, result.epochs) == ("completed", 3), result.failure
    assert learned(result) == learned(trial(epochs=3, horizon=4))


def test_only_a_trial_that_may_go_on_leaves_a_checkpoint(trial, tmp_path):
    trial(number=3)
    assert not checkpoint_path(tmp_path, "blobs", "good", 3).exists()
    trial(number=4, keep_checkpoint=True)
    assert checkpoint_path(tmp_path, "blobs", "good", 4).is_file()


@pytest.mark.parametrize("patience, epochs", [(2, 3), (50, 4)])
def test_a_confirmed_model_is_the_one_of_the_best_epoch(trial, patience, epochs):
    """Where validation labels are swapped, every epoch makes the model worse."""
    swapped = Split(DATA.val.x, {"label": 1 - DATA.val.y["label"]})
    data = dataclasses.replace(DATA, val=swapped, test=swapped)
    result = trial(data=data, phase="confirm", epochs=4, patience=patience)
    scores = [epoch["val_accuracy"] for epoch in result.curve]
    assert len(scores) == epochs
    assert scores[0] == max(scores) > scores[-1]
    assert result.metrics["test_accuracy"] == pytest.approx(scores[0])


def test_a_saved_model_predicts_what_was_scored(trial, tmp_path):
    import keras

    result = trial(phase="confirm", seed=3, epochs=1)
    assert result.model == "models/blobs.good.seed3.keras"
    loaded = keras.models.load_model(tmp_path / result.model)
    score = blobs.score(loaded, DATA.test, {})
    outcomes = np.load(tmp_path / "outcomes/blobs.good.seed3.npz")
    assert 0.5 < score.metrics["accuracy"] == result.metrics["test_accuracy"]
    assert np.array_equal(outcomes["correct"], score.per_example["correct"])
    assert outcomes["correct"].mean() == result.metrics["test_accuracy"]
    assert result.cost.latency_ms > 0


def test_further_tests_are_scored_after_confirmation_only(trial):
    data = dataclasses.replace(DATA, further={"later": DATA.val})
    result = trial(data=data, phase="confirm")
    assert result.metrics["test_later_accuracy"] == pytest.approx(result.metrics["val_accuracy"])
    assert "test_accuracy" in result.metrics
    result = trial(data=dataclasses.replace(DATA, further={"later": Untouchable()}))
    assert result.status == "completed"


def test_the_search_never_reads_the_test_split(trial):
    data = Prepared(DATA.spec, DATA.train, DATA.val, Untouchable(), DATA.assets)
    searched = trial(data=data)
    assert searched.status == "completed"
    assert not any(name.startswith("test_") for name in searched.metrics)
    assert "the test split was read" in trial(data=data, phase="confirm").failure.message


def test_augmentation_acts_in_training_only(trial, tmp_path):
    """A model trained on images upside down learns the opposite of the truth."""
    import keras

    class UpsideDown(keras.layers.Layer):
        def call(self, image, training=False):
            return keras.ops.flip(image, axis=1) if training else image

    task = dataclasses.replace(blobs, augment=lambda spec: [UpsideDown()])
    turned = dataclasses.replace(FAST, augment=True)
    result = trial(task=task, training=turned, phase="confirm", epochs=8, patience=8)
    last = result.curve[-1]
    assert last["accuracy"] > 0.9
    assert last["val_accuracy"] < 0.1
    loaded = keras.models.load_model(tmp_path / result.model)  # needs no augmentation layer
    assert blobs.score(loaded, DATA.test, {}).metrics == {
        "accuracy": result.metrics["test_accuracy"]
    }
    assert trial(task=task, epochs=8).score > 0.9


def test_label_smoothing_keeps_the_loss_above_its_floor(trial):
    """Two classes smoothed by 0.1 have targets 0.95 and 0.05, whose entropy is the floor."""
    task = dataclasses.replace(blobs, compile_args=compile_args)
    floor = -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))
    sharp, smooth = (
        trial(task=task, training=dataclasses.replace(FAST, label_smoothing=share), epochs=10)
        for share in (0.0, 0.1)
    )
    assert sharp.curve[-1]["loss"] < floor < smooth.curve[-1]["loss"]


def test_a_part_of_the_training_split_is_the_same_for_every_trial():
    part, again = (subset(DATA.train, 0.25) for _ in range(2))
    assert len(part) == 32
    assert np.array_equal(part.x["image"], again.x["image"])
    assert np.array_equal(part.y["label"], again.y["label"])
    assert subset(DATA.train, 1.0) is DATA.train


# --- pretrained models ------------------------------------------------------------


def goes_on(config, spec, encoder=None):
    """The pretrained model itself, or a new one."""
    return spaces.good.build(config, spec) if encoder is None else encoder


PRETRAINED = dataclasses.replace(spaces.good, build=goes_on, pretrained=True)


def words(*vocabulary):
    return dataclasses.replace(DATA, assets={"vocabulary": list(vocabulary)})


@pytest.fixture
def encoder(trial):
    """A confirmed model of a task whose words are a, b and c."""
    result = trial(data=words("a", "b", "c"), phase="confirm", epochs=6)
    return Path(result.model)


def test_a_trial_goes_on_with_a_pretrained_model(trial, encoder):
    slow = dataclasses.replace(FAST, learning_rate=1e-9)
    fields = {"space": PRETRAINED, "data": words("a", "b", "c"), "epochs": 1, "training": slow}
    new = trial(**fields)
    pretrained = trial(**fields, encoder=encoder)
    assert pretrained.failure is None
    assert pretrained.score > 0.9 > new.score


@pytest.mark.parametrize(
    "data, message",
    [
        (words("a", "c", "b"), "its vocabulary of 3 pieces is not that of the pretrained model"),
        (words("a", "b"), "its vocabulary of 2 pieces is not that of the pretrained model"),
        (DATA, "its vocabulary of 0 pieces is not that of the pretrained model"),
    ],
)
def test_a_pretrained_model_must_know_the_same_words(trial, encoder, data, message):
    result = trial(space=PRETRAINED, data=data, encoder=encoder)
    assert result.status == "failed"
    assert message in result.failure.message
    assert "of 3; expected the same pieces in the same order" in result.failure.message


def test_a_pretrained_model_without_its_words_is_not_gone_on_with(trial, encoder, tmp_path):
    assets_path(tmp_path / encoder).unlink()
    result = trial(space=PRETRAINED, data=words("a", "b", "c"), encoder=encoder)
    assert "expected the vocabulary of the pretrained model beside it" in result.failure.message
    (tmp_path / encoder).unlink()
    result = trial(space=PRETRAINED, data=words("a", "b", "c"), encoder=encoder)
    assert "not a saved Keras model" in result.failure.message


def test_learning_rates_may_differ_by_variable(trial):
    def factors(config, model):
        return {variable.path: 0.0 for variable in model.trainable_variables}

    still = dataclasses.replace(spaces.good, rate_factors=factors)
    without = dataclasses.replace(FAST, weight_decay=0.0)
    first, second = trial(still, training=without).curve
    assert first["val_loss"] == pytest.approx(second["val_loss"])
    first, second = trial(training=without).curve
    assert first["val_loss"] != pytest.approx(second["val_loss"])
