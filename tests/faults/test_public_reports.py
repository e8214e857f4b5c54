"""Situations of public reports by people who tune and compare Keras models, tried on a sweep.

Those of MLflow are in `tests/tracking`, those of sacreBLEU in `tests/kinds/test_translation.py`.
"""

import math

import pytest

from harness.journal.read import read_journal
from harness.models import load_model

PLUGIN = '''
import dataclasses
from dataclasses import dataclass

import numpy as np

from harness import DataSpec, Objective, Prepared, Score, SearchSpace, Split, Task, TensorSpec

KIND, OTHER = "image_classification", "image_segmentation"
SPEC = DataSpec({"image": TensorSpec((4, 4, 1), "uint8")},
                {"label": TensorSpec((), "int32", size=2)}, KIND)


def part(seed, count, share=0.5, weight=None):
    """Images whose class is their brighter half; one of the classes may be rare, and weighted."""
    rng = np.random.default_rng(seed)
    label = (rng.random(count) < share).astype("int32")
    image = rng.integers(0, 100, (count, 4, 4, 1)).astype("uint8")
    image[label == 1, :2] += 60
    image[label == 0, 2:] += 60
    weights = None if weight is None else np.where(label == 1, weight, 1.0).astype("float32")
    return Split({"image": image}, {"label": label}, weights)


def prepare(files):
    return Prepared(SPEC, part(0, 129), part(1, 64), part(2, 64))  # 129: a last batch of one


def others(files):
    return dataclasses.replace(prepare(files), spec=dataclasses.replace(SPEC, kind=OTHER))


def rare(files):
    return Prepared(SPEC, part(0, 400, 0.05), part(1, 200, 0.05), part(2, 200, 0.05))


def weighted(files):
    return Prepared(SPEC, part(0, 400, 0.05, 20.0), part(1, 200, 0.05), part(2, 200, 0.05))


def loss():
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compile_args(spec, training):
    return {"loss": loss(), "metrics": ["accuracy"]}


def unnamed(spec, training):
    import keras

    return {"loss": loss(), "metrics": [keras.metrics.SparseTopKCategoricalAccuracy(k=1)]}


def own(spec, training):
    import keras

    def f1(truth, logits):
        found = keras.ops.cast(keras.ops.argmax(logits, -1), "float32")
        there = keras.ops.cast(keras.ops.reshape(truth, (-1,)), "float32")
        both = keras.ops.sum(found * there)
        return 2 * both / (keras.ops.sum(found) + keras.ops.sum(there) + 1e-7)

    def own_loss(truth, logits):
        return keras.losses.sparse_categorical_crossentropy(truth, logits, from_logits=True)

    return {"loss": own_loss, "metrics": [f1]}


def scored(name):
    def score(model, split, assets):
        found = model.predict(dict(split.x), verbose=0)["label"].argmax(-1)
        right = found == split.y["label"]
        recall = float((found[split.y["label"] == 1] == 1).mean())
        return Score({name: float(right.mean()), "recall": recall}, {"correct": right})

    return score


def task(name, objective="accuracy", prepare=prepare, compile_args=compile_args):
    return Task(name, KIND, Objective(objective, "max"), prepare, compile_args, scored(objective),
                lambda data: {objective: 0.5}, batch_sizes=(32,))


even = dataclasses.replace(task("even", prepare=others), kind=OTHER)
top_k = task("top_k", "sparse_top_k_categorical_accuracy", compile_args=unnamed)
own_f1 = task("own_f1", "f1", compile_args=own)
rare_class = task("rare_class", prepare=rare)
weighted_class = task("weighted_class", prepare=weighted)


@dataclass(frozen=True)
class Config:
    units: object
    rates: tuple = ()


def build(config, spec, norm=False, by=1.0):
    import keras

    inputs = keras.Input((4, 4, 1), name="image", dtype="float32")
    x = keras.layers.Flatten()(keras.layers.Rescaling(by / 255)(inputs))
    x = keras.layers.BatchNormalization()(x) if norm else x
    x = keras.layers.Dense(config.units, activation="relu")(x)
    return keras.Model({"image": inputs}, {"label": keras.layers.Dense(2, name="label")(x)})


def numpy_sample(hp, kind):
    return Config(np.int64(hp.Int("units", 4, 32)), (np.float32(hp.Float("rate", 0.1, 0.9)),))


def sample(hp, kind):
    return Config(hp.Int("units", 4, 32, default=16))


def nan_first(config, spec):
    return build(config, spec, by=float("nan") if config.units == 16 else 1.0)


def space(name, sample=sample, build=build, kind=OTHER):
    return SearchSpace(name, (kind,), sample, build)


dense = space("dense", kind=KIND)
of_numpy = space("of_numpy", numpy_sample)
nan_at_first = space("nan_at_first", build=nan_first)
normalised = space("normalised", build=lambda config, spec: build(config, spec, norm=True))
'''
SWEEP = """
name = "s"
tasks = ["top_k", "own_f1", "rare_class", "weighted_class", "even"]
spaces = ["dense", "of_numpy", "nan_at_first", "normalised"]
plugins = ["mine.py"]
seeds = [0]
search_seed = 4
tuner = "bayesian"
[budget]
trials = 2
epochs = 2
"""


@pytest.fixture(scope="module")
def folder(harness, tmp_path_factory):
    """A sweep of the plugin's tasks with an architecture, and of one task with three others."""
    root = tmp_path_factory.mktemp("reports")
    (root / "mine.py").write_text(PLUGIN)
    (root / "s.toml").write_text(SWEEP)
    run = harness("run", root / "s.toml", "--tracking", "none", "--workers", "1",
                  "--output", root / "out")  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return root / "out" / "s"


def results(folder, name, phase="search"):
    found = [r for r in read_journal(folder).results if name in (r.task, r.space)]
    return [r for r in found if r.phase == phase]


def test_a_metric_without_a_name_has_the_same_one_in_every_trial(folder):
    """tensorflow#43645: `auc` in the first model of a process, `auc_1` in the second."""
    trials = results(folder, "top_k")
    assert [trial.status for trial in trials] == ["completed"] * 2
    assert all("val_sparse_top_k_categorical_accuracy" in trial.curve[-1] for trial in trials)


def test_a_winner_of_a_loss_and_a_metric_of_ones_own_can_be_loaded(folder):
    """autokeras#867: "Unknown metric function: f1_score"."""
    (seed,) = results(folder, "own_f1", "confirm")
    assert seed.metrics["test_f1"] == seed.metrics["test_f1"]
    model = load_model(folder / "models" / "own_f1.dense.seed0.keras")
    assert model.count_params() > 0


def test_weights_of_examples_count_in_a_search(folder):
    """keras-tuner#297: a rare class is never predicted, as if the weights were not there."""
    recall = {
        name: results(folder, name, "confirm")[0].metrics["test_recall"]
        for name in ("rare_class", "weighted_class")
    }
    assert recall["weighted_class"] > recall["rare_class"] + 0.5


def test_numbers_of_numpy_in_a_configuration_are_numbers(folder):
    """keras#21902: units must be an integer of Python; "Received: units=4"."""
    trials = results(folder, "of_numpy")
    assert [trial.status for trial in trials] == ["completed"] * 2
    assert all(type(trial.config["units"]) is int for trial in trials)
    assert all(type(trial.config["rates"][0]) is float for trial in trials)


def test_a_first_trial_that_is_not_a_number_is_not_the_best(folder):
    """autokeras#1758, keras-tuner#509: no later trial is better than NaN, and the Gaussian process
    cannot be fitted."""
    first, *others = results(folder, "nan_at_first")
    assert first.status == "diverged"
    assert [trial.status for trial in others] == ["completed"]
    (seed,) = results(folder, "nan_at_first", "confirm")
    assert seed.config != first.config
    assert math.isfinite(seed.metrics["test_accuracy"])


def test_a_last_batch_of_one_example_makes_no_number_nan(folder):
    """tensorflow#46205: the variance of one example is undefined for batch normalisation."""
    (seed,) = results(folder, "normalised", "confirm")
    assert math.isfinite(seed.metrics["test_accuracy"])
    assert math.isfinite(seed.metrics["val_loss"])
