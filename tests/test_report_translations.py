"""What translation models did: tables, heat maps of attention, scores by length."""

import pytest

from harness import journal, report
from harness.report.attention import attention_figures
from harness.report.exhibits import read_exhibits
from harness.report.figures import image
from harness.spec import HarnessError
from harness.winner import winner
from tests.synthetic import write_journal
from tests.test_report_exhibits import leave

SENTENCE = {"source": "a dog runs", "reference": "ein hund läuft", "hypothesis": "ein | hund"}
MAP = {
    "source": ["▁a", "▁do", "g", "</s>"],
    "target": ["▁ein", "▁$hund$", "</s>"],
    "weights": [[1, 0, 0, 0], [0.1, 0.5, 0.4, 0], [0.25, 0.25, 0.25, 0.25]],
}
LENGTHS = {
    "metric": "bleu",
    "unit": "words of the source",
    "buckets": [
        {"first": 3, "last": 9, "examples": 412, "score": 34.1},
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


def figures(folder):
    record = journal.read(folder)
    return attention_figures(record, read_exhibits(folder, record.cells))


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


def test_scores_by_length_and_their_signature_are_shown(folder):
    report.write(folder)
    text = (folder / "report.md").read_text()
    assert "bleu by words of the source" in text
    assert "3 to 9 (412)" in text
    assert "10 or more (588)" in text
    assert "34.1" in text
    assert "Scored with `nrefs:1\\|tok:13a`." in text
    for name in ("attention-digits", "length-digits"):
        assert f"({name}.png)" in text
        assert (folder / f"{name}.png").is_file()


def test_heat_maps_have_tokens_of_both_sentences_on_their_axes(folder):
    svg = image(figures(folder)["attention-digits"], "svg").decode()
    for text in ("a", "do", "·g", "ein", "$hund$", "&lt;/s&gt;", "cnn"):
        assert f">{text}<" in svg or f"<!-- {text} -->" in svg, text
    assert "mlp" not in svg  # it does not attend


def test_scores_by_length_are_drawn_for_each_architecture(folder):
    (axes,) = figures(folder)["length-digits"].axes
    assert {tuple(line.get_ydata()) for line in axes.lines} == {(34.1, 27.25)}
    assert len(axes.lines) == 2
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["3 to 9", "10 or more"]


def test_describe_shows_translations_in_full(folder):
    long = {**SENTENCE, "hypothesis": "sehr " * 300}
    leave(folder, "digits", "cnn", {"translations": [long]})
    text = winner(str(folder / "digits" / "cnn"))
    assert text.count("sehr") == 300
    assert "a dog runs" in text
    assert "ein hund läuft" in text


@pytest.mark.parametrize(
    "content, fault",
    [
        ({"translations": [{"source": "a"}]}, "translations.0.reference: Field required"),
        ({"attention": [{**MAP, "weights": [[1, 0, 0, 0]]}]}, "rows of [4], expected 3 rows of 4"),
        ({"attention": [{**MAP, "weights": [[1], [1, 0], []]}]}, "rows of [1, 2, 0], expected 3"),
        ({"attention": [{**MAP, "weights": "dark"}]}, "attention.0.weights: Input should be a"),
        ({"attention": [{"source": [], "target": [], "weights": []}]}, "expected tokens"),
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
