"""Text of strangers in a journal: shown as text by every command, obeyed by none."""

import csv
import json

import markdown_it
import pytest
from click.testing import CliRunner

from harness.cli.main import main
from harness.journal.folder import JOURNAL
from tests.synthetic import write_journal

HOSTILE = {
    "a terminal's": "\x1b[2J\x1b]0;title\x07\x1b]8;;http://e.example\x1b\\x\x9b31m\x7f\b\b",
    "no text": "\x00 \ufeff \u202e reversed \u2066 \ud7ff",
    "lines": "first\r\nsecond\n\n# a heading\n\n- a list\n\n    code",
    "Markdown": "| a |\n|---|\n[x](javascript:alert(1)) ![i](http://e.example/i.png) `` ` ``",
    "HTML": "</td></table><script>alert(1)</script><img src=x onerror=alert(1)><!-- --> &lt;",
    "Rich": "[red]red[/red] [/] [link=http://e.example]x[/link] :smile: [bold",
    "Matplotlib's": r"$\frac{1$ $$ \unknown{ _x^y $a$",
    "a formula": '=HYPERLINK("http://e.example")',
    "at": "@SUM(1)",
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "tab": "\t=1",
}


def spoil(folder, text):
    """Puts the text wherever a journal holds text that no sweep file must be sound for."""
    path, lines = folder / JOURNAL, []
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "sweep":
            event["command"] = f"harness run {text}"
            event["environment"]["hardware"]["gpus"] = [text]
            event["environment"]["git_commit"] = text
            event["environment"]["packages"][text] = text
        if event["event"] == "data":
            event["licence"] = text
            event["reference"] = {"value": 0.9, "source": text}
        if event["event"] == "search_ended":
            event["reason"] = text
        if event["event"] == "finished":
            result = event["result"]
            result["config"] |= {text: text, "units": text}
            result["training"]["optimizer"] = text
            result["cost"]["device"] = text
            result["metrics"] |= {f"test_{text}": 0.5} if result["phase"] == "confirm" else {}
            if result["failure"]:
                result["failure"] |= {"message": text, "traceback": text}
        lines.append(json.dumps(event))
    path.write_text("\n".join(lines) + "\n")


def call(*words):
    answer = CliRunner().invoke(main, [str(word) for word in words])
    assert answer.exit_code in (0, 1), answer.output + repr(answer.exception)
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
    return answer.output


@pytest.fixture(scope="module", params=HOSTILE)
def spoilt(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "quick"
    write_journal(folder, tasks=("digits",))
    spoil(folder, HOSTILE[request.param])
    return folder, call("report", folder)


def test_a_terminal_is_told_nothing_it_obeys(spoilt):
    folder, said = spoilt
    said += call("status", folder) + call("describe", folder / "digits" / "cnn")
    said += call("report", folder, folder)
    assert "digits" in said
    assert {c for c in said if not c.isprintable()} <= {"\n"}


def test_markdown_has_the_elements_of_harmless_text(spoilt, tmp_path):
    folder, _ = spoilt
    write_journal(tmp_path, tasks=("digits",))
    spoil(tmp_path, "harmless")
    call("report", tmp_path)
    assert elements(folder / "report.md") == elements(tmp_path / "report.md")


def elements(path):
    """What a reader of Markdown sees in it, but for words, code and emphasis."""
    parser = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table")
    found = []
    for token in parser.parse(path.read_text(encoding="utf-8")):
        found += [token.type, *(child.type for child in token.children or ())]
    return [kind for kind in found if kind not in
            ("text", "softbreak", "code_inline", "text_special")]  # fmt: skip


def test_no_cell_of_a_table_begins_a_formula(spoilt):
    folder, _ = spoilt
    for path in folder.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                for cell in row:
                    assert cell[:1] not in "=+-@\t\r" or not cell or float(cell) <= 0
