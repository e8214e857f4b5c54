"""What a worker of a check does with a cell: every fault that can be seen, and where it lies."""

import numpy as np
import pytest

from harness import registry
from harness.check import cell
from tests.check.test_check import SPACES, TASKS

KIND = "image_segmentation"
SAID = {
    ("sound", "alone"): (),
    ("dictionary", "alone"): ("score returned a dict; expected harness.Score(metrics)",),
    ("unlike", "alone"): (
        "its objective is 'acc'; expected one of what its models report",
        "score gives 'accuracy'; expected 'acc' among them",
    ),
    ("shows", "alone"): ("exhibit raised AttributeError: ",),
    ("sound", "tutorial"): ("its model returns one tensor; expected its outputs by name",),
    ("sound", "raising_one"): ("build raised ArithmeticError: not today",),
}


@pytest.fixture
def tried(tmp_path):
    """Tries a cell of the plugin files of the tests of the command, in this process."""
    files = {"own_tasks.py": TASKS, "own_spaces.py": SPACES}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    plugins = tuple(tmp_path / name for name in files)

    def attempt(task, space, kind=KIND):
        told = []
        found = cell.answer(cell.Trying(task, kind, space, tmp_path, plugins), told.append)
        assert told == []
        return found, plugins

    yield attempt
    registry.use(())


@pytest.mark.parametrize("task, space", SAID)
def test_every_fault_of_a_cell_is_found(tried, task, space):
    found, _ = tried(task, space)
    assert len(found.faults) == len(SAID[task, space])
    for fault, said in zip(found.faults, SAID[task, space], strict=True):
        assert said in fault


def test_a_saved_model_predicts_the_same_once_loaded(tried):
    found, plugins = tried("sound", "alone")
    assert found.model.is_file()
    assert cell.answer(cell.Loading("alone", found, plugins), print).faults == ()
    other = {name: np.asarray(value) + 1 for name, value in found.outputs.items()}
    changed = cell.Tried((), found.model, found.inputs, other)
    (fault,) = cell.answer(cell.Loading("alone", changed, plugins), print).faults
    assert "once loaded its model predicts something else: output 'label' differs by 1" in fault


def test_a_layer_that_cannot_be_loaded_is_named(tried):
    found, plugins = tried(None, "own_layer", "image_classification")
    assert found.faults == ()
    (fault,) = cell.answer(cell.Loading("own_layer", found, plugins), print).faults
    assert "its saved model cannot be loaded: Doubled is not registered" in fault
