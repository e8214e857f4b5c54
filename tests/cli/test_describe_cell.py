"""What `harness describe DIR/task/space` says of the architecture a sweep found."""

import json

import pytest
from click.testing import CliRunner

from harness.cli.describe_cell import winner
from harness.cli.main import main
from harness.journal.folder import exhibit_path
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.report.samples.terminal import plot
from harness.sweep.question import Sweep
from tests.report.samples.test_translations import EXHIBIT, LENGTHS, SENTENCE
from tests.synthetic import write_journal


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


def test_scores_are_shown_seed_by_seed(folder):
    text = winner(str(folder / "digits" / "cnn"))
    (line,) = [line for line in text.splitlines() if "each seed" in line]
    scores = [r.metrics["test_accuracy"] for r in read_journal(folder).results
              if r.key[:3] == ("digits", "cnn", "confirm")]  # fmt: skip
    shown = [part.split(": ") for part in line.split("seed  ")[1].split(", ")]
    assert [int(seed) for seed, _ in shown] == [0, 1, 2]
    assert [float(score) for _, score in shown] == pytest.approx(scores, abs=5e-4)


def test_guesses_of_hidden_tokens_name_the_right_one(folder):
    guesses = [{"piece": "paris", "probability": 0.931}, {"piece": "\x07lyon", "probability": None}]
    masked = {"text": "the capital is [MASK] .", "truth": "paris", "guesses": guesses}
    leave(folder, "digits", "cnn", {"fill_mask": [masked, {**masked, "guesses": []}]})
    text = winner(str(folder / "digits" / "cnn"))
    assert "hidden token 1\n  text\n    the capital is [MASK] .\n  hidden\n    paris\n" in text
    assert "  guesses\n    paris 93.1 % (right), �lyon – %\n" in text
    assert text.endswith("  guesses\n    –")


def test_confusion_says_what_each_class_is_taken_for(folder):
    counts = [[90, 4, 6], [0, 50, 0], [0, 0, 0]]
    leave(folder, "digits", "cnn", {"confusion": {"classes": ["shirt", "\x1bcoat", "bag"],
                                                  "counts": counts}})  # fmt: skip
    text = winner(str(folder / "digits" / "cnn"))
    assert "  shirt  90.0 % of 100 right; else bag 6, �coat 4\n" in text
    assert "  �coat  100.0 % of 50 right\n" in text
    assert text.endswith("  bag    – % of 0 right")
    assert f"draws {folder / 'confusion-digits.png'}" in text


def test_of_many_classes_the_worst_are_shown(folder):
    classes = [f"class {i}" for i in range(30)]
    counts = [[100 - i if i == j else 0 for j in range(30)] for i in range(30)]
    for i in range(30):
        counts[i][(i + 1) % 30] += i
    counts[5] = [0] * 30
    leave(folder, "digits", "cnn", {"confusion": {"classes": classes, "counts": counts}})
    text = winner(str(folder / "digits" / "cnn"))
    assert "confusion: the 20 worst of 30 classes\n  class 29  71.0 % of 100 right; else" in text
    assert text.count(" right; else") == 20
    assert "class 5 " not in text


def test_entities_found_wrong_and_missed_are_told_apart(folder):
    found = {"text": "Ann met Ann and Bob", "truth": ["Ann (PER)", "Ann (PER)", "Bob (PER)"],
             "prediction": ["Ann (PER)", "met (LOC)"]}  # fmt: skip
    leave(folder, "digits", "cnn", {"entities": [found]})
    text = winner(str(folder / "digits" / "cnn"))
    assert text.endswith(
        "entities 1\n  text\n    Ann met Ann and Bob\n  found\n    Ann (PER)\n  wrong\n"
        "    met (LOC)\n  missed\n    Ann (PER), Bob (PER)"
    )


def test_attention_names_what_each_token_looks_at_most(folder):
    shown = {"source": ["a", "do\x1bg", "runs", "."], "target": ["ein", "hund"],
             "weights": [[0.9, 0.06, 0.03, 0.005], [None, None, None, None]]}  # fmt: skip
    leave(folder, "digits", "cnn", {"attention": [shown]})
    text = winner(str(folder / "digits" / "cnn"))
    assert text.endswith(
        "attention 1: what is looked at most\n  ein   a 90 %, do�g 6 %, runs 3 %\n  hund  –"
    )


def test_forecasts_are_drawn_on_one_scale(folder):
    window = {"channel": "O\x1bT", "past": [9], "truth": [0, 1, 2, 7], "forecast": [0, 1, 2, 3],
              "baseline": [None, 0, 0, 0]}  # fmt: skip
    leave(folder, "digits", "cnn", {"forecasts": [window]})
    text = winner(str(folder / "digits" / "cnn"))
    assert text.endswith(
        "forecast 1: O�T, 4 steps, 0 to 7\n  truth     ▁▂▃█\n"
        "  forecast  ▁▂▃▄  mean error 1\n  baseline   ▁▁▁  mean error 3.33"
    )


def test_long_flat_and_unknown_lines_are_drawn():
    assert plot([0.0] * 500 + [1.0] * 500, 0, 1, width=4) == "▁▁██"
    assert plot([5.0, 5.0], 5, 5) == "▁▁"
    assert plot([None, None], 0, 0) == "  "


def test_nothing_that_is_shown_moves_a_cursor(folder):
    nasty = "\x1b[2J\r\u202e\x9b"
    guess = {"piece": nasty, "probability": 0.5}
    window = {"channel": nasty, "past": [1], "truth": [1], "forecast": [1], "baseline": [1]}
    content = {
        "fill_mask": [{"text": f"[MASK]{nasty}", "truth": nasty, "guesses": [guess]}],
        "confusion": {"classes": [nasty], "counts": [[1]]},
        "entities": [{"text": nasty, "truth": [nasty], "prediction": [nasty]}],
        "attention": [{"source": [nasty], "target": [nasty], "weights": [[1.0]]}],
        "forecasts": [window],
        "signature": nasty,
    }
    leave(folder, "digits", "cnn", content)
    text = winner(str(folder / "digits" / "cnn"))
    assert all(c.isprintable() or c == "\n" for c in text)


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
