"""Sweep files: every fault is one line that names the key, the value and what was expected."""

import dataclasses
import json
import tomllib

import pytest

from harness import registry
from harness.journal.read import sweep_from_json
from harness.spec import HarnessError
from harness.sweep import starts
from harness.sweep.load import differences, from_fields, load_sweep, shipped, toml
from harness.sweep.pairs import cells
from harness.sweep.plugins import recorded, remember
from harness.sweep.question import Start, Sweep
from harness.system.json_values import jsonable

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
    return load_sweep(str(path), overrides)


@pytest.mark.parametrize("name", shipped())
def test_shipped_sweeps_load(name):
    assert load_sweep(name).name == name


def test_a_sweep_is_loaded_with_its_defaults(tmp_path):
    loaded = load(tmp_path, GOOD)
    assert (loaded.seeds, loaded.budget.trials, loaded.tuner) == ((0, 1), 3, "random")
    assert [cell.key for cell in cells(loaded)] == [("digits", "mlp"), ("digits", "cnn")]


def test_overrides_replace_single_fields(tmp_path):
    loaded = load(tmp_path, GOOD, {"seeds": 1, "budget": {"epochs": 2}})
    assert (loaded.seeds, loaded.budget.trials, loaded.budget.epochs) == ((0,), 3, 2)


def test_seeds_until_the_verdict_is_clear_are_planned_beforehand(tmp_path):
    auto = load(tmp_path, GOOD.replace("seeds = 2", 'seeds = "auto"'))
    assert (auto.seeds, auto.looks) == (tuple(range(12)), (3, 5, 8, 12))
    assert auto.first_seeds_of("digits") == (0, 1, 2)
    assert load(tmp_path, toml(auto)) == auto
    own = load(tmp_path, GOOD.replace("seeds = 2", 'seeds = "auto"\nlooks = [2, 6]'))
    assert (own.seeds, own.looks_of("digits")) == (tuple(range(6)), (2, 6))
    fewer = load(tmp_path, GOOD.replace("seeds = 2", 'seeds = "auto"') + "seeds = 4\n")
    assert (fewer.looks_of("digits"), len(fewer.seeds_of("digits"))) == ((3, 4), 4)
    text = GOOD.replace("seeds = 2", 'seeds = "auto"')
    assert load(tmp_path, text, {"seeds": 2}) == load(tmp_path, GOOD), "the command line wins"
    assert load(tmp_path, GOOD, {"seeds": "auto"}) == auto
    assert load(tmp_path, GOOD).looks_of("digits") == ()


def test_all_means_every_space_that_fits(tmp_path):
    loaded = load(tmp_path, GOOD.replace('["mlp", "cnn"]', '"all"'))
    assert {"mlp", "cnn", "resnet", "vit"} <= set(loaded.spaces)


def test_the_written_question_is_the_same_question(tmp_path):
    loaded = load(tmp_path, GOOD)
    text = toml(loaded)
    assert load(tmp_path, text) == loaded
    assert tomllib.loads(text)["budget"]["epochs"] == 10


def test_differences_name_the_field(tmp_path):
    old, new = load(tmp_path, GOOD), load(tmp_path, GOOD, {"budget": {"trials": 9}})
    assert differences(old, new) == {"budget.trials": "budget.trials: 3, now 9"}


def test_how_often_states_are_kept_is_no_part_of_the_question(tmp_path):
    old, new = load(tmp_path, GOOD), load(tmp_path, "keep_minutes = 0\n" + GOOD)
    assert (old.keep_minutes, new.keep_minutes) == (10, 0)
    assert differences(old, new) == {}


TWO = """
name = "two"
tasks = ["digits", "fashion_mnist"]
spaces = ["mlp", "cnn"]
seeds = 3
[budget]
trials = 6
seconds = 90
[budgets.fashion_mnist]
trials = 3
seeds = 1
train_fraction = 0.1
"""


def test_a_budget_of_a_task_inherits_what_it_does_not_say(tmp_path):
    loaded = load(tmp_path, TWO)
    own = loaded.budget_of("fashion_mnist")
    assert (own.trials, own.seconds, own.train_fraction) == (3, 90, 0.1)
    assert loaded.budget_of("digits") == loaded.budget
    assert (loaded.seeds_of("digits"), loaded.seeds_of("fashion_mnist")) == ((0, 1, 2), (0,))


def test_the_command_line_wins_over_every_budget(tmp_path):
    loaded = load(tmp_path, TWO, {"seeds": 2, "budget": {"trials": 9}})
    assert {loaded.budget_of(task).trials for task in loaded.tasks} == {9}
    assert loaded.seeds_of("digits") == loaded.seeds_of("fashion_mnist") == (0, 1)
    assert loaded.budget_of("fashion_mnist").train_fraction == 0.1


def test_budgets_of_tasks_left_out_are_dropped(tmp_path):
    loaded = load(tmp_path, TWO, {"tasks": ["digits"]})
    assert (loaded.tasks, loaded.budgets) == (("digits",), {})
    loaded = load(tmp_path, TWO.replace('"digits", ', ""), {"tasks": ["digits"]})
    assert loaded.budgets == {}


def test_a_budget_that_says_nothing_new_is_no_other_question(tmp_path):
    plain = load(tmp_path, TWO[: TWO.index("[budgets")])
    assert load(tmp_path, TWO[: TWO.index("trials = 3")]) == plain


def test_budgets_are_written_as_they_are_read(tmp_path):
    loaded = load(tmp_path, TWO)
    text = toml(loaded)
    assert load(tmp_path, text) == loaded
    assert tomllib.loads(text)["budgets"] == {
        "fashion_mnist": {"trials": 3, "seeds": 1, "train_fraction": 0.1}
    }


def test_differences_name_the_task_of_a_budget(tmp_path):
    old, new = load(tmp_path, TWO), load(tmp_path, TWO.replace("trials = 3", "trials = 4"))
    assert [*differences(old, new).values()] == ["budgets.fashion_mnist.trials: 3, now 4"]
    without = load(tmp_path, TWO[: TWO.index("[budgets")])
    assert [*differences(without, old).values()] == [
        "budgets.fashion_mnist.trials: 6, now 3",
        "budgets.fashion_mnist.train_fraction: 1.0, now 0.1",
        "budgets.fashion_mnist.seeds: None, now 1",
    ]


@pytest.mark.parametrize(
    "change, message",
    [
        (("budgets.fashion_mnist", "budgets.fashion_mnit"),
         "budgets.fashion_mnit: this is no task of the sweep; did you mean 'fashion_mnist'?"),
        (("budgets.fashion_mnist", "budgets.cifar10"),
         "budgets.cifar10: this is no task of the sweep; expected one of digits, fash"),
        (("trials = 3", "trails = 3"),
         "budgets.fashion_mnist.trails: unknown key; did you mean 'trials'?"),
        (("trials = 3", "trials = 0"), "budgets.fashion_mnist.trials = 0: expected 1 or more"),
        (("trials = 3", 'trials = "3"'), "budgets.fashion_mnist.trials = '3': expected a valid"),
        (("seeds = 1", "seeds = 0"), "budgets.fashion_mnist.seeds = 0: expected 1 to 3"),
        (("seeds = 1", "seeds = 4"), "budgets.fashion_mnist.seeds = 4: expected 1 to 3"),
        (("seconds = 90", "seeds = 4"), "budget.seeds = 4: expected 1 to 3"),
        (("trials = 6", "trials = 0"), ": budget.trials = 0: expected 1 or more"),
        (("train_fraction = 0.1", "train_fraction = 0"), "budgets.fashion_mnist.train_fraction"),
        (("[budgets.fashion_mnist]", "[budgets]\nfashion_mnist = 3\n[x]"),
         "budgets.fashion_mnist = 3: expected"),
        (("[budgets.fashion_mnist]", "[[budgets]]"), "budgets = [{"),
    ],
)  # fmt: skip
def test_bad_budgets_of_a_task_are_explained(tmp_path, change, message):
    with pytest.raises(HarnessError) as caught:
        load(tmp_path, TWO.replace(*change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change, message",
    [
        (("trials = 3", "trails = 3"), "budget.trails: unknown key; did you mean 'trials'?"),
        (("seeds = 2", "sedes = 2"), "sedes: unknown key; did you mean 'seeds' or 'searches'?"),
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
        (
            ("seeds = 2", 'tuner = "greedy"'),
            "tuner = 'greedy': expected 'random', 'grid', 'ba",
        ),
        (("[budget]\ntrials = 3", "budget = 3"), "budget = 3: expected"),
        (('"digits"', '"digit"'), "unknown task 'digit'; did you mean 'digits'?"),
        (('"mlp", "cnn"', '"mpl"'), "unknown search space 'mpl'; did you mean 'mlp'?"),
        (('["digits"]', '"digits"'), "tasks = 'digits': expected a valid array"),
        (('["digits"]', "[]"), "tasks = []: expected one or more, each once"),
        (('name = "mine"', ""), "name: missing"),
        (('"mine"', '"../mine"'), "name = '../mine': expected letters"),
        (("seeds = 2", "seeds = "), "not valid TOML"),
        (("seeds = 2", 'seeds = "many"'), "seeds = 'many': expected a number of seeds, a list of"),
        (
            ("seeds = 2", 'seeds = "auto"\nlooks = [3, 3]'),
            "looks = [3, 3]: expected rising",
        ),
        (
            ("seeds = 2", 'seeds = "auto"\nlooks = [1, 3]'),
            "looks = [1, 3]: expected rising",
        ),
        (
            ("seeds = 2", "seeds = 4\nlooks = [3, 5]"),
            "looks = [3, 5]: expected rising",
        ),
        (("seeds = 2", 'seeds = "auto"\nlooks = 3'), "looks = 3: expected a valid"),
        (("seeds = 2", 'seeds = "auto"\nlooks = ["a"]'), "looks.0 = 'a': expected a valid integer"),
        (("seeds = 2", "seeds = 2\nkeep_minutes = -1"), "keep_minutes = -1.0: expected 0 (never)"),
        (("seeds = 2", "seeds = 2\nkeep_minutes = nan"), "keep_minutes = nan: expected"),
        (("seeds = 2", 'seeds = "auto"\nminutes = 3'), "minutes = 3.0: expected none beside looks"),
    ],
)
def test_bad_input_is_explained(tmp_path, change, message):
    with pytest.raises(HarnessError) as caught:
        load(tmp_path, GOOD.replace(*change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_sweeps_are_explained():
    with pytest.raises(HarnessError, match="did you mean 'quick'"):
        load_sweep("quik")
    with pytest.raises(HarnessError, match=r"nowhere\.toml: cannot be read"):
        load_sweep("nowhere.toml")


def test_a_pretrained_architecture_needs_its_pretraining_in_the_sweep():
    fields = {"name": "x", "tasks": ["python_docs_topics"], "spaces": ["bert", "lstm"]}
    with pytest.raises(HarnessError) as raised:
        from_fields(fields, {}, "x.toml")
    assert str(raised.value) == (
        "x.toml: space 'bert' starts from task 'python_docs_mlm' on task 'python_docs_topics'; "
        "add that task, or leave the space out"
    )
    from_fields({**fields, "tasks": ["python_docs_topics", "python_docs_mlm"]}, {}, "x.toml")
    from_fields({**fields, "spaces": ["lstm"]}, {}, "x.toml")


def test_what_goes_on_from_a_model_is_not_offered_where_there_is_none(monkeypatch):
    """`bert_scratch` is the same encoder from random weights: once is enough."""
    topics = dataclasses.replace(registry.task("python_docs_topics"), name="own", init_from=None)
    every = {**registry.tasks(), "own": topics}
    monkeypatch.setattr(registry, "tasks", lambda: every)
    fields = {"name": "x", "tasks": ["own"], "spaces": "all"}
    assert "bert_scratch" in from_fields(fields, {}, "x.toml").spaces
    assert "bert" not in from_fields(fields, {}, "x.toml").spaces
    fields["tasks"] = ["python_docs_mlm", "python_docs_topics", "own"]
    keys = {cell.key for cell in cells(from_fields(fields, {}, "x.toml"))}
    assert {("python_docs_mlm", "bert"), ("python_docs_topics", "bert")} <= keys
    assert ("own", "bert") not in keys
    with pytest.raises(HarnessError, match=r"'bert' fits no task of the sweep.*\(init_from\)"):
        from_fields({**fields, "tasks": ["own"], "spaces": ["bert", "lstm"]}, {}, "x.toml")


PLUGIN = """
from harness import SearchSpace

{name} = SearchSpace("{name}", ("image_classification",), lambda hp, kind: None, lambda *_: None)
"""


@pytest.fixture
def _no_plugins():
    yield
    registry.use([])


@pytest.mark.usefixtures("_no_plugins")
def test_plugins_are_relative_to_the_file_and_beside_those_of_the_command_line(tmp_path):
    for name in ("mine/own", "theirs"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(PLUGIN.format(name=path.stem))
    text = GOOD.replace("seeds = 2", 'plugins = ["mine/own.py"]')
    loaded = load(tmp_path, text.replace('["mlp", "cnn"]', '"all"'),
                  {"plugins": [str(tmp_path / "theirs.py")]})  # fmt: skip
    assert {"own", "theirs", "cnn"} <= set(loaded.spaces)
    assert loaded.plugins == (str(tmp_path / "mine/own.py"), str(tmp_path / "theirs.py"))
    folder = tmp_path / "results" / "mine"
    folder.mkdir(parents=True)
    noted = recorded(loaded, folder)
    assert noted.plugins == ("../../mine/own.py", "../../theirs.py")
    assert differences(noted, loaded) == {}  # a plugin may move
    (folder / "sweep.toml").write_text(toml(noted))
    assert load_sweep(str(folder / "sweep.toml")) == loaded
    assert load(tmp_path, GOOD).plugins == ()  # those of before are gone
    assert "own" not in registry.spaces()
    assert "plugins" not in toml(load(tmp_path, GOOD))


@pytest.mark.parametrize(
    "plugins, message",
    [
        ('"own.py"', "plugins = 'own.py': expected a valid array"),
        ("[3]", "plugins.0 = 3: expected a valid string"),
        ('["nowhere.py"]', r"mine\.toml: plugin .*nowhere\.py: no such file or folder"),
        ('["mine.toml"]', r"mine\.toml: plugin .*mine\.toml: expected a Python file"),
    ],
)
def test_plugins_that_are_none_are_refused(tmp_path, plugins, message):
    with pytest.raises(HarnessError, match=message):
        load(tmp_path, GOOD.replace("seeds = 2", f"plugins = {plugins}"), {"plugins": []})


def test_journals_from_before_there_were_plugins_are_read():
    fields = json.loads(json.dumps(jsonable(Sweep("old", ("digits",), ("cnn",)))))
    del fields["plugins"]
    assert sweep_from_json(fields).plugins == ()


@pytest.mark.usefixtures("_no_plugins")
def test_what_a_folder_remembers_never_stands_in_the_way(tmp_path, capsys):
    """Two sweeps of two copies of a project, put side by side, have each space twice."""
    for name in ("left", "right"):
        folder = tmp_path / name / "results"
        folder.mkdir(parents=True)
        (tmp_path / name / "own.py").write_text(PLUGIN.format(name="own"))
        (folder / "sweep.toml").write_text('plugins = ["../own.py"]')
    remember([tmp_path / "left/results", tmp_path / "right/results", tmp_path])
    assert "own" in registry.spaces()
    assert registry.plugins() == (tmp_path / "left" / "own.py",)
    warning = capsys.readouterr().err
    assert "search space 'own' is defined twice" in warning
    assert warning.count("\n") == 1
    (tmp_path / "sweep.toml").write_text("plugins = [3]")
    remember([tmp_path])
    assert "expected a list of paths" in capsys.readouterr().err


# --- configurations to begin with -----------------------------------------------------

FIRST = """
[[first]]
space = "cnn"
values = { filters = 16, "training.learning_rate" = 0.003 }
[[first]]
task = "digits"
space = "mlp"
values = {}
"""


def test_searches_may_begin_with_configurations(tmp_path):
    loaded = load(tmp_path, GOOD + FIRST)
    assert loaded.first == (
        Start("cnn", {"filters": 16, "training.learning_rate": 0.003}), Start("mlp", {}, "digits")
    )  # fmt: skip
    assert load(tmp_path, toml(loaded)) == loaded
    assert sweep_from_json(json.loads(json.dumps(jsonable(loaded)))) == loaded
    assert "first" in differences(load(tmp_path, GOOD), loaded)
    assert starts.of_cell(loaded, "digits", "mlp") == {"first[1].values": {}}
    assert starts.of_cell(loaded, "other", "mlp") == {}


def test_a_folder_to_begin_with_is_beside_the_file(tmp_path):
    loaded = load(tmp_path, 'first = "results/old"\n' + GOOD)
    assert loaded.first == str(tmp_path / "results/old")


@pytest.mark.parametrize(
    "first, message",
    [
        ("3", "first = 3: expected a list of tables, or the folder of an earlier sweep"),
        ('""', "first = '': expected a list of tables, or the folder of an earlier sweep"),
        ("[1]", "first[0] = 1: expected a table of 'space', 'values' and"),
        ("[{values = {}}]", "first[0].space = None: expected the name of a space"),
        ('[{space = "mlp"}]', "first[0].values = None: expected a table of hyperparameters"),
        ('[{space = "mlp", values = {}, a = 1}]', "first[0].a = 1: expected only space, values,"),
        ('[{space = "mlp", values = {u = []}}]', "first[0].values.u = []: expected a number,"),
        ('[{space = "vit", values = {}}]', "first[0].space = 'vit': expected one of mlp, cnn"),
        ('[{space = "mlp", task = "x", values = {}}]', "first[0].task = 'x': expected one of dig"),
        ('[{space = "mlp", task = 1, values = {}}]', "first[0].task = 1: expected the name of a"),
    ],
)
def test_what_cannot_be_begun_with_is_refused_by_name(tmp_path, first, message):
    with pytest.raises(HarnessError) as error:
        load(tmp_path, f"first = {first}\n{GOOD}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_random_search_that_begins_with_something_has_one_order(tmp_path):
    assert load(tmp_path, GOOD).order == "random"
    assert load(tmp_path, GOOD + FIRST).order != "random"
    assert load(tmp_path, 'tuner = "tpe"\n' + GOOD + FIRST).order == "tpe"
