"""What translation models did: tables, heat maps of attention, scores by length."""

import numpy as np
import pytest

from harness import report
from harness.analysis.exhibits import read_exhibits
from harness.report.figure_style import blues, image
from harness.report.samples.attention import attention_figures
from harness.report.samples.lengths import length_figures
from harness.spec import HarnessError
from tests.analysis.test_exhibits import leave
from tests.answered import sample_figures
from tests.synthetic import write_journal

SENTENCE = {"source": "a dog runs", "reference": "ein hund läuft", "hypothesis": "ein | hund"}
MAP = {
    "source": ["▁a", "▁do", "g", "</s>"],
    "target": ["▁ein", "▁$hund$", "</s>"],
    "weights": [[1, 0, 0, 0], [0.1, 0.5, 0.4, 0], [0.25, 0.25, 0.25, 0.25]],
}
BUCKET = {"first": 3, "last": 9, "examples": 412, "score": 34.1}
LENGTHS = {
    "metric": "bleu",
    "unit": "words of the source",
    "buckets": [
        BUCKET,
        {"first": 10, "last": None, "examples": 588, "score": 27.25},
    ],
}
EXHIBIT = {
    "translations": [SENTENCE],
    "attention": [MAP],
    "scores_by_length": LENGTHS,
    "signature": "nrefs:1|tok:13a",
}


@pytest.fixture
def folder(tmp_path):
    write_journal(tmp_path, failures=False)
    leave(tmp_path, "digits", "cnn", EXHIBIT)
    other = {**SENTENCE, "hypothesis": "der hund"}
    leave(tmp_path, "digits", "mlp", {"translations": [other], "scores_by_length": LENGTHS})
    return tmp_path


def page(folder):
    report.write(folder)
    return (folder / "report.md").read_text(encoding="utf-8")


def maps(folder):
    """The panels of the attention figure, row by row, without the colour bar."""
    return sample_figures(folder, attention_figures)["attention-digits"].axes[:-1]


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_translations_stand_below_their_source(folder):
    report.write(folder)
    text = (folder / "report.md").read_text()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    start = lines.index("| **source** | `a dog runs` |")
    assert lines[start + 1] == "| reference | `ein hund läuft` |"
    assert set(lines[start + 2 : start + 4]) == {
        "| `cnn` | `ein \\| hund` |",
        "| `mlp` | `der hund` |",
    }
    assert lines.count("| **source** | `a dog runs` |") == 1


def test_long_texts_are_cut_and_cannot_break_the_page(folder):
    nasty = {"source": "a\n## b <i> | `c` \x1b[31m", "reference": "", "hypothesis": "long " * 500}
    leave(folder, "digits", "cnn", {"translations": [nasty]})
    text = page(folder)
    assert "| `a ## b <i> \\| 'c' �[31m`" in text
    assert "\n## b" not in text
    assert "\x1b" not in text
    assert 100 < text.count("long ") < 130


def test_scores_by_length_and_their_signature_are_shown(folder):
    text = page(folder)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    start = lines.index("| bleu by words of the source | 3-9 (412) | 10+ (588) |")
    assert lines[start + 2 : start + 4] == ["| `cnn` | 34.1 | 27.2 |", "| `mlp` | 34.1 | 27.2 |"]
    # Outside of a table a bar needs no escape, and the escape would show.
    assert text.count("Scored with") == 1
    assert "### `digits`\n\nScored with `nrefs:1|tok:13a`.\n" in text
    for name in ("attention-digits", "length-digits"):
        assert f"({name}.png)" in text
        assert (folder / f"{name}.png").is_file()


def test_architectures_with_other_buckets_show_those_they_have(folder):
    buckets = [{"first": 1, "last": 2, "examples": 7, "score": None}, LENGTHS["buckets"][1]]
    leave(folder, "digits", "mlp", {"scores_by_length": {**LENGTHS, "buckets": buckets}})
    lines = [" ".join(line.split()) for line in page(folder).splitlines()]
    start = lines.index("| bleu by words of the source | 1-2 (7) | 3-9 (412) | 10+ (588) |")
    assert lines[start + 2 : start + 4] == [
        "| `cnn` | – | 34.1 | 27.2 |",
        "| `mlp` | – | – | 27.2 |",
    ]
    (axes,) = sample_figures(folder, length_figures)["length-digits"].axes
    assert labels(axes.get_xticklabels()) == ["1-2", "3-9", "10+"]
    assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2], [0, 2]]


def test_scores_by_length_are_drawn_for_each_architecture(folder):
    figure = sample_figures(folder, length_figures)["length-digits"]
    (axes,) = figure.axes
    assert [tuple(line.get_ydata()) for line in axes.lines] == [(34.1, 27.25)] * 2
    assert len({line.get_color() for line in axes.lines}) == 2
    assert labels(axes.get_xticklabels()) == ["3-9", "10+"]
    assert labels(figure.legends[0].get_texts()) == ["cnn", "mlp"]
    assert image(figure)


def test_heat_maps_have_tokens_of_both_sentences_on_their_axes(folder):
    (axes,) = maps(folder)
    assert labels(axes.get_xticklabels()) == ["a", "do", "·g", "</s>"]
    assert labels(axes.get_yticklabels()) == ["ein", "$hund$", "</s>"]
    assert axes.images[0].get_array().tolist() == MAP["weights"]
    assert axes.images[0].get_clim() == (0, 1)
    first, second = (image(sample_figures(folder, attention_figures)["attention-digits"])
                     for _ in range(2))  # fmt: skip
    assert first == second


def test_heat_maps_have_a_row_an_architecture_and_a_column_a_sentence(folder):
    leave(folder, "digits", "cnn", {"attention": [MAP] * 5})
    other = {**MAP, "source": ["▁the", "▁do", "g", "</s>"]}
    leave(folder, "digits", "mlp", {"attention": [MAP, other]})
    panels = maps(folder)
    assert [axes.axison for axes in panels] == [True] * 5 + [False]
    assert [axes.get_title(loc="left") for axes in panels[::3]] == ["cnn", "mlp"]
    # The same source has its labels once, below; another one has its own.
    assert [axes.get_xlabel() for axes in panels[:5]] == ["", "source", "source"] + ["source"] * 2
    assert labels(panels[0].get_xticklabels()) == [""] * 4
    assert labels(panels[4].get_xticklabels())[0] == "the"


def test_a_long_sentence_is_cut_and_says_so(folder):
    weights = np.full((70, 60), 1 / 60).tolist()
    long = {"source": ["▁" + "long" * 9] * 60, "target": ["▁b"] * 70, "weights": weights}
    leave(folder, "digits", "cnn", {"attention": [long]})
    (axes,) = maps(folder)
    assert axes.get_xlabel() == "source, first 40 of 60"
    assert axes.get_ylabel() == "translation, first 40 of 70"
    assert {len(text) for text in labels(axes.get_xticklabels())} == {16}
    assert axes.images[0].get_array().shape == (40, 40)


def test_what_cannot_be_drawn_leaves_no_gap_and_no_warning(folder):
    odd = {"source": ["▁日", "\x1b", "▁"], "target": ["whole", "words"],
           "weights": [[None, 0.5, 0.5], [1, 0, 0]]}  # fmt: skip
    leave(folder, "digits", "cnn", {"attention": [odd]})
    (axes,) = maps(folder)
    # With a font of this machine, or by numbers: see test_fonts.
    assert labels(axes.get_xticklabels()) in (["日", "�", "·"], ["1", "2", "3"])
    assert labels(axes.get_yticklabels()) == ["whole", "words"]
    assert image(sample_figures(folder, attention_figures)["attention-digits"])


def test_equal_weights_apart_look_equally_far_apart():
    rgb = blues()(np.linspace(0, 1, 256))[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = np.cbrt(luminance)
    assert rgb[0] == pytest.approx(1, abs=1e-6)
    assert np.all(np.diff(lightness) < 0)
    assert np.diff(lightness).min() / np.diff(lightness).max() < 1.5


@pytest.mark.parametrize(
    "content, fault",
    [
        ({"translations": [{"source": "a"}]}, "translations.0.reference: Field required"),
        ({"attention": [{**MAP, "weights": [[1, 0, 0, 0]]}]}, "rows of [4], expected 3 rows of 4"),
        ({"attention": [{**MAP, "weights": [[1], [1, 0], []]}]}, "rows of [1, 2, 0], expected 3"),
        ({"attention": [{**MAP, "weights": "dark"}]}, "attention.0.weights: Input should be a"),
        ({"attention": [{"source": [], "target": [], "weights": []}]}, "expected tokens"),
        ({"attention": [{**MAP, "target": [], "weights": []}]}, "expected tokens"),
        ({"attention": [{**MAP, "source": ["a", 3]}]}, "attention.0.source.1: Input should be a"),
        ({"attention": MAP}, "attention: Input should be a valid array"),
        ({"scores_by_length": [LENGTHS]}, "scores_by_length: Input should be an object"),
        ({"scores_by_length": {**LENGTHS, "buckets": [{"last": 3}]}}, "buckets.0.first: Field req"),
        (
            {"scores_by_length": {**LENGTHS, "buckets": [{**BUCKET, "first": "one"}]}},
            "buckets.0.first: Input should be a valid integer",
        ),
        (
            {"scores_by_length": {**LENGTHS, "buckets": [{**BUCKET, "score": "high"}]}},
            "buckets.0.score: Input should be a valid number",
        ),
        ({"scores_by_length": {**LENGTHS, "buckets": []}}, "expected a bucket"),
        ({"signature": 3}, "signature: Input should be a valid string"),
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
