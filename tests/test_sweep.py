"""Sweep files: every fault is one line that names the key, the value and what was expected."""

import tomllib

import pytest

from harness import sweep
from harness.spec import HarnessError

GOOD = """
name = "mine"
tasks = ["digits"]
spaces = ["mlp", "cnn"]
seeds = 2
[budget]
trials = 3
"""


def load(tmp_path, text, overrides=None):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return sweep.load(str(path), overrides)


@pytest.mark.parametrize("name", sweep.shipped())
def test_shipped_sweeps_load(name):
    assert sweep.load(name).name == name


def test_a_sweep_is_loaded_with_its_defaults(tmp_path):
    loaded = load(tmp_path, GOOD)
    assert (loaded.seeds, loaded.budget.trials, loaded.tuner) == ((0, 1), 3, "random")
    assert [cell.key for cell in sweep.cells(loaded)] == [("digits", "mlp"), ("digits", "cnn")]


def test_overrides_replace_single_fields(tmp_path):
    loaded = load(tmp_path, GOOD, {"seeds": 1, "budget": {"epochs": 2}})
    assert (loaded.seeds, loaded.budget.trials, loaded.budget.epochs) == ((0,), 3, 2)


def test_all_means_every_space_that_fits(tmp_path):
    loaded = load(tmp_path, GOOD.replace('["mlp", "cnn"]', '"all"'))
    assert {"mlp", "cnn", "resnet", "vit"} <= set(loaded.spaces)


def test_the_written_question_is_the_same_question(tmp_path):
    loaded = load(tmp_path, GOOD)
    text = sweep.toml(loaded)
    assert load(tmp_path, text) == loaded
    assert tomllib.loads(text)["budget"]["epochs"] == 10


def test_differences_name_the_field(tmp_path):
    old, new = load(tmp_path, GOOD), load(tmp_path, GOOD, {"budget": {"trials": 9}})
    assert sweep.differences(old, new) == ["budget.trials: 3, now 9"]


@pytest.mark.parametrize(
    "change, message",
    [
        (("trials = 3", "trails = 3"), "budget.trails: unknown key; did you mean 'trials'?"),
        (("seeds = 2", "sedes = 2"), "sedes: unknown key; did you mean 'seeds'?"),
        (("trials = 3", 'trials = "3"'), "budget.trials = '3': expected a valid integer"),
        (("trials = 3", "trials = 3.5"), "budget.trials = 3.5: expected a valid integer"),
        (("trials = 3", "trials = true"), "budget.trials = True: expected a valid integer"),
        (("trials = 3", "trials = 0"), "budget.trials = 0: expected 1 or more"),
        (("trials = 3", "epochs = -1"), "budget.epochs = -1: expected 1 or more"),
        (("trials = 3", "seconds = 0"), "budget.seconds = 0.0: expected more than 0"),
        (("trials = 3", "seconds = nan"), "budget.seconds = "),
        (("trials = 3", "train_fraction = 1.5"), "budget.train_fraction = 1.5: expected more"),
        (("seeds = 2", "seeds = 0"), "seeds = []: expected one or more, each once"),
        (("seeds = 2", "seeds = [1, 1]"), "seeds = [1, 1]: expected one or more, each once"),
        (("seeds = 2", "seeds = [-1]"), "seed = -1: expected 0 to 4294967295"),
        (("seeds = 2", 'tuner = "greedy"'), "tuner = 'greedy': expected 'random', 'bayesian'"),
        (("[budget]\ntrials = 3", "budget = 3"), "budget = 3: expected"),
        (('"digits"', '"digit"'), "unknown task 'digit'; did you mean 'digits'?"),
        (('"mlp", "cnn"', '"cn"'), "unknown search space 'cn'; did you mean 'cnn'?"),
        (('["digits"]', '"digits"'), "tasks = 'digits': expected a valid array"),
        (('["digits"]', "[]"), "tasks = []: expected one or more, each once"),
        (('name = "mine"', ""), "name: missing"),
        (('"mine"', '"../mine"'), "name = '../mine': expected letters"),
        (("seeds = 2", "seeds = "), "not valid TOML"),
    ],
)
def test_bad_input_is_explained(tmp_path, change, message):
    with pytest.raises(HarnessError) as caught:
        load(tmp_path, GOOD.replace(*change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_sweeps_are_explained():
    with pytest.raises(HarnessError, match="did you mean 'quick'"):
        sweep.load("quik")
    with pytest.raises(HarnessError, match=r"nowhere\.toml: cannot be read"):
        sweep.load("nowhere.toml")
