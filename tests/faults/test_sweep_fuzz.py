"""Sweep files with anything in them: accepted and sound, or refused in one line."""

import json
import math
import re
import subprocess
import sys

import pytest

from harness import registry
from harness.journal.events import sweep_from_json
from harness.spec import HarnessError
from harness.sweep.load import load_sweep, toml
from harness.sweep.pairs import cells
from harness.system.json_values import jsonable
from tests.conftest import environment
from tests.faults.mutations import LINES, TEXTS, VALUES, mutants

REASONS = re.compile(
    r"not valid TOML \(|cannot be read \(|unknown (task|search space) ['\"]|: unknown key; |"
    r": missing$| = .+: expected |: this is no task of the sweep; |fits n(one|o task) of the s|"
    r"starts from task|: plugin .*: (no such file or folder|no path)"
)
"""What a refusal names: a place in the file, or the key and the value."""


def sound(asked):
    """Whether a sweep that was accepted can be run, written down, and read again."""
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", asked.name)
    assert not asked.name.endswith(".")
    assert asked.name.lower() not in ("con", "nul.txt", "com1", "mlflow.db", "mlartifacts")
    assert len(set(asked.tasks)) == len(asked.tasks) > 0
    assert len(set(asked.spaces)) == len(asked.spaces) > 0
    assert {cell.task.name for cell in cells(asked)} == set(asked.tasks)
    assert {cell.space.name for cell in cells(asked)} == set(asked.spaces)
    for seed in (*asked.seeds, asked.search_seed):
        assert type(seed) is int
        assert 0 <= seed < 2**32
    assert set(asked.budgets) <= set(asked.tasks)
    for task in asked.tasks:
        budget = asked.budget_of(task)
        for count in ("trials", "epochs", "patience", "confirm_epochs", "max_parameters", "seeds"):
            value = getattr(budget, count)
            assert value is None or (type(value) is int and 1 <= value < 2**63)
        for limit in ("seconds", "trial_seconds", "memory_gb", "train_fraction"):
            value = getattr(budget, limit)
            assert value is None or 0 < value < math.inf
        assert budget.train_fraction <= 1
        assert 1 <= len(asked.seeds_of(task)) <= len(asked.seeds)


def written_and_read(asked, path):
    """The sweep after the question was written to a file, and after it was in a journal."""
    path.write_text(toml(asked), encoding="utf-8")
    return load_sweep(str(path)), sweep_from_json(json.loads(json.dumps(jsonable(asked))))


def attempt(path, content):
    """Loads a file with this content: the sweep, or the one line of the refusal."""
    path.write_bytes(content)
    try:
        asked = load_sweep(str(path))
    except HarnessError as error:
        text = str(error)
        assert text.isprintable(), content
        assert len(text) < 1000, content
        assert REASONS.search(text), text
        return text
    sound(asked)
    assert written_and_read(asked, path) == (asked, asked), content
    return asked


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.long)])
def test_mutants_are_sound_or_refused_in_one_line(tmp_path, count, toll):
    path = tmp_path / "mutant.toml"
    found = [attempt(path, content) for content in mutants(count)]
    refused = [answer for answer in found if isinstance(answer, str)]
    assert list(tmp_path.iterdir()) == [path]
    # Neither all of one kind, nor all for one reason: or the mutations try nothing.
    assert count / 20 < len(refused) < count * 19 / 20
    reasons = {REASONS.search(text)[0].partition("=")[0] for text in refused}
    assert len(reasons) >= 7
    toll("sweep file altered", count)


BASE = 'name = "mine"\ntasks = ["digits"]\nspaces = ["mlp", "cnn"]\n'


@pytest.mark.parametrize("key", ["name", "tasks", "spaces", "seeds", "search_seed", "tuner",
                                 "budget.trials", "budget.seconds", "budgets.digits.epochs",
                                 "budgets.digits", "budgets", "new"])  # fmt: skip
def test_every_odd_value_of_a_key(tmp_path, key):
    base = "".join(line for line in BASE.splitlines(True) if not line.startswith(f"{key} "))
    path = tmp_path / "odd.toml"
    for text in TEXTS:
        attempt(path, f"{base}{key} = {text}\n".encode())
    for value in VALUES:
        if value not in ([None],):
            attempt(path, f"{base}{key} = {_literal(value)}\n".encode())


def _literal(value):
    """A value as TOML has it in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


@pytest.mark.parametrize(
    "line, message",
    [
        ("x = " + TEXTS[12], "not valid TOML (nested too deeply)"),
        (LINES[8] + "\ny = 1", "expected no tables so deep"),
        ("search_seed = " + "9" * 5000, "not valid TOML (a number is too long)"),
        ("search_seed = 0x" + "f" * 5000, "search_seed = 0xffff"),
        ("budget.trials = 18446744073709551616", "budget.trials = 0x10000000000000000…: expec"),
        ("seeds = 4000000000", "seeds = 4000000000: expected at most 10,000"),
        ("budget.trials = 1979-05-27", "budget.trials = 1979-05-27: expected no date"),
        ('"a\\nb" = 1', "a b: unknown key"),
        ('budgets."\\u001b[1m".trials = 1', "budgets.�[1m: this is no task"),
        (f'tuner = "{"x" * 9999}"', "…: expected 'random', 'grid'"),
    ],
)  # fmt: skip
def test_what_once_was_a_traceback_or_several_lines(tmp_path, line, message):
    assert message in attempt(tmp_path / "q.toml", f"{BASE}{line}\n".encode())


@pytest.mark.parametrize("name", ["CON", "nul.txt", "Lpt1", "mine.", "a" * 101, "mlflow.db",
                                  "MLartifacts"])  # fmt: skip
def test_names_that_no_folder_should_have(tmp_path, name):
    text = attempt(tmp_path / "q.toml", BASE.replace("mine", name).encode())
    assert ": expected at most 100 characters, no device and no file of MLflow" in text


@pytest.mark.parametrize("name", ["console", "a" * 100, "nul_", "2024-05-27", "a.b"])
def test_names_that_are_only_like_them(tmp_path, name):
    assert attempt(tmp_path / "q.toml", BASE.replace("mine", name).encode()).name == name


def test_an_unknown_name_of_any_length_is_repeated_in_part():
    with pytest.raises(HarnessError) as caught:
        registry.task("digits" * 9999)
    assert len(str(caught.value)) < 1000


PROGRAM = """
import contextlib, io, json, sys
from pathlib import Path
from harness.cli.main import main
import harness.driver.run
def begun(*_, **__):
    raise AssertionError("it was run")
harness.driver.run.run_sweep = begun
for file in sorted(Path(sys.argv[1]).iterdir()):
    said, printed = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
        try:
            main(["run", str(file), "--output", sys.argv[2]])
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, printed.getvalue(), said.getvalue()]))
"""


def test_the_command_line_refuses_in_one_line_and_leaves_nothing(tmp_path, toll):
    """The whole command, in a process of its own: what it prints, its code, what it leaves."""
    folder = tmp_path / "files"
    folder.mkdir()
    refused = 0
    for number, content in enumerate(mutants(120, seed=1)):
        file = folder / f"{number:03}.toml"
        if isinstance(attempt(file, content), str):
            file.write_bytes(content)
            refused += 1
        else:
            file.unlink()
    (folder / "odd\nname.toml").write_bytes(b"")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder, tmp_path / "output"],
        capture_output=True, text=True, timeout=120, env=environment(), cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == refused + 1 > 30
    for line in lines:
        code, printed, said = json.loads(line)
        assert (code, printed) == (2, ""), said
        assert re.fullmatch(r"harness: [^\n]+\n", said), said
        assert said.removesuffix("\n").isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
    toll("sweep file altered, whole command", refused)
