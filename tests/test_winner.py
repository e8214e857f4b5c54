"""What `harness describe DIR/task/space` says of the architecture a sweep found."""

import json

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.journal import Journal
from harness.spec import Sweep
from harness.training import exhibit_path
from harness.winner import winner
from tests.synthetic import write_journal
from tests.test_report_translations import EXHIBIT, LENGTHS, SENTENCE


@pytest.fixture
def describe(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda name: CliRunner().invoke(main, ["describe", name])


def leave(folder, task, space, content):
    path = folder / exhibit_path(task, space)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def test_a_winner_is_described(describe, tmp_path):
    write_journal(tmp_path / "quick")
    answer = describe("quick/digits/cnn")
    assert answer.exit_code == 0, answer.output
    for text in (
        "digits x cnn, sweep quick",
        "3 seeds), higher is better",
        "trivial 0.1",
        "0.99: A published paper, 2020",
        "4 trials, 1 without a score",
        "learning_rate",
        "dropout",
        "parameters",
        "latency",
    ):
        assert text in answer.output
    assert "95 % interval" in answer.output
    assert describe(f"{tmp_path}/quick/digits/cnn").exit_code == 0


def test_continuations_are_shown_in_full_and_move_no_cursor(describe, tmp_path):
    write_journal(tmp_path / "quick")
    long = "word " * 400
    text = {"prompt": "\x1b[2J\rgone\x07\u202e", "greedy": long, "nucleus": "first\nsecond"}
    leave(tmp_path / "quick", "digits", "cnn", {"continuations": [text]})
    answer = describe("quick/digits/cnn")
    assert answer.exit_code == 0, answer.output
    assert answer.output.count("word") == 400
    assert "    �[2J\n    gone��\n" in answer.output
    assert "    first\n    second" in answer.output
    assert all(c.isprintable() or c == "\n" for c in answer.output)


def test_a_forecast_names_its_figure(describe, tmp_path):
    write_journal(tmp_path / "quick")
    window = {"channel": "OT", "past": [1], "truth": [1], "forecast": [1], "baseline": [1]}
    leave(tmp_path / "quick", "digits", "cnn", {"forecasts": [window]})
    assert (
        "harness report quick draws quick/forecast-digits.png"
        in describe("quick/digits/cnn").output
    )
    (tmp_path / "quick" / "forecast-digits.png").touch()
    assert "forecasts   quick/forecast-digits.png" in describe("quick/digits/cnn").output


@pytest.fixture
def folder(tmp_path):
    """A sweep in which an architecture that translates has something to show."""
    write_journal(tmp_path)
    leave(tmp_path, "digits", "cnn", EXHIBIT)
    return tmp_path


def test_describe_shows_translations_in_full(folder):
    long = {**SENTENCE, "hypothesis": "sehr " * 300}
    leave(folder, "digits", "cnn", {"translations": [long]})
    text = winner(str(folder / "digits" / "cnn"))
    assert text.count("sehr") == 300
    assert "a dog runs" in text
    assert "ein hund läuft" in text


def test_describe_shows_scores_by_length_and_names_the_figures(folder):
    text = winner(str(folder / "digits" / "cnn"))
    assert "bleu by words of the source\n  3-9  34.1 (412 examples)\n  10+  27.2 (588" in text
    assert "scored with  nrefs:1|tok:13a\n" in text
    for kind in ("attention", "length"):
        figure = folder / f"{kind}-digits.png"
        assert f"harness report {folder} draws {figure}" in text
        figure.touch()
    text = winner(str(folder / "digits" / "cnn"))
    assert f"attention    {folder / 'attention-digits.png'}\n" in text
    assert f"by length    {folder / 'length-digits.png'}\n" in text


def test_describe_obeys_nothing_in_a_text_and_shows_that_one_is_empty(folder):
    nasty = {"source": "\x1b[2J\rgone", "reference": "\u202e", "hypothesis": ""}
    scores = {**LENGTHS, "metric": "\x07bleu", "unit": "a\nb"}
    leave(folder, "digits", "cnn", {"translations": [nasty], "scores_by_length": scores})
    text = winner(str(folder / "digits" / "cnn"))
    assert "  translation\n    –" in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "�bleu by a b\n" in text


def test_what_is_not_confirmed_is_called_so(describe, tmp_path):
    write_journal(tmp_path / "quick", seeds=())
    answer = describe("quick/digits/cnn")
    assert answer.exit_code == 0, answer.output
    assert "not confirmed yet), higher is better" in answer.output


@pytest.mark.parametrize(
    "name, message",
    [
        ("quick/digitz/cnn", "quick: no task 'digitz'; did you mean 'digits'?"),
        ("quick/digits/cn", "quick: no space 'cn'; did you mean 'cnn'?"),
        ("quick/digits", "quick/digits: expected a task and a space behind it, quick/TASK/SPACE"),
        ("quick/", "quick/: expected a task and a space behind it, quick/TASK/SPACE"),
        ("nowhere/digits/cnn", "nowhere: no journal.jsonl there"),
        ("digits/cnn", ".: no journal.jsonl there"),
        ("begun/digits/cnn", "begun: nothing found yet for digits x cnn (0 trials finished)"),
        ("torn/digits/cnn", "torn: nothing recorded yet"),
    ],
)
def test_what_is_not_there_is_explained(describe, tmp_path, name, message):
    write_journal(tmp_path / "quick", seeds=(0,), trials=1)
    with Journal(tmp_path / "begun") as journal:
        journal.begin(Sweep("begun", ("digits",), ("cnn",)), {}, "")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "journal.jsonl").write_text("{")
    answer = describe(name)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
