"""`harness run` tells before the search, in a line each, what would be lost after it."""

import json
import zipfile

import pytest

from harness import registry
from harness.check import saving
from harness.check.rehearsal import Rehearsal, run_or_rehearse

SPACES = """
import dataclasses

import keras

from hostile.spaces import good, raising


class Halved(keras.layers.Layer):  # the harness finds it here when it loads a model
    def call(self, x):
        return x / 2


def made():
    @keras.saving.register_keras_serializable("mine")
    class Quartered(keras.layers.Layer):
        def call(self, x):
            return x / 4

    return Quartered


Quartered = made()  # registered as soon as this module is imported


def after(config, spec, layer):
    model = good.build(config, spec)
    return keras.Model(model.input, {"label": layer(model.output["label"])})


def unregistered(config, spec):
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    return after(config, spec, Doubled())


def with_lambda(config, spec):
    return after(config, spec, keras.layers.Lambda(lambda x: 2 * x))


def registered_inside(config, spec):
    @keras.saving.register_keras_serializable("mine")
    class Tripled(keras.layers.Layer):
        def call(self, x):
            return 3 * x

    return after(config, spec, Tripled())


def without_config(config, spec):
    class Scaled(keras.layers.Layer):
        def __init__(self, by, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return x

    return after(config, spec, Scaled(object()))


def tutorial(config, spec):
    model = good.build(config, spec)
    return keras.Model(model.input, model.output["label"])


def one_class_more(config, spec):
    model = good.build(config, spec)
    more = keras.layers.Dense(spec.outputs["label"].size + 1)
    return keras.Model(model.input, {"label": more(model.output["label"])})


def sound(config, spec):
    return after(config, spec, keras.Sequential([Halved(), Quartered()]))


def sampled_badly(hp, kind):
    raise LookupError("no such row")


unsampled = dataclasses.replace(good, name="unsampled", sample=sampled_badly)
unbuilt = dataclasses.replace(raising, name="unbuilt")
for build in (unregistered, with_lambda, registered_inside, without_config, tutorial,
              one_class_more, sound):
    globals()[f"space_{build.__name__}"] = dataclasses.replace(
        good, name=build.__name__, build=build
    )
"""
SAID = {
    "unregistered": "its saved model could not be loaded: Doubled is not registered; expected "
    "@keras.saving.register_keras_serializable() on its class",
    "with_lambda": "its saved model could not be loaded: a Lambda layer holds code, which is not "
    "loaded; expected a layer class of one's own",
    "registered_inside": "its saved model could not be loaded: Tripled is registered by code that "
    "runs in build only; expected its class at the top level of a module",
    "without_config": "saving its model raised NotImplementedError: Object Scaled was created by "
    "passing non-serializable argument values in `__init__()`, and therefore the object must "
    "override `get_config()`",
    "tutorial": "its model returns one tensor; expected its outputs by name, {'label': ...}",
    "one_class_more": "output 'label' has the shape (None, 3); expected (None, 2)",
}


TASKS = """
import dataclasses

from harness import Objective
from tests.hostile.hostile.tasks import blobs


def compile_args(spec, training):
    raise RuntimeError("no loss today")


def score(model, split, assets):
    return 1.0


def wrapped(model):
    import keras

    return keras.Model(model.input, model.output)


bright = dataclasses.replace(blobs, name="bright", training_model=wrapped)
lossless = dataclasses.replace(bright, name="lossless", compile_args=compile_args)
bare = dataclasses.replace(bright, name="bare", score=score)
unlike = dataclasses.replace(bright, name="unlike", objective=Objective("acc", "max"))
"""
TOLD = {
    ("lossless", "sound"): "task 'lossless': compile_args raised RuntimeError: no loss today",
    ("bare", "sound"): "score returned a float; expected harness.Score(metrics)",
    ("unlike", "sound"): "its objective is 'acc'; expected one of what its models report",
    ("bright", "unsampled"): "search space 'unsampled': sample raised LookupError: no such row",
    **{("bright", name): said for name, said in SAID.items()},
}


@pytest.fixture
def told(tmp_path):
    """What a worker says of a cell, in this process."""
    (tmp_path / "own_tasks.py").write_text(TASKS)
    spaces = SPACES.replace("from hostile", "from tests.hostile.hostile")
    (tmp_path / "own_spaces.py").write_text(spaces)
    registry.use((tmp_path / "own_tasks.py", tmp_path / "own_spaces.py"))

    def tell(task, space, score=False):
        def run(*_):
            raise AssertionError("a rehearsal is no trial")

        return run_or_rehearse(run, Rehearsal(task, space, score, tmp_path), print)

    yield tell
    registry.use(())


@pytest.mark.parametrize("task, space", TOLD)
def test_a_worker_tells_what_would_be_lost(told, task, space):
    (line,) = told(task, space, score=task == "bare")
    assert TOLD[task, space] in line


def test_a_worker_says_nothing_of_a_sound_cell_and_of_what_trials_record(told):
    assert told("bright", "sound", score=True) == ()
    assert told("bright", "unbuilt") == ()
    assert told("bare", "sound") == ()


def test_what_is_no_rehearsal_is_a_trial(told):
    assert run_or_rehearse(lambda job, tell: (job, tell), "job", "tell") == ("job", "tell")


def layer(name, registered, module=None):
    return {"module": module, "class_name": name, "config": {}, "registered_name": registered}


LAYERS = {
    "keras's own": (layer("Dense", None, "keras.layers"), ""),
    "lambda": (layer("Lambda", None, "keras.layers"), "a Lambda layer holds code"),
    "unregistered": (layer("Doubled", "Doubled"), "Doubled is not registered; expected @keras"),
    "of build": (layer("Tripled", "gone>Tripled"), "Tripled is registered by code that runs in b"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_a_file_that_cannot_be_found_is_named_once(name, tmp_path):
    described, said = LAYERS[name]
    inside = layer("Functional", "Functional", "keras.src.models.functional")
    config = inside | {"config": {"layers": [described, {"config": {"layer": described}}]}}
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    found = saving.culprits(tmp_path / "model.keras")
    assert found.startswith(said)
    assert bool(found) == bool(said)
    assert ";" not in found.replace("; expected", "")


@pytest.fixture(scope="module")
def refused(harness, tmp_path_factory):
    """A run with architectures none of which but one is sound: its lines, and its folder."""
    root = tmp_path_factory.mktemp("refused")
    (root / "own_spaces.py").write_text(SPACES)
    spaces = ", ".join(f'"{name}"' for name in (*SAID, "sound"))
    (root / "s.toml").write_text(
        f'name = "s"\ntasks = ["blobs"]\nspaces = [{spaces}]\nplugins = ["own_spaces.py"]\n'
        "seeds = [0]\n[budget]\ntrials = 1\nepochs = 1\n"
    )
    run = harness("run", root / "s.toml", "--tracking", "none", "--workers", "1",
                  "--output", root / "out")  # fmt: skip
    assert run.returncode == 2, run.stdout + run.stderr
    said = [line for line in run.stderr.splitlines() if line.startswith("harness: ")]
    return said, root / "out"


@pytest.mark.parametrize("name", SAID)
def test_what_would_be_lost_is_one_line_before_the_search(refused, name):
    lines, _ = refused
    (line,) = [line for line in lines if f"'{name}'" in line]
    assert line.startswith(f"harness: search space '{name}'")
    assert SAID[name] in line
    assert "own_spaces.py:" in line


def test_nothing_is_said_of_a_sound_one_and_nothing_is_written(refused):
    lines, output = refused
    assert len(lines) == len(SAID)
    assert not list(output.rglob("journal.jsonl"))
