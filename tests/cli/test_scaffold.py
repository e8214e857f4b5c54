"""What `harness new` writes: for every kind a task and an architecture that work as they are."""

import ast
import dataclasses

import numpy as np
import pytest
from click.testing import CliRunner

from harness import registry, search_spaces, tasks
from harness.cli.main import main
from harness.data.validate import validate
from harness.kinds import KINDS
from harness.search.space import Space
from harness.spec import Score
from harness.sweep.load import load_sweep
from harness.sweep.pairs import cells


@pytest.fixture(autouse=True)
def _apart(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    yield
    registry.use([])


def new(*words):
    return CliRunner().invoke(main, ["new", *map(str, words)])


def default(space, kind):
    """The configuration that a search tries first."""
    return Space(lambda hp: space.sample(hp, kind)).drawn({}).sampled


def built(space, kind, data):
    """The default configuration's model, and what it says of two examples."""
    config = default(space, kind)
    encoder = [None] if space.pretrained else []
    model = space.build(config, data.spec, *encoder)
    examples = {name: np.asarray(array[:2]) for name, array in data.val.x.items()}
    return dataclasses.asdict(config), model.predict(examples, verbose=0)


def check_imports(path):
    """Public names alone: of modules and of what is taken from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in getattr(node, "names", ())
                 if isinstance(alias, ast.alias)]  # fmt: skip
        module = getattr(node, "module", None) or ""
        parts = [part for name in (*names, module) for part in name.split(".")]
        assert not any(part.startswith("_") for part in parts), ast.unparse(node)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_task_is_prepared_and_fits_its_architectures(kind, tmp_path):
    answer = new("task", "fresh", "--kind", kind, "--to", "mine")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.splitlines()[1:] == [
        "  harness check mine/fresh.py", "  harness run mine/fresh.toml",
    ]  # fmt: skip
    check_imports(tmp_path / "mine/fresh.py")
    sweep = load_sweep("mine/fresh.toml")
    task = registry.task("fresh")
    assert task.kind == kind
    assert len(sweep.spaces) == (1 if kind == "masked_language_modeling" else 2)
    data = task.prepare({})
    validate(task, data)
    assert min(len(data.val), len(data.test)) > 0
    found = task.baseline(data)
    rivals = [rival.metrics for rival in found.values() if isinstance(rival, Score)]
    assert any(task.judged_by.metric in metrics for metrics in (found, *rivals))
    outputs = {name: array.shape for name, array in data.val.y.items()}
    for cell in cells(sweep):
        _, answer = built(cell.space, kind, data)
        assert set(answer) == set(outputs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_architecture_is_built_for_a_task_of_its_kind(kind, tmp_path):
    answer = new("space", "fresh", "--kind", kind)
    assert answer.exit_code == 0, answer.output
    check_imports(tmp_path / "fresh.py")
    sweep = load_sweep("fresh.toml")
    space = registry.space("fresh")
    assert space.kinds == (kind,)
    assert sweep.spaces[0] == "fresh"
    (task,) = map(registry.task, sweep.tasks)
    assert not task.sources  # no download
    assert new("task", "data", "--kind", kind).exit_code == 0
    registry.use(["fresh.py", "data.py"])
    config, answer = built(space, kind, registry.task("data").prepare({}))
    assert config
    assert all(np.isfinite(array).all() for array in answer.values())


NAMES = [
    ("task", "digits", "task 'digits' exists already"),
    ("task", "Digits", "task 'digits' exists already"),
    ("space", "CNN", "space 'cnn' exists already"),
    ("task", "größe", "name 'größe': expected a Python name"),
    ("task", "a-b", "name 'a-b': expected a Python name"),
    ("task", "class", "name 'class': expected a Python name"),
    ("task", "_own", "name '_own': expected a Python name"),
    ("task", "nul", "name 'nul': expected a Python name"),
    ("task", "mlartifacts", "name 'mlartifacts': no sweep can be called so"),
    ("space", "x" * 101, "expected a Python name of at most 100 plain letters"),
    ("task", "np", "name 'np': the example has another use for it; try my_np"),
    ("task", "prepare", "name 'prepare': the example has another use for it"),
    ("space", "range", "name 'range': the example has another use for it"),
    ("space", "Config", "name 'Config': the example has another use for it"),
    ("task", "mine", "Mine.py exists already; expected another name"),
    ("space", "other", "other.toml exists already; expected another name"),
]


@pytest.mark.parametrize("noun, name, message", NAMES)
def test_a_name_that_would_not_work_is_not_begun_with(tmp_path, noun, name, message):
    (tmp_path / "Mine.py").touch()
    (tmp_path / "other.toml").touch()
    answer = new(noun, name, "--kind", "image_classification")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Mine.py", "other.toml"]


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "--kind: missing; expected one of image_classification, language_modeling, "),
        (("--kind", "translate"), "--kind translate: did you mean 'translation'?"),
        (("--kind", "object_detection"), "--kind object_detection: "),
        (("--kind", "translation", "--to", "file"), "--to file: expected a folder"),
        (("--kind", "translation", "--to", "file/deep"), "--to file/deep: cannot be made ("),
    ],
)
def test_where_and_what_must_make_sense(tmp_path, words, message):
    (tmp_path / "file").touch()
    answer = new("task", "fresh", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("noun, package", [("task", tasks), ("space", search_spaces)])
def test_in_the_folder_of_the_harness_no_sweep_need_name_it(monkeypatch, tmp_path, noun, package):
    registry.tasks()
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(package, "__path__", [str(tmp_path / "shipped")])
    answer = new(noun, "fresh", "--kind", "translation", "--to", "shipped")
    assert answer.exit_code == 0, answer.output
    assert "harness check fresh\n" in answer.stdout
    assert (tmp_path / "shipped/fresh.py").is_file()
    assert "plugins" not in (tmp_path / "fresh.toml").read_text()


def test_half_of_it_is_not_left_behind(tmp_path):
    """A sweep file that cannot be written, as its place is taken by what cannot be seen."""
    (tmp_path / "fresh.toml").symlink_to(tmp_path / "nowhere" / "else")
    answer = new("task", "fresh", "--kind", "translation")
    assert answer.exit_code == 2
    assert not (tmp_path / "fresh.py").exists()
