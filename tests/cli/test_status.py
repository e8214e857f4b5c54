"""What `harness status DIR` says while a sweep runs, after it, and when it was interrupted."""

import dataclasses
import json
import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from harness.cli.main import main
from harness.cli.status import driver, every_cell, failures, outlook
from harness.driver.time_left import concurrency, progress, seconds_left
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.sweep.question import Budget, Sweep
from harness.trial import Cost, Failure
from tests.synthetic import trial_result, write_journal

SWEEP = Sweep(
    "half", ("digits", "fashion_mnist"), ("mlp", "cnn"), Budget(trials=4, epochs=4), seeds=(0, 1)
)


@pytest.fixture
def call(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, ["status", *words], env={"COLUMNS": None})


def begin(folder, *results, sweep=SWEEP, ended=()):
    """Leaves the journal of a sweep that has come so far; it is not open any more."""
    with Journal(folder) as kept:
        kept.begin(sweep, {}, "harness run half.toml")
        for result in results:
            kept.append("finished", result=result)
        for task, space in ended:
            kept.append("search_ended", task=task, space=space, reason="trials")
    return read_journal(folder)


def lasting(seconds, space="mlp", number=0, phase="search", task="digits", started=0.0, **fields):
    """A trial that took so long."""
    result = trial_result(SWEEP, task, space, phase, number, number)
    cost = dataclasses.replace(result.cost, seconds=seconds)
    return dataclasses.replace(result, cost=cost, started=1e9 + started, **fields)


def test_a_sweep_that_has_ended(call, tmp_path):
    write_journal(tmp_path / "quick")
    answer = call("quick")
    assert answer.exit_code == 0, answer.output
    lines = [line.rstrip() for line in answer.output.splitlines()]
    assert lines[0] == ("quick: ended; 4 cells, 16 of 16 search trials, 12 of 12 confirmation runs")
    rows = [line.split() for line in lines]
    record = read_journal(tmp_path / "quick")
    best = max(r.score for r in record.results if r.key[:3] == ("digits", "cnn", "search")
               and r.score is not None)  # fmt: skip
    tests = [r.metrics["test_accuracy"] for r in record.results
             if r.key[:3] == ("digits", "cnn", "confirm")]  # fmt: skip
    assert ["·", "cnn", "4/4", "1", f"{best:.4g}", "3/3", f"{sum(tests) / 3:.4g}", "done"] in rows
    assert ["digits", "accuracy", "↑", "accuracy", "↑"] in rows
    assert "3 without a score:" in lines
    assert "  1 x diverged: loss became NaN in epoch 2 (digits x mlp)" in lines
    assert lines[-1] == "every cell has a confirmed result"


def test_nodes_of_a_cluster_are_told(call, tmp_path):
    results = [lasting(100.0, number=number, started=100.0 * number) for number in range(3)]
    for number, node in enumerate(("far/1", "near/2", "far/1")):
        cost = dataclasses.replace(results[number].cost, node=node)
        results[number] = dataclasses.replace(results[number], cost=cost)
    begin(tmp_path / "half", *results)
    lines = [line.rstrip() for line in call("half").output.splitlines() if "node" in line]
    assert [line.partition(", last end ")[0] for line in lines] == [
        "node far/1: 2 trials, 3 min of running",
        "node near/2: 1 trial, 2 min of running",
    ]


def test_a_driver_that_holds_the_folder_is_seen_and_keeps_it(call, tmp_path):
    begin(tmp_path / "half", lasting(60.0))
    holds = (
        "import sys, time\nfrom pathlib import Path\nfrom harness.journal.write import Journal\n"
        "with Journal(Path(sys.argv[1])) as kept:\n    print('held', flush=True)\n"
        "    sys.stdin.read()\n    kept.append('resumed', environment={}, command='again')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holds, tmp_path / "half"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        before = (tmp_path / "half" / "journal.jsonl").read_bytes()
        answer = call("half")
        assert answer.output.startswith("half: running, last event ")
        assert "carry on with" not in answer.output
        assert driver(tmp_path / "half") == "running"
        assert (tmp_path / "half" / "journal.jsonl").read_bytes() == before
    finally:
        process.communicate()
    assert process.returncode == 0
    assert driver(tmp_path / "half") == "absent"
    assert len(read_journal(tmp_path / "half").environments) == 2


def test_asking_leaves_no_lock_and_no_file_behind(call, tmp_path):
    begin(tmp_path / "half", lasting(60.0))
    (tmp_path / "half" / ".lock").unlink()
    assert call("half").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "half").iterdir()) == ["journal.jsonl"]
    with Journal(tmp_path / "half"):
        pass
    assert call("half").exit_code == 0
    with Journal(tmp_path / "half") as kept:
        assert kept.read() is not None


def test_a_sweep_that_was_interrupted_says_how_to_carry_on(call, tmp_path):
    begin(tmp_path / "half", lasting(60.0))
    hour = time.time() - 3600
    os.utime(tmp_path / "half" / "journal.jsonl", (hour, hour))
    answer = call("half")
    first, *_, carry, left, how = answer.output.splitlines()
    assert first.startswith("half: interrupted, last event 60 min ago; 4 cells, 1 of 16 search")
    assert carry == "carry on with: harness run half.toml"
    assert left == "time left: about 23 min of running"
    assert how.startswith("  if what is left takes as long as")


def test_a_line_that_is_being_written_is_not_looked_at(call, tmp_path):
    begin(tmp_path / "half", lasting(60.0))
    with (tmp_path / "half" / "journal.jsonl").open("a") as file:
        file.write('{"event": "finished", "result"')
    assert "1 of 16 search trials" in call("half").output


@pytest.mark.parametrize("text", ["", '{"event"'])
def test_nothing_recorded_yet(call, tmp_path, text):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "journal.jsonl").write_text(text)
    answer = call("half")
    assert (answer.exit_code, answer.output) == (0, "half: nothing recorded yet\n")


def test_cells_that_have_not_begun_are_rows_too(call, tmp_path):
    begin(tmp_path / "half")
    answer = call("half")
    assert answer.output.count("waiting") == 4
    assert "time left: not known yet, as no search trial has finished" in answer.output


def test_states_of_a_cell(tmp_path):
    record = begin(
        tmp_path,
        *(lasting(1.0, number=number) for number in range(4)),
        lasting(1.0, "cnn"),
        *(lasting(1.0, "cnn", number, task="fashion_mnist") for number in range(4)),
        *(lasting(1.0, "cnn", n, "confirm", task="fashion_mnist") for n in range(2)),
        ended=[("digits", "mlp"), ("fashion_mnist", "cnn")],
    )
    from harness.cli.status import _state

    states = {(c.task, c.space): _state(c) for c in every_cell(record)}
    assert states == {
        ("digits", "mlp"): "confirming",
        ("digits", "cnn"): "searching",
        ("fashion_mnist", "mlp"): "waiting",
        # Without data nothing says what a test score is, so that it has none.
        ("fashion_mnist", "cnn"): "no result",
    }


def test_failures_are_counted_by_reason_and_obey_nothing(tmp_path):
    def failed(number, message, space="mlp"):
        failure = Failure("code", message)
        return lasting(1.0, space, number, status="failed", score=None, failure=failure)

    record = begin(
        tmp_path,
        *(failed(number, f"rare {number}", "cnn") for number in range(9)),
        *(failed(number, "often\x1b[2J\nmore") for number in range(2)),
        lasting(1.0, number=2, status="interrupted", score=None, failure=None),
    )
    lines = list(failures(every_cell(record)))
    assert lines[0] == "11 without a score:"
    assert lines[1] == "  2 x failed: often�[2J more (digits x mlp)"
    assert lines[-1] == "  and 2 other reasons"
    assert all(c.isprintable() for line in lines for c in line)


def left_of(record):
    return seconds_left(progress(record.sweep, cell) for cell in every_cell(record))


def test_time_left_counts_trials_and_confirmations_of_every_cell(tmp_path):
    """Three and four trials of 10 s, the mean of all of it in the cells that have none."""
    record = begin(tmp_path, lasting(10.0), lasting(20.0, "cnn"))
    left = left_of(record)
    assert left == pytest.approx((3 + 2) * 10 + (3 + 2) * 20 + 2 * (4 + 2) * 15)


def test_time_left_knows_that_confirmation_trains_longer_and_on_more(tmp_path):
    budget = Budget(trials=1, epochs=4, confirm_epochs=8, train_fraction=0.5)
    sweep = dataclasses.replace(SWEEP, tasks=("digits",), spaces=("mlp",), budget=budget)
    ended = [("digits", "mlp")]
    record = begin(tmp_path / "a", lasting(10.0), sweep=sweep, ended=ended)
    assert left_of(record) == pytest.approx(2 * 10 * 2 / 0.5)
    done = lasting(70.0, phase="confirm")
    record = begin(tmp_path / "b", lasting(10.0), done, sweep=sweep, ended=ended)
    assert left_of(record) == pytest.approx(70)


def test_time_left_is_bound_by_the_seconds_of_the_search(tmp_path):
    budget = Budget(trials=100, epochs=4, seconds=25.0)
    sweep = dataclasses.replace(SWEEP, tasks=("digits",), spaces=("mlp",), budget=budget)
    record = begin(tmp_path, lasting(10.0), sweep=sweep)
    assert left_of(record) == pytest.approx(15 + 2 * 10)


def test_nothing_is_left_of_a_search_without_any_score(tmp_path):
    sweep = dataclasses.replace(SWEEP, tasks=("digits",), spaces=("mlp",))
    lost = [lasting(5.0, number=n, status="failed", score=None) for n in range(4)]
    record = begin(tmp_path, *lost, sweep=sweep, ended=[("digits", "mlp")])
    assert left_of(record) == 0
    assert list(outlook(record, every_cell(record), "absent")) == [
        "no confirmed result: digits x mlp"
    ]


def test_trials_that_ran_side_by_side_shorten_what_is_left(tmp_path):
    both = [lasting(600.0), lasting(600.0, "cnn"), lasting(600.0, number=1, started=9000.0)]
    record = begin(tmp_path, *both)
    assert concurrency(record.results) == pytest.approx(1.5)
    line, how = outlook(record, every_cell(record), "running")
    left = left_of(record) / 1.5
    assert line == f"time left: about {left / 3600:.1f} h"
    assert "1.5 at a time as measured" in how
    assert concurrency([]) == 1
    assert concurrency([dataclasses.replace(both[0], cost=Cost())]) == 1


def test_rows_are_not_folded_in_a_pipe_and_fit_eighty_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_journal(tmp_path / "quick")
    long = "a_task_whose_name_is_as_long_as_names_get_in_practice"
    text = (tmp_path / "quick" / "journal.jsonl").read_text().replace("fashion_mnist", long)
    (tmp_path / "quick" / "journal.jsonl").write_text(text)
    piped = CliRunner().invoke(main, ["status", "quick"], env={"COLUMNS": None}).output
    assert any(line.split() == [long, "accuracy", "↑", "accuracy", "↑"]
               for line in piped.splitlines())  # fmt: skip
    narrow = CliRunner().invoke(main, ["status", "quick"], env={"COLUMNS": "80"}).output
    assert max(map(len, narrow.splitlines())) <= 80


def test_a_damaged_journal_is_one_line(call, tmp_path):
    begin(tmp_path / "half")
    with (tmp_path / "half" / "journal.jsonl").open("a") as file:
        file.write(json.dumps({"event": "strange"}) + "\n")
    answer = call("half")
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert "line 2: not a journal event" in answer.stderr


def test_looking_loads_nothing_heavy(tmp_path):
    """It is asked often, and while a sweep has the processors."""
    write_journal(tmp_path / "quick")
    program = (
        "import sys\nfrom harness.cli.main import main\n"
        "main(['status', 'quick'], standalone_mode=False)\n"
        "print([m for m in ('tensorflow', 'keras', 'mlflow', 'pandas', 'scipy')"
        " if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert answer.stdout.splitlines()[-1] == "[]", answer.stderr
