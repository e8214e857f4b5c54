"""`harness run` tells before the search, in a line each, what would be lost after it."""

import pytest

SPACES = """
import dataclasses

import keras

from hostile.spaces import good


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
