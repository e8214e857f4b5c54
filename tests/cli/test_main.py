"""Commands that answer at once, and refusals: one line, exit code 2, nothing written."""

import dataclasses
import errno
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import registry
from harness.cli.main import main
from harness.journal.write import Journal
from harness.registry import Origin
from harness.spec import SearchSpace, Source
from harness.sweep.question import Budget, Sweep
from tests.synthetic import write_journal

LONG = "x" * 300


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words):
        return CliRunner().invoke(main, [str(word) for word in words])

    return call


def test_list_shows_what_is_there_plugins_included(call, harness):
    for what, names in {
        "tasks": ("digits", "image_classification", "accuracy (max)"),
        "spaces": ("mlp", "cnn", "image_classification"),
        "sweeps": ("quick", "Six minutes on two cores"),
    }.items():
        answer = call("list", what)
        assert answer.exit_code == 0, answer.output
        assert all(name in answer.output for name in names)
    every = harness("list")
    assert every.returncode == 0, every.stderr
    assert all(name in every.stdout for name in ("digits", "blobs", "mlp", "raising", "quick"))


@pytest.mark.parametrize(
    "name, parts",
    [
        ("fashion_mnist", ("image_classification", "mlp", "SHA-256", "accuracy (max)")),
        ("cnn", ("hyperparameter", "default", "only if", "dropout")),
        ("quick", ('"adding_short",', "[budgets.number_words]")),
    ],
)
def test_describe_says_all_that_is_known(call, name, parts):
    answer = call("describe", name)
    assert answer.exit_code == 0, answer.output
    assert all(part in answer.output for part in parts), answer.output


def test_a_space_of_several_kinds_says_what_is_for_which(call, monkeypatch):
    def sample(hp, kind):
        if kind == "translation":
            hp.Int("heads", 1, 4)
        return (hp.Boolean("bias"), hp.Int("units", 8, 16 if kind == "translation" else 32))

    space = SearchSpace("body", ("translation", "summarization"), sample, lambda *_: None)
    monkeypatch.setattr(registry, "spaces", lambda: {"body": space})
    monkeypatch.setattr(registry, "origin", lambda space: Origin("file", "body", "body.py"))
    answer = call("describe", "body")
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("space body: translation, summarization\nfrom body.py\n")
    rows = [line.split() for line in answer.output.splitlines()]
    found = {(row[0], row[-1]) for row in rows if row and row[0] in ("bias", "heads", "units")}
    assert found == {
        ("bias", "False"), ("heads", "translation"), ("units", "translation"),
        ("units", "summarization"),
    }  # fmt: skip


OWN = """
import dataclasses
from harness import SearchSpace
from harness.tasks.image_classification import digits
own_digits = dataclasses.replace(digits, name="own_digits")
own_space = SearchSpace("own_space", ("image_classification",), lambda hp, kind: None, print)
"""


@pytest.mark.parametrize("columns", ["80", None])
def test_lists_fit_eighty_columns_and_say_what_is_ones_own(
    call, monkeypatch, tmp_path, columns, harness
):
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", columns) if columns else monkeypatch.delenv("COLUMNS")
    answer = call("list", "--plugins", "own.py")
    assert answer.exit_code == 0, answer.output
    assert max(map(len, answer.output.splitlines())) <= 80
    origins = {
        words[0]: words[-1] for line in answer.output.splitlines() if (words := line.split())
    }
    assert origins["own_digits"] == origins["own_space"] == "own.py"
    assert origins["digits"] == origins["cnn"] == "shipped"
    assert "masked_language_modeling" in answer.output  # in one piece
    theirs = harness("list", "tasks", COLUMNS="80").stdout.splitlines()
    assert [line.split()[-1] for line in theirs if "blobs" in line] == ["hostile"]


def test_describe_says_where_a_thing_comes_from_and_what_its_data_are(call, monkeypatch, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    before = call("describe", "own_digits", "--plugins", "own.py").output
    assert "from         own.py\n" in before
    assert "are known after: harness prepare own_digits --plugins own.py\n" in before
    assert "spaces       cnn, mlp, own_space, resnet, vit\n" in before
    assert call("prepare", "own_digits", "--plugins", "own.py").exit_code == 0
    after = call("describe", "own_digits", "--plugins", "own.py").output
    for line in (
        "inputs       image: 8 x 8 x 1, uint8",
        "outputs      label: uint8, 10 values",
        "classes      0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "examples     train 1,077, val 360, test 360",
    ):
        assert f"{line}\n" in after
    shipped = call("describe", "digits").output
    assert "from         shipped (harness.tasks.image_classification)\n" in shipped
    assert "are known after: harness prepare digits\n" in shipped
    assert "from own.py" in call("describe", "own_space", "--plugins", "own.py").output
    assert "own_digits" not in call("list").output  # each call begins without plugins


def test_describe_counts_what_an_installed_package_brings(harness):
    answer = harness("describe", "blobs").stdout
    assert "from         hostile 1.0 (entry point blobs = hostile.tasks:blobs)\n" in answer


def test_describe_shows_nothing_that_opens_the_address_of_a_file(call, monkeypatch):
    url = "https://hush-user:hush-word@example.org/data?token=hush-query"
    source = Source("demo", "data", url, "0" * 64)
    task = dataclasses.replace(registry.task("digits"), sources=(source,))
    monkeypatch.setattr(registry, "tasks", lambda: {"digits": task})
    answer = call("describe", "digits")
    assert answer.exit_code == 0, answer.output
    assert "demo/data  https://example.org/data?token=***" in answer.output
    assert "hush" not in answer.output


def test_status_counts_by_the_budget_of_the_task(call, tmp_path):
    budgets = {"digits": Budget(trials=2, seeds=1)}
    with Journal(tmp_path) as journal:
        journal.begin(Sweep("own", ("digits", "fashion_mnist"), ("cnn",), budgets=budgets), {}, "")
    answer = call("status", tmp_path)
    rows = [line.split() for line in answer.output.splitlines() if "cnn" in line]
    assert rows == [["·", "cnn", "0/2", "0/1", "waiting"], ["·", "cnn", "0/10", "0/3", "waiting"]]


def test_status_and_report_read_a_sweeps_folder(call, finished, tmp_path):
    folder = shutil.copytree(finished[1] / "band", tmp_path / "band")
    answer = call("status", folder)
    assert answer.exit_code == 0
    assert answer.output.startswith(f"{folder}: ended; 1 cell,")
    row = next(line.split() for line in answer.output.splitlines() if "good" in line)
    assert (row[:3], row[-3], row[-1]) == (["·", "good", "6/6"], "2/2", "done")
    before = {path: path.read_bytes() for path in folder.glob("*.csv")}
    answer = call("report", folder)
    assert (answer.exit_code, answer.output) == (0, f"report: {folder / 'report.html'}\n")
    assert {path: path.read_bytes() for path in folder.glob("*.csv")} == before


def test_prepare_makes_the_data_once(call, cache_root):
    first, second = call("prepare", "digits"), call("prepare", "digits")
    assert first.exit_code == 0, first.output
    assert first.output.startswith("digits: ready, digest ")
    assert first.output == second.output
    assert len(list(cache_root.glob("prepared/digits/*/meta.json"))) == 1


@pytest.mark.parametrize(
    "words, message",
    [
        (("run", "quikc"), "unknown sweep 'quikc'; did you mean 'quick'?"),
        (("run", "no.toml"), "no.toml: cannot be read"),
        (("run", "quick", "--trials", 0), "budget.trials = 0: expected 1 or more"),
        (("run", "quick", "--seconds", -1), "budget.seconds = -1.0: expected more than 0"),
        (("run", "quick", "--spaces", "mpl"), "unknown search space 'mpl'; did you mean 'mlp'?"),
        (("run", "quick", "--tasks", "digit"), "unknown task 'digit'; did you mean 'digits'?"),
        (("run", "quick", "--seeds", 0), "seeds = []: expected one or more, each once"),
        (("run", "quick", "--workers", 0), "0 is not in the range x>=1"),
        (("describe", "dgits"), "nothing is called 'dgits'; did you mean 'digits'?"),
        (("prepare", "dgits"), "unknown task 'dgits'; did you mean 'digits'?"),
        (("status", "nowhere"), "nowhere: no journal.jsonl there; expected the folder of a sweep"),
        (("report", "nowhere"), "nowhere: no journal.jsonl there; expected the folder of a sweep"),
        (("status", LONG), "x/journal.jsonl: cannot be read (File name too long)"),
        (("report", LONG), "x/journal.jsonl: cannot be read (File name too long)"),
        (("report", LONG, LONG), "x/journal.jsonl: cannot be read (File name too long)"),
        (("describe", f"{LONG}/digits/cnn"), "/journal.jsonl: cannot be read (File name too long)"),
        (("ui", "--output", LONG), "x/mlflow.db: cannot be read (File name too long)"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(call, words, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    answer = call(*words)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1 or answer.stderr.startswith("Usage:")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lacking", ["open", "is_file"])  # the file, the folder above its folder
@pytest.mark.parametrize(
    "words", [("status", "."), ("report", "."), ("report", ".", "."), ("describe", "./digits/cnn")]
)
def test_a_journal_that_may_not_be_read_is_named(call, words, lacking, monkeypatch, tmp_path):
    write_journal(tmp_path / "quick")
    monkeypatch.chdir(tmp_path / "quick")
    allowed = getattr(Path, lacking)

    def refuse(path, *rest, **options):
        if path.absolute().is_relative_to(tmp_path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return allowed(path, *rest, **options)

    monkeypatch.setattr(Path, lacking, refuse)
    answer = call(*words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.endswith("journal.jsonl: cannot be read (Permission denied)\n")
    assert answer.stderr.count("\n") == 1
