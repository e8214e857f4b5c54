"""`harness check` names each fault in one line, with the line of the person's own code."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TASKS = """
import dataclasses

from harness import Objective
from tests.hostile.hostile.spaces import good
from tests.hostile.hostile.tasks import blobs as bright

KIND = "image_segmentation"  # for which no architecture is shipped


def prepare(files):
    data = bright.prepare(files)
    return dataclasses.replace(data, spec=dataclasses.replace(data.spec, kind=KIND))


def score(model, split, assets):
    return {"accuracy": 1.0}


def exhibit(model, prepared, score):
    assert prepared.test is prepared.val, "the test split stays unseen"
    return {"first": model.no_such_layer}


def raises(files):
    return open("/no/such/file.csv").read()


alone = dataclasses.replace(good, name="alone", kinds=(KIND,))
twin = dataclasses.replace(good, name="twin", kinds=(KIND,))
sound = dataclasses.replace(bright, name="sound", kind=KIND, prepare=prepare)
maximize = Objective("accuracy", "maximize")
direction = dataclasses.replace(sound, name="direction", objective=maximize)
dictionary = dataclasses.replace(sound, name="dictionary", score=score)
acc = Objective("acc", "max")
unlike = dataclasses.replace(sound, name="unlike", objective=acc, baseline=lambda data: {})
shows = dataclasses.replace(sound, name="shows", exhibit=exhibit)
missing = dataclasses.replace(sound, name="missing", prepare=raises)
"""
SPACES = """
import dataclasses
import os

from tests.hostile.hostile.spaces import good


def layer(config, spec):
    import keras

    class Doubled(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    model = good.build(config, spec)
    return keras.Model(model.input, {"label": Doubled()(model.output["label"])})


def unnamed(config, spec):
    import keras

    model = good.build(config, spec)
    return keras.Model(model.input, model.output["label"])


def broken(config, spec):
    raise ArithmeticError("not today")


own_layer = dataclasses.replace(good, name="own_layer", build=layer)
tutorial = dataclasses.replace(good, name="tutorial", build=unnamed)
raising = dataclasses.replace(good, name="raising_one", build=broken)
dying = dataclasses.replace(good, name="dying", build=lambda config, spec: os._exit(7))
"""


def line_of(text, part):
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.fixture(scope="module")
def lines(harness, tmp_path_factory):
    """What is said of the two files, together, and the exit code."""
    root = tmp_path_factory.mktemp("check")
    (root / "own_tasks.py").write_text(TASKS)
    (root / "own_spaces.py").write_text(SPACES)
    names = ("sound", "direction", "dictionary", "unlike", "shows", "missing")
    run = harness("check", *names, root / "own_spaces.py", "--plugins", root / "own_tasks.py",
                  PYTHONPATH=str(ROOT))  # fmt: skip
    assert run.returncode == 1, run.stdout + run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize(
    "begins, ends",
    [
        ("fault: direction: task 'direction': objective 'accuracy' has the direction 'maximize'; "
         "expected 'max' or 'min'", ("own_tasks.py", TASKS, "direction =")),
        ("fault: dictionary x alone: task 'dictionary': score returned a dict; expected "
         "harness.Score(metrics)", ("own_tasks.py", TASKS, "def score")),
        ("fault: unlike x alone: task 'unlike': its objective is 'acc'; expected one of what its "
         "models report, 'accuracy', 'loss'", None),
        ("fault: shows x alone: task 'shows': exhibit raised AttributeError: ",
         ("own_tasks.py", TASKS, "model.no_such_layer")),
        ("fault: missing (data): task 'missing': its prepare function failed: FileNotFoundError: "
         "[Errno 2] No such file or directory: '/no/such/file.csv' (own_tasks.py:", None),
        ("fault: image_classification x own_layer: search space 'own_layer': its saved model "
         "cannot be loaded: Doubled is not registered; expected "
         "@keras.saving.register_keras_serializable() on its class, at the top level of a module",
         ("own_spaces.py", SPACES, "def layer")),
        ("fault: image_classification x tutorial: search space 'tutorial', on task "
         "'made_up_image_classification': its model returns one tensor; expected its outputs by "
         "name, {'label': ...}", ("own_spaces.py", SPACES, "def unnamed")),
        ("fault: image_classification x raising_one: build raised ArithmeticError: not today",
         ("own_spaces.py", SPACES, "raise ArithmeticError")),
        ("fault: image_classification x dying: the worker process ended with exit code 7", None),
    ],
)  # fmt: skip
def test_each_fault_is_one_line_with_its_place(lines, begins, ends):
    (line,) = [line for line in lines if line.startswith(begins)]
    if ends is not None:
        file, text, part = ends
        assert line.endswith(f" ({file}:{line_of(text, part)})")


def test_what_many_architectures_have_in_common_is_told_once(lines):
    assert "fault: dictionary x twin: as with dictionary x alone" in lines
    assert lines[-1].endswith(": 10 faults")


def test_what_is_well_says_so(lines):
    assert lines[:3] == ["ok: sound (data)", "ok: sound x alone", "ok: sound x twin"]


def test_what_there_is_not_is_bad_input(harness):
    run = harness("check", "digit")
    assert (run.returncode, run.stdout) == (2, "")
    assert "no task and no search space is called 'digit'; did you mean 'digits'?" in run.stderr
