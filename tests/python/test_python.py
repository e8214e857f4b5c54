"""The harness from a script and from a notebook."""

import dataclasses
import itertools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest

import harness
from harness.journal.read import read_journal
from harness.python import values
from harness.python.progress import Progress, done, left
from harness.spec import HarnessError
from tests.synthetic import write_journal

CELLS = (
    """
import harness
from sklearn.datasets import load_digits

digits = load_digits()
answer = harness.compare(
    digits.images[:400] / 16, digits.target[:400].astype(float), spaces=["mlp", "cnn"], trials=1,
    epochs=6, seeds=2, workers=1, name="written",
)
""",
    "answer",
    """
said = answer.best.predict(digits.images[400:450] / 16)
print("right:", (said["label"].astype(int) == digits.target[400:450]).mean())
print("verdict:", answer.verdict("mlp", "cnn"))
print("trials:", len(answer.trials))
""",
)


def test_a_notebook_asks_and_shows_the_answer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    asked, shown, used = (cell["outputs"] for cell in notebook.cells)
    text = "".join(output.get("text", "") for output in asked)
    assert "y: floats that are whole numbers, read as integers" in text
    assert "written: kind = image_classification" in text
    assert "report: " in text
    (page,) = [output["data"]["text/html"] for output in shown if "data" in output]
    assert "<td>mlp</td>" in page
    assert page.count('src="data:image/png;base64,') == 2
    # The bar has been replaced where it stood: its last state is kept, and no line of a trial.
    (bar,) = [output["data"]["text/html"] for output in asked if "data" in output]
    assert bar.startswith('written <progress value="6" max="6"')
    assert " · trial " not in text
    assert not [output for output in used if output.get("name") == "stderr"]
    printed = "".join(output.get("text", "") for output in used)
    lines = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    assert float(lines["right"]) > 0.5
    assert lines["verdict"] in ("better", "worse", "not distinguishable", "unknown")
    assert int(lines["trials"]) == 6
    # The same folder, from Python once more, and from a script without any guard.
    answer = harness.load("results/written")
    assert set(answer.leaderboard["space"]) == {"mlp", "cnn"}
    (tmp_path / "ask.py").write_text(
        "import harness\nprint(len(harness.run('results/written.toml', workers=1).trials))\n"
    )
    done = subprocess.run(
        [sys.executable, "ask.py"], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "complete already" in done.stdout
    assert done.stdout.splitlines()[-1] == "6"


LABELS = {
    "strings": (["a", "b"], ["a", "b"], None),
    "integers": (np.array([3, 1]), [3, 1], None),
    "truths": ([True, False], [1, 0], None),
    "whole floats": ([1.0, 0.0], [1, 0], "floats that are whole numbers"),
    "one-hot": (np.eye(3)[[2, 0]], [2, 0], "one-hot rows of 3 classes"),
    "a column": (np.array([[1], [0]]), [1, 0], None),
    "a series": (pd.Series(["a", "b"], index=[7, 9]), ["a", "b"], None),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_taken_as_they_come_and_what_is_changed_is_said(name):
    given, expected, line = LABELS[name]
    lines = []
    assert values.labels(given, lines.append) == expected
    assert len(lines) == (line is not None)
    assert all(line in told for told in lines)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([0.5, 1.0], r"y, row 0: found .*0\.5.*; expected labels that are strings or whole"),
        ([1.0, float("nan")], "y, row 1: found .*nan.*; expected labels"),
        (np.full((2, 3), 0.3), "y, row 0: found .*; expected one label an example, or one-hot"),
        (np.zeros((2, 2, 2)), r"y has the shape \(2, 2, 2\); expected one label"),
        (["a", None], "y, row 1: found None; expected a string or an integer"),
    ],
)
def test_labels_that_are_none_are_one_line(given, line):
    with pytest.raises(HarnessError, match=f"compare: {line}") as raised:
        values.labels(given, print)
    assert "\n" not in str(raised.value)


INTERRUPTED = """
import harness
import numpy as np

images = np.random.default_rng(0).random((60, 8, 8))
answer = harness.compare(images, [0, 1] * 30, spaces=["mlp"], trials=40, epochs=1, workers=1)
print("kept", len(answer.trials), flush=True)
"""


def test_ctrl_c_keeps_what_is_done(tmp_path):
    """To both processes, as a terminal sends it: it counts once, and what runs comes to its end."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTED], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        lines = []
        for line in process.stdout:
            lines.append(line)
            if " trial 0: " in line:
                os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=300) == 0, "".join(lines)
    kept = int(lines[-1].removeprefix("kept "))
    assert 1 <= kept < 40
    assert len(harness.load(tmp_path / "results" / "mine").trials) == kept
    assert {result.status for result in read_journal(tmp_path / "results" / "mine").results} == {
        "completed"
    }


def test_a_bar_stands_for_the_lines_of_trials(tmp_path, capsys):
    write_journal(tmp_path)
    record = read_journal(tmp_path)
    with Progress(tmp_path, record.sweep, shown=True) as shown:
        shown.line("12:00:00 digits · cnn · trial 3: validation accuracy 0.9 in 2.0 s")
        shown.line("report: results/x/report.md")
    found = capsys.readouterr().out
    assert "report: results/x/report.md\n" in found
    assert "digits · cnn · trial 3: validation" in found
    assert "12:00:00" not in found
    count, most = done(record.sweep, record)
    assert f"| {count}/{most} [" in found
    assert 0 < count == most
    assert done(record.sweep) == (0, most)
    with Progress(tmp_path, record.sweep, shown=False) as shown:
        shown.line("12:00:00 digits · cnn · trial 3: validation accuracy 0.9 in 2.0 s")
    assert capsys.readouterr().out == ""
    with Progress(tmp_path, record.sweep, shown=None) as shown:  # nobody looks on
        shown.line("a line")
    assert capsys.readouterr().out == "a line\n"


def test_how_long_it_will_take_is_said_while_it_runs(tmp_path):
    write_journal(tmp_path)
    record = read_journal(tmp_path)
    assert left(record) == ""
    lines = (tmp_path / "journal.jsonl").read_text().splitlines(keepends=True)
    for cut, expected in ((1, r""), (len(lines) // 2, r"about (a minute|\d+ min) left")):
        (tmp_path / "journal.jsonl").write_text("".join(lines[:cut]))
        assert re.fullmatch(expected, left(read_journal(tmp_path)))


def test_a_time_for_the_whole_is_what_a_bar_counts(tmp_path):
    write_journal(tmp_path)
    record = read_journal(tmp_path)
    timed = dataclasses.replace(record.sweep, minutes=2.0)
    assert done(timed, dataclasses.replace(record, active=30.4)) == (30, 120)
    assert done(timed, dataclasses.replace(record, active=999)) == (120, 120)


def test_any_two_architectures_have_a_verdict():
    answer = harness.load(Path(__file__).parents[2] / "results" / "bert")
    board = answer.leaderboard
    told = board[board["task"] == "sst2"].set_index("space")["verdict"]
    opposite = {"better": "worse", "worse": "better"}
    found = {
        pair: answer.verdict(*pair, "sst2") for pair in itertools.permutations(told.index[:3], 2)
    }
    for (first, other), verdict in found.items():
        assert verdict in ("better", "worse", "not distinguishable")
        assert found[other, first] == opposite.get(verdict, verdict)
        if told[first] == "best mean":  # as the report says it
            assert told[other] == ("different" if verdict == "better" else verdict)
    assert len(found) == 6
    for names, line in {
        ("bert", "bert", "sst2"): "'bert' twice; expected two architectures",
        ("brt", "bert", "sst2"): "no architecture 'brt'; did you mean 'bert'?",
        ("bert", "lstm", "sst3"): "no task 'sst3'; did you mean",
        ("bert", "lstm", "wikitext2_mlm"): "no architecture 'lstm'",
        ("bert", "lstm", None): "expected one to be named",
    }.items():
        with pytest.raises(HarnessError, match=re.escape(line)):
            answer.verdict(*names)


REFUSED = {
    "no labels": ((["a text"],), {}, "found list and no y; expected images of shape"),
    "other lengths": ((["a", "b"], [1]), {}, "2 examples in x and 1 in y; expected as many"),
    "no text": ((["a", 3], [1, 0]), {}, "x, row 1: found 3; expected a text"),
    "a pair of three": (([("a", "b"), ("a", "b", "c")], [1, 0]), {}, "x, row 1: found"),
    "an option": ((["a", "b"], [1, 0]), {"trails": 3}, "no 'trails'; expected some of trials"),
    "a name": ((["a", "b"], [1, 0]), {"name": "a/b"}, "name 'a/b'; expected letters, digits"),
    "no architectures": ((["a", "b"], [1, 0]), {"spaces": 3}, "spaces 3; expected 'all' or a list"),
    "a set": (({"a", "b"}, [1, 0]), {}, "x is {"),
    "no examples": (([], []), {}, "x is empty; expected examples"),
    "one label": ((["a", "b"], 3), {}, "y is 3; expected a label for each example"),
    "a name of labels": ((["a", "b"], "ab"), {}, "y is 'ab'; expected a label for each example"),
    "images of two sizes": (
        ([np.zeros((8, 8)), np.zeros((9, 9))], [1, 0]),
        {},
        "x, row 1: an image of shape (9, 9); expected (8, 8), as in row 0",
    ),
    "a kind of images": (
        (np.zeros((2, 8, 8)), [1, 0]),
        {"kind": "text_classification"},
        "kind 'text_classification' of arrays with y; expected image_classification",
    ),
    "labels of a table": (
        (pd.DataFrame({"text": ["a", "b"]}), [1]),
        {},
        "2 examples in x and 1 in y; expected as many in both",
    ),
    "a grade": (
        ([("a", "b")], ["x"]),
        {"kind": "sentence_similarity"},
        "y, row 0: found 'x'; expected a number",
    ),
    "no pair": (
        (["a"], [1.0]),
        {"kind": "sentence_similarity"},
        "x, row 0: found 'a'; expected a pair of texts",
    ),
    "a kind": ((["a", "b"], [1, 0]), {"kind": "speech"}, "kind 'speech' of texts with y"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compared_is_one_line(name, tmp_path):
    arguments, options, line = REFUSED[name]
    with pytest.raises(HarnessError, match="compare: ") as raised:
        harness.compare(*arguments, output=tmp_path, **options)
    assert line in str(raised.value)
    assert not list(tmp_path.iterdir())  # nothing half-written


def test_what_the_run_refuses_is_raised(tmp_path):
    images = np.random.default_rng(0).random((30, 8, 8))
    with pytest.raises(HarnessError, match="unknown search space 'resnt'; did you mean 'resnet'"):
        harness.compare(images, [0, 1] * 15, spaces=["resnt"], output=tmp_path)
    with pytest.raises(HarnessError, match=r"minutes = -1\.0: expected more than 0"):
        harness.compare(images, [0, 1] * 15, minutes=-1, output=tmp_path)
    with pytest.raises(HarnessError, match=r"images\.npz: one class alone, 0; expected two"):
        harness.compare(images, [0] * 30, spaces=["mlp"], output=tmp_path)


def test_data_of_every_form_becomes_files(tmp_path):
    texts = ["one text", "another text"] * 10
    found = values.written(texts, ["a", "b"] * 10, None, tmp_path, print)
    assert found["kind"] == "text_classification"
    assert (tmp_path / "texts.jsonl").read_text().startswith('{"text": "one text", "label": "a"}')
    pairs = [("one", "other")] * 4
    found = values.written(pairs, [1.5, 2, 3, 4], "sentence_similarity", tmp_path, print)
    assert found["grade"] == "grade"
    found = values.written(["ein"], ["one"], "translation", tmp_path, print)
    assert (found["source"], found["target"]) == ("source", "target")
    table = pd.DataFrame({"review": texts, "stars": [1, 2] * 10})
    assert values.written(table, "stars", None, tmp_path, print)["label"] == "stars"
    found = values.written(np.arange(50.0), None, None, tmp_path, print)
    assert found["kind"] == "time_series_forecasting"
    assert (tmp_path / "series.csv").read_text().startswith("channel 0\n0.0\n")
    hours = pd.DataFrame({"load": [1, 2]}, index=pd.date_range("2024", periods=2, freq="h"))
    values.written(hours, None, None, tmp_path, print)
    assert (tmp_path / "table.csv").read_text().startswith("time,load\n2024-01-01 00:00:00,1\n")
    found = values.written(pd.DataFrame({0: texts, 1: [1, 2] * 10}), 1, None, tmp_path, print)
    assert found["label"] == "1"
