"""What models of texts did: hidden words, confusion matrices, entities."""

import numpy as np
import pytest

from harness import report
from harness.analysis.exhibits import read_exhibits
from harness.report.figure_style import image
from harness.report.samples.confusion import confusion_figures
from harness.spec import HarnessError
from tests.analysis.test_exhibits import leave
from tests.answered import sample_figures
from tests.synthetic import write_journal

GUESSES = [{"piece": "sat", "probability": 0.412}, {"piece": "##s|", "probability": 0.07}]
MASKED = {"text": "the cat [MASK] down", "truth": "sat", "guesses": GUESSES}
CONFUSION = {
    "classes": ["negative", "$positive$", "none"],
    "counts": [[9, 1, 0], [2, 1, 1], [0] * 3],
}
ENTITIES = {
    "text": "Ann met Bo in Rome",
    "truth": ["PER: Ann", "PER: Bo", "LOC: Rome"],
    "prediction": ["PER: Ann", "PER: Ann", "ORG: Rome"],
}


@pytest.fixture
def folder(tmp_path):
    write_journal(tmp_path, failures=False)
    leave(tmp_path, "digits", "cnn",
          {"fill_mask": [MASKED], "confusion": CONFUSION, "entities": [ENTITIES]})  # fmt: skip
    leave(tmp_path, "digits", "mlp",
          {"fill_mask": [{**MASKED, "guesses": [{"piece": "is", "probability": None}]}],
           "entities": [{**ENTITIES, "prediction": []}]})  # fmt: skip
    return tmp_path


def lines(folder):
    report.write(folder)
    text = (folder / "report.md").read_text(encoding="utf-8")
    return [" ".join(line.split()) for line in text.splitlines()]


def figure(folder):
    return sample_figures(folder, confusion_figures)["confusion-digits"]


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_guesses_stand_below_each_other_with_the_right_one_in_bold(folder):
    page = lines(folder)
    start = page.index("| text | hidden | architecture | guesses |")
    assert page[start + 2 : start + 4] == [
        "| `the cat [MASK] down` | `sat` | `cnn` | **`sat`** 41.2 %, `##s\\|` 7.0 % |",
        "| | | `mlp` | `is` – % |",
    ]


def test_wrong_entities_are_in_bold_and_none_is_said(folder):
    page = lines(folder)
    start = page.index("| text | entities | architecture | found (in bold: wrong) |")
    truth = "`PER: Ann`, `PER: Bo`, `LOC: Rome`"
    # Ann is there once: the second one is wrong.
    found = "`PER: Ann`, **`PER: Ann`**, **`ORG: Rome`**"
    assert page[start + 2 : start + 4] == [
        f"| `Ann met Bo in Rome` | {truth} | `cnn` | {found} |",
        "| | | `mlp` | none |",
    ]


def test_texts_cannot_break_the_page(folder):
    nasty = "[MASK] | b `c`\n## d \x1b[31m"
    leave(folder, "digits", "cnn",
          {"fill_mask": [{"text": nasty, "truth": nasty, "guesses": []}],
           "entities": [{"text": nasty, "truth": [nasty], "prediction": [nasty]}]})  # fmt: skip
    text = "\n".join(lines(folder))
    assert text.count("`[MASK] \\| b 'c' ## d �[31m`") == 5
    assert "\n## d" not in text
    assert "\x1b" not in text


def test_confusion_is_shares_of_the_true_class_with_the_counts_in_the_cells(folder):
    drawn = figure(folder)
    axes, bar = drawn.axes
    shares = axes.images[0].get_array()
    assert np.ma.filled(shares, np.nan)[:2].tolist() == [[0.9, 0.1, 0], [0.5, 0.25, 0.25]]
    assert np.isnan(np.ma.filled(shares, np.nan)[2]).all()  # grey: it has no example
    assert axes.images[0].get_clim() == (0, 1)
    assert labels(axes.texts) == ["9", "1", "0", "2", "1", "1", "0", "0", "0"]
    assert labels(axes.get_xticklabels()) == ["negative", "$positive$", "none"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "truth")
    assert axes.get_title(loc="left") == "cnn"
    assert bar.get_ylabel() == "share of the true class"
    assert image(drawn) == image(figure(folder))
    assert "![Which class each architecture takes for which](confusion-digits.png)" in lines(folder)
    assert {path.suffix for path in folder.glob("confusion-*")} == {".png"}


def test_every_architecture_has_a_panel(folder):
    leave(folder, "digits", "mlp", {"confusion": CONFUSION})
    titles = [axes.get_title(loc="left") for axes in figure(folder).axes[:-1]]
    assert titles == ["cnn", "mlp"]


@pytest.mark.parametrize(
    "classes, xlabel",
    [(12, "prediction"), (41, "prediction, 41 classes in their order")],
)
def test_many_classes_are_drawn_without_counts_and_at_last_without_names(folder, classes, xlabel):
    names = [f"class {i}" for i in range(classes)]
    counts = np.eye(classes, dtype=int).tolist()
    leave(folder, "digits", "cnn", {"confusion": {"classes": names, "counts": counts}})
    axes = figure(folder).axes[0]
    assert not axes.texts
    assert labels(axes.get_yticklabels()) == (names if classes == 12 else [])
    assert axes.get_xlabel() == xlabel


@pytest.mark.parametrize(
    "content, fault",
    [
        ({"fill_mask": [{"text": "a [MASK]", "truth": "b"}]}, "fill_mask.0.guesses: Field requ"),
        ({"fill_mask": [{**MASKED, "text": "a b"}]}, "fill_mask.0.text: expected [MASK] in it"),
        ({"fill_mask": [{**MASKED, "guesses": [{"piece": "a", "probability": "high"}]}]},
         "fill_mask.0.guesses.0.probability: Input should be a valid number"),
        ({"confusion": {"classes": ["a", "b"], "counts": [[1, 2]]}}, "rows of [2], expected 2 ro"),
        ({"confusion": {"classes": ["a"], "counts": [[1, 2]]}}, "rows of [2], expected 1 ro"),
        ({"confusion": {"classes": [], "counts": []}}, "confusion: expected a class"),
        ({"confusion": {"classes": ["a"], "counts": [[-1]]}}, "expected counts of 0 or more"),
        ({"confusion": {"classes": ["a"], "counts": [[0.5]]}}, "confusion.counts.0.0: Input sh"),
        ({"confusion": [CONFUSION]}, "confusion: Input should be an object"),
        ({"entities": [{"text": "a", "truth": "b"}]}, "entities.0.truth: Input should be a va"),
        ({"entities": [{"text": "a", "truth": []}]}, "entities.0.prediction: Field required"),
    ],
)  # fmt: skip
def test_a_damaged_exhibit_is_explained(tmp_path, content, fault):
    leave(tmp_path, "digits", "cnn", content)
    with pytest.raises(HarnessError) as caught:
        read_exhibits(tmp_path, [("digits", "cnn")])
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'exhibits' / 'digits.cnn.json'}: not an exhibit")
    assert fault in message
    assert "\n" not in message
