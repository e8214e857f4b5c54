"""What models did: read from their files, shown in the report, and never trusted."""

import json

import numpy as np
import pytest

from harness import report
from harness.analysis.exhibits import Continuation, Exhibit, read_exhibits
from harness.journal.folder import exhibit_path
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.report.figure_style import image
from harness.report.samples.forecasts import forecast_figures
from harness.spec import HarnessError
from harness.sweep.question import Sweep
from tests.answered import markdown, sample_figures
from tests.synthetic import write_journal

TEXT = {"prompt": "the cat", "greedy": "sat on the mat", "nucleus": "was a dog"}
WINDOW = {
    "channel": "OT",
    "past": [0.0, 0.5, 1.0],
    "truth": [1.0, 2.0],
    "forecast": [1.1, None],
    "baseline": [1, 1],
}


@pytest.fixture
def folder(tmp_path):
    write_journal(tmp_path)
    return tmp_path


def leave(folder, task, space, content):
    path = folder / exhibit_path(task, space)
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def figures(folder):
    return sample_figures(folder, forecast_figures)


def test_exhibits_are_read_and_unknown_keys_ignored(folder):
    leave(folder, "digits", "mlp", {"continuations": [{**TEXT, "extra": 1}], "standardised": True})
    found = read_exhibits(folder, read_journal(folder).cells)
    expected = Continuation("the cat", "sat on the mat", "was a dog")
    assert found == {("digits", "mlp"): Exhibit(continuations=(expected,))}


@pytest.mark.parametrize(
    "content, fault",
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ({"continuations": [{"prompt": "a", "greedy": "b"}]}, "continuations.0.nucleus: Field req"),
        ({"continuations": [{**TEXT, "greedy": 3}]}, "continuations.0.greedy: Input should be a"),
        ({"continuations": {}}, "continuations: Input should be a valid array"),
        ({"forecasts": [{**WINDOW, "truth": ["high"]}]}, "forecasts.0.truth.0: Input should be a"),
        ({"forecasts": [{**WINDOW, "truth": [1.0]}]}, "forecasts.0: truth, forecast and baseline"),
        ({"forecasts": [{**WINDOW, "truth": [], "forecast": [], "baseline": []}]}, "at least one"),
    ],
)
def test_a_damaged_exhibit_is_explained(tmp_path, content, fault):
    leave(tmp_path, "digits", "cnn", content)
    with pytest.raises(HarnessError) as caught:
        read_exhibits(tmp_path, [("digits", "cnn")])
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'exhibits' / 'digits.cnn.json'}: not an exhibit")
    assert fault in message
    assert "\n" not in message


def test_a_damaged_exhibit_does_not_take_the_tables_with_it(folder):
    leave(folder, "digits", "cnn", "{")
    with pytest.raises(HarnessError, match=r"digits\.cnn\.json: not an exhibit"):
        report.write(folder)
    assert (folder / "leaderboard.csv").is_file()


def test_texts_stand_beside_each_other_by_prompt(folder):
    for space in ("mlp", "cnn"):
        more = {"prompt": "a dog", "greedy": f"by {space}", "nucleus": "x"}
        leave(folder, "digits", space, {"continuations": [TEXT, more]})
    report.write(folder)
    page = (folder / "report.md").read_text(encoding="utf-8")
    section = page.partition("## Looking\n")[2].partition("\n## ")[0]
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in section.splitlines()[7:]]
    assert [row[:3] for row in rows] == [
        ["`the cat`", "`cnn`", "`sat on the mat`"],
        ["", "`mlp`", "`sat on the mat`"],
        ["`a dog`", "`cnn`", "`by cnn`"],
        ["", "`mlp`", "`by mlp`"],
    ]


def test_texts_cannot_break_the_page(folder):
    nasty = "a | b `c`\n## d <script> \x1b[31m \u202e"
    leave(folder, "digits", "mlp", {"continuations": [dict.fromkeys(TEXT, nasty)]})
    report.write(folder)
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "`a \\| b 'c' ## d <script> �[31m �`" in page
    assert "\x1b" not in page
    assert "\n## d" not in page


def test_forecasts_are_drawn_a_row_an_architecture_a_column_a_window(folder):
    for space in ("mlp", "cnn"):
        leave(folder, "digits", space, {"forecasts": [WINDOW] * (4 if space == "cnn" else 2)})
    (figure,) = figures(folder).values()
    assert len(figure.axes) == 2 * 3
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["cnn", "mlp"]
    assert [axes.axison for axes in figure.axes] == [True] * 5 + [False]
    lines = {line.get_xdata()[0]: line.get_ydata() for line in figure.axes[0].get_lines()}
    assert lines[-2].tolist() == [0.0, 0.5, 1.0]
    assert np.array_equal(lines[1], [1.1, np.nan], equal_nan=True)
    assert figure.axes[0].get_ylim() == figure.axes[3].get_ylim()


def test_a_long_past_does_not_squeeze_the_forecast(folder):
    long = {**WINDOW, "past": list(range(500)), "channel": "$x_1$\n" + "long " * 30}
    leave(folder, "digits", "mlp", {"forecasts": [long]})
    figure = figures(folder)["forecast-digits"]
    assert figure.axes[0].get_xlim()[0] > -60
    assert len(figure.axes[0].get_title(loc="left")) <= 40
    assert image(figure) == image(figures(folder)["forecast-digits"])


def test_write_leaves_the_figures_of_forecasts(folder):
    leave(folder, "fashion_mnist", "mlp", {"forecasts": [WINDOW]})
    report.write(folder)
    assert [path.name for path in folder.glob("forecast-*")] == ["forecast-fashion_mnist.png"]
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "(forecast-fashion_mnist.png)" in page


def test_without_exhibits_nothing_is_said_of_them(folder):
    assert "Looking" not in markdown(read_journal(folder))
    leave(folder, "digits", "mlp", {"other": 1})
    report.write(folder)
    assert "Looking" not in (folder / "report.md").read_text(encoding="utf-8")


def test_fresh_discards_the_exhibits(folder):
    leave(folder, "digits", "mlp", {})
    with Journal(folder, fresh=True) as opened:
        opened.begin(Sweep("mine", ("digits",), ("mlp",)), {}, "")
        assert not (folder / "exhibits").exists()
