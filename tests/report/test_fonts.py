"""Names that the font of Matplotlib lacks can be read all the same, whatever fonts there are."""

import io
import re

import numpy as np
import PIL.Image
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from harness import report
from harness.report import fonts
from harness.report.figure_style import image, label, labels
from harness.report.samples.attention import attention_figures
from harness.report.samples.confusion import confusion_figures
from harness.report.samples.forecasts import forecast_figures
from harness.system.text import one_line
from tests.analysis.test_exhibits import leave
from tests.answered import sample_figures
from tests.synthetic import write_journal

CHINESE, ARABIC, HINDI = "好评", "إيجابي", "अच्छा"
CLASSES = [CHINESE, ARABIC, HINDI]
KEY = "1 `好评`, 2 \u2068`إيجابي`\u2069, 3 `अच्छा`"


def make_font(path, characters):
    """A font that has a square of its own size for each character."""
    names = [".notdef", *(f"g{ord(c)}" for c in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(c): f"g{ord(c)}" for c in characters})
    glyphs = {}
    for place, name in enumerate(names):
        pen, side = TTGlyphPen(None), 300 + 40 * place
        pen.moveTo((100, 0))
        for corner in ((100, side), (100 + side, side), (100 + side, 0)):
            pen.lineTo(corner)
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares Sans", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWeightClass=400)
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def machine(monkeypatch):
    """Sets the fonts of the machine: those that come with Matplotlib, and these files."""

    def choose(*files):
        shipped = [e for e in fontManager.ttflist if "mpl-data" in e.fname]
        monkeypatch.setattr(fontManager, "ttflist", shipped)
        for file in files:
            fontManager.addfont(file)
        fonts.family.cache_clear()
        fonts._fonts.cache_clear()

    yield choose
    fonts.family.cache_clear()
    fonts._fonts.cache_clear()


@pytest.fixture
def bare(machine):
    machine()


@pytest.fixture
def rich(machine, tmp_path):
    """A machine whose fonts have all the letters of the classes."""
    make_font(tmp_path / "squares.ttf", sorted(set(CHINESE + HINDI + "日温度")))
    machine(tmp_path / "squares.ttf")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "sweep"
    folder.mkdir()
    write_journal(folder, failures=False)
    counts = [[9, 1, 0], [2, 1, 1], [0] * 3]
    window = {"channel": "温度", "past": [1, 2], "truth": [3], "forecast": [2], "baseline": [2]}
    leave(folder, "digits", "cnn", {
        "confusion": {"classes": CLASSES, "counts": counts},
        "attention": [{"source": ["▁日", "▁"], "target": ["a"], "weights": [[0.5, 0.5]]}],
        "forecasts": [window],
    })  # fmt: skip
    return folder


def texts(found):
    return [text.get_text() for text in found]


def classes_drawn(folder):
    figure = sample_figures(folder, confusion_figures)["confusion-digits"]
    assert image(figure)
    return texts(figure.axes[0].get_yticklabels())


def page(folder):
    report.write(folder)
    return (folder / "report.md").read_text(encoding="utf-8")


def test_without_a_font_classes_are_numbered_and_the_text_says_which_is_which(bare, folder):
    assert classes_drawn(folder) == ["1", "2", "3"]
    assert f"Classes in the order of the figure: {KEY}." in page(folder)
    assert "好评" in (folder / "report.html").read_text(encoding="utf-8")


def test_with_a_font_classes_are_named_in_figure_and_text(rich, folder):
    assert classes_drawn(folder) == CLASSES
    # Another machine may make the same page.
    assert f"Classes in the order of the figure: {KEY}." in page(folder)


def test_names_that_every_machine_draws_need_no_words(bare, folder):
    counts = [[1, 0], [0, 1]]
    for classes in (["gut", "weiß"], ["да", "ναι"]):
        leave(folder, "digits", "cnn", {"confusion": {"classes": classes, "counts": counts}})
        assert classes_drawn(folder) == classes
        assert "Classes in the order" not in page(folder)


def test_channels_and_tokens_are_numbered_and_told_likewise(bare, folder):
    (axes, *_) = sample_figures(folder, forecast_figures)["forecast-digits"].axes
    assert axes.get_title(loc="left") == "1"
    (axes, *_) = sample_figures(folder, attention_figures)["attention-digits"].axes
    assert texts(axes.get_xticklabels()) == ["1", "2"]
    text = page(folder)
    assert "Channels from left to right: 1 `温度`." in text
    assert "Tokens of map 1 of `cnn`, source: 1 `▁日`, 2 `▁`." in text


def test_channels_and_tokens_are_drawn_where_a_font_has_them(rich, folder):
    (axes, *_) = sample_figures(folder, forecast_figures)["forecast-digits"].axes
    assert axes.get_title(loc="left") == "温度"
    (axes, *_) = sample_figures(folder, attention_figures)["attention-digits"].axes
    assert texts(axes.get_xticklabels()) == ["日", "·"]
    assert not re.search("Channels from|Tokens of", page(folder))


def test_a_font_of_the_machine_is_taken_for_what_the_own_one_lacks(rich):
    assert fonts.families("a好b") == [fonts.OWN, "Squares Sans"]
    assert fonts.families("ab") == [fonts.OWN]
    assert fonts.drawable("好评")
    assert not fonts.drawable("好\U0001f44d")
    assert label("好\U0001f44d", 9) == "好�"


def test_boxes_are_no_font(bare):
    assert not fonts.drawable("好")
    assert fonts.families("好") == [fonts.OWN]
    assert labels(["a", "好"], 9) == ["1", "2"]


def written(text):
    """What an image shows of a text, without the white around it."""
    figure = Figure(figsize=(3, 1))
    figure.text(0.2, 0.4, text)
    shown = PIL.Image.open(io.BytesIO(image(figure))).convert("L")
    ink = np.asarray(shown) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def test_another_font_is_seen_in_the_image(rich):
    assert written("好").all()  # a square
    assert written("好评").shape[1] > written("好").shape[1]


def test_names_read_from_right_to_left_are_drawn_so(bare):
    """The first letter stands on the right, as in letters that are turned around and told, by
    Unicode's override, to go from left to right."""
    override, end = "\u202d", "\u202c"
    assert np.array_equal(written("אב"), written(f"{override}בא{end}"))
    assert not np.array_equal(written("אב"), written("בא"))


def test_what_joins_letters_is_part_of_a_word():
    assert one_line("می\u200cشود") == "می\u200cشود"
    assert one_line("a\u202eb\x1b") == "a�b�"
