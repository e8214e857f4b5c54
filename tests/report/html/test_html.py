"""The report as one file: what it holds, that data cannot break it, and that it needs nothing."""

import base64
import dataclasses
import io
import json
import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import report
from harness.journal.read import read_journal
from harness.report.figure_style import image
from harness.report.html.document import html
from harness.report.html.tables import Keys, keys, quantity
from harness.report.searches.trial_plots import MOST, view
from harness.report.text import duration, milliseconds, number
from harness.spec import Reference
from harness.sweep.question import Sweep
from harness.system.markdown import NOTHING, code, plain, table
from harness.trial import Failure, TrialResult
from tests.answered import leaderboard_figure, markdown, plots
from tests.synthetic import trial_result, write_journal

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "<http://evil.example>",
    "a | b `c` **d**",
    "# not a heading",
    "&lt;b&gt;",
)


class Document(HTMLParser):
    """Elements and text of a page, with the void elements closed."""

    VOID = frozenset({"meta", "img", "br", "link", "hr", "input"})

    def __init__(self, page):
        super().__init__()
        self.elements, self.open, self.faults = [], [], []
        self.text, self.scripts = "", []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def record_of(folder, **options):
    write_journal(folder, **options)
    return read_journal(folder)


def pages_of(record):
    """The Markdown page, and a figure for each name on it."""
    page = markdown(record)
    figure = leaderboard_figure(record)
    png = image(figure)
    names = re.findall(r"^!\[.*\]\((.+)\.png\)$", page, re.MULTILINE)
    return page, {f"{n}.png": png for n in names}


def page_of(record):
    return html(*pages_of(record), plots(record))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return page_of(record_of(tmp_path_factory.mktemp("report")))


def edited(record, edit):
    history = tuple(edit(e) if isinstance(e, TrialResult) else e for e in record.history)
    return dataclasses.replace(record, history=history)


# --- structure ----------------------------------------------------------------


def test_the_page_is_whole_and_in_the_order_a_person_reads(page):
    document = Document(page)
    assert document.faults == []
    assert document.open == []
    anchors = [attrs["id"] for attrs in document.all("section")]
    order = ["summary", "leaderboard", "trials", "failures", "environment", "reproduce"]
    assert [name for name in anchors if name in order] == order
    linked = [attrs["href"].removeprefix("#") for attrs in document.all("a")]
    assert linked == anchors
    identifiers = [attrs["id"] for _, attrs in document.elements if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))


def test_the_page_says_what_the_markdown_says(tmp_path):
    record = record_of(tmp_path)
    text = Document(page_of(record)).text
    for line in markdown(record).splitlines():
        for word in re.findall(r"[\w.]+", re.sub(r"!?\[(.*?)\]\(.*?\)", r"\1", line)):
            assert word in text


def test_every_figure_is_in_the_page_with_its_size_and_words(tmp_path):
    write_journal(tmp_path)
    report.write(tmp_path)
    named = re.findall(r"!\[(.*?)\]\(", (tmp_path / "report.md").read_text(encoding="utf-8"))
    shown = Document((tmp_path / "report.html").read_text(encoding="utf-8")).all("img")
    assert [attrs["alt"] for attrs in shown] == named
    assert "Test score of each architecture with its interval" in named
    for attrs in shown:
        kind, _, content = attrs["src"].partition(";base64,")
        assert kind == "data:image/webp"
        with PIL.Image.open(io.BytesIO(base64.b64decode(content))) as figure:
            figure.load()
        assert 300 < int(attrs["width"]) < 1200
        assert 100 < int(attrs["height"]) < 2400


def test_a_figure_that_is_not_there_is_told_by_its_words():
    page = html("# Report\n\n![Scores](away.png)\n\ntext ![x](http://a.example/b.png)\n", {})
    document = Document(page)
    assert document.all("img") == []
    assert "Scores: this figure is not part of the page." in document.text


# --- tables -------------------------------------------------------------------


def test_a_table_is_sorted_by_what_its_cells_are_worth():
    rows = [["b", "12 ms"], ["A", "1.5 s"], ["c", NOTHING]]
    page = html("# T\n\n" + table(["name", "latency ↑"], rows), {})
    document = Document(page)
    assert [attrs["data-kind"] for attrs in document.all("th")] == ["text", "number"]
    assert [attrs["data-first"] for attrs in document.all("th")] == ["ascending", "descending"]
    assert [attrs["data-sort"] for attrs in document.all("td")] == [
        "b", "0.012", "a", "1.5", "c", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "head, rows",
    [
        ("text", [["a", "1"], ["", "2"]]),
        ("", [["**source**", "1"], ["lstm", "2"]]),
        ("single", [["a", "1"]]),
    ],
)
def test_rows_that_belong_together_cannot_be_torn_apart(head, rows):
    document = Document(html("# T\n\n" + table([head, "score"], rows), {}))
    assert document.all("button") == []
    assert not any("data-sort" in attrs for attrs in document.all("td"))


@pytest.mark.parametrize(
    "text, worth",
    [
        ("1,234", 1234), ("12 ms", 0.012), ("1 min 20 s", 80), ("1.5 h", 5400), ("93.9 %", 93.9),
        ("-0.001 (-0.004 to 0.003)", -0.001), ("0.386 to 0.391", 0.386), ("2 of 3", 2),
        ("1.2e-05", 1.2e-05), ("2.3 times", 2.3), ("2.1×", 2.1), ("0.94 ± 0.01", 0.94),
        ("−3", -3), (NOTHING, None), ("", None), ("lstm", None), ("3d_conv", None),
        ("1,23", None), ("15 apples", None), ("7f957f48fa97a99d", None), ("1e999", None),
    ],
)  # fmt: skip
def test_a_cell_is_worth_its_number(text, worth):
    assert quantity(text) == (None if worth is None else pytest.approx(worth))


def test_below_a_number_comes_before_it():
    assert quantity("< 0.001") < quantity("0.001") < quantity("> 0.001")


@given(st.lists(st.floats(0, 1e7), min_size=2))
def test_written_times_keep_their_order(seconds):
    for write in (duration, milliseconds):
        worth = [quantity(write(value)) for value in sorted(seconds)]
        assert worth == sorted(worth)


@given(st.floats(-1e9, 1e9), st.none() | st.integers(0, 8))
def test_written_numbers_are_read_back(value, places):
    worth = quantity(number(value, places))
    assert worth == pytest.approx(value, rel=0.005, abs=0.0 if places is None else 10.0**-places)


@given(st.lists(st.text() | st.floats().map(number)))
def test_a_column_has_a_key_for_each_cell_and_numbers_stay_numbers(cells):
    found = keys(cells)
    assert len(found.values) == len(cells)
    for text, key in zip(cells, found.values, strict=True):
        if text.strip() in {"", "-", "—", NOTHING}:
            assert key == ""
        elif found.kind == "text":
            assert key == text.strip().casefold()
        else:
            assert (float(key) if key else None) == quantity(text)


@pytest.mark.parametrize(
    "cells, kind, values",
    [
        (["8 s", "not reached", "1 min", "not reached"], "number", ("8.0", "", "60.0", "")),
        (["8 s", "not reached", "unknown"], "text", ("8 s", "not reached", "unknown")),
        (["not reached", "not reached"], "text", ("not reached", "not reached")),
        ([NOTHING, NOTHING], "text", ("", "")),
        ([], "text", ()),
    ],
)  # fmt: skip
def test_one_other_text_among_numbers_counts_as_nothing(cells, kind, values):
    assert keys(cells) == Keys(kind, values)


# --- hostile text -------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_never_obeyed(tmp_path, text):
    record = record_of(tmp_path, tasks=("digits",))
    task = dataclasses.replace(record.tasks["digits"], reference=Reference(0.9, text), licence=text)
    record = edited(
        dataclasses.replace(record, tasks={"digits": task}, command=f"harness run {text}"),
        lambda e: dataclasses.replace(
            e,
            config={text: text},
            failure=Failure("code", text) if e.failure else None,
        ),
    )
    page = page_of(record)
    document = Document(page)
    assert document.faults == []
    assert not any(name.startswith("on") for _, attrs in document.elements for name in attrs)
    # Those of the page itself: its plots, its tables, and the data of a plot.
    assert len(document.all("script")) == 3
    assert all(attrs["src"].startswith("data:") for attrs in document.all("img"))
    assert all(attrs["href"].startswith("#") for attrs in document.all("a"))
    assert f"harness run {text}" in document.text


@given(st.text())
def test_no_text_in_a_cell_makes_an_element(text):
    page = html(f"# {plain(text) or 'T'}\n\n" + table(["a"], [[code(text)], [plain(text)]]), {})
    document = Document(page)
    assert document.faults == []
    allowed = {"html", "head", "meta", "title", "style", "body", "nav", "details", "summary", "ol",
               "li", "a", "main", "h1", "section", "div", "table", "thead", "tbody", "tr", "th",
               "td", "button", "code", "script", "em", "strong"}  # fmt: skip
    assert {tag for tag, _ in document.elements} <= allowed
    assert len(document.all("script")) == 1


def test_links_lead_to_the_web_or_the_page_only():
    document = Document(
        html(
            "# T\n\n[a](https://a.example) [b](#t) [c](javascript:alert) [d](data:text/html,x) "
            "[e](file:///etc) [f](//g.example) [h](figure.png)\n",
            {},
        )
    )
    targets = [attrs["href"] for attrs in document.all("a") if "href" in attrs]
    assert targets == ["#summary", "https://a.example", "#t"]


# --- needs nothing ------------------------------------------------------------


def test_the_page_fetches_nothing(page):
    document = Document(page)
    for _, attrs in document.elements:
        for name in ("src", "srcset", "href", "data", "poster", "action"):
            assert re.match(r"data:|#|$", attrs.get(name) or "")
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = document.all("meta")[1]["content"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'sha256-" in policy
    assert "http" not in policy


def test_a_page_is_small_and_has_no_free_style(tmp_path):
    record = record_of(tmp_path)
    for page in (html(*pages_of(record)), page_of(record)):
        assert len(page) < 400_000
        assert "unsafe-inline" not in page
        assert not any("style" in attrs for _, attrs in Document(page).elements)


def test_the_same_journal_gives_the_same_page(tmp_path):
    record = record_of(tmp_path)
    here = page_of(record)
    assert page_of(record) == here
    # Another process puts sets in another order.
    program = (
        "import sys, pathlib, harness.journal.read as read, tests.report.html.test_html as t\n"
        "page = t.page_of(read.read_journal(pathlib.Path(sys.argv[1])))\n"
        "sys.stdout.buffer.write(page.encode())"
    )
    there = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[3],
    )
    assert there.stdout.decode() == here


# --- plots --------------------------------------------------------------------


def drawn(plot):
    """The trials that a plot draws, as mappings, by architecture and number."""
    found = {}
    for space in json.loads(plot.item)["spaces"]:
        for trial, x, y, score, status, epochs, took, config, training in space["trials"]:
            found[space["name"], trial] = {
                "x": x, "y": y, "score": score, "status": status, "epochs": epochs, "took": took,
                "config": dict(zip(space["config"], config, strict=True)),
                "training": dict(zip(space["training"], training, strict=True)),
            }  # fmt: skip
    return found


def test_every_trial_is_drawn_with_its_story(tmp_path):
    record = record_of(tmp_path)
    digits, _ = plots(record)
    told = drawn(digits)
    searched = [r for r in record.results if r.task == "digits" and r.phase == "search"]
    assert len(told) == len(searched)
    for result in searched:
        row = told[result.space, result.number]
        assert row["status"].startswith(result.status)
        assert row["config"]["units"] == result.config["units"]
        assert row["training"]["optimizer"] == "adamw"
        assert (row["y"] is None) == (result.score is None)
        if result.score is not None:
            assert row["y"] == pytest.approx(result.score, rel=1e-4)


def test_colours_agree_with_the_static_figures(tmp_path):
    record = record_of(tmp_path)
    figure = leaderboard_figure(record)
    line = figure.axes[0].get_lines()[0]
    best = figure.axes[0].get_yticklabels()[0].get_text()
    from matplotlib.colors import to_hex

    assert dict(plots(record)[0].keys)[best] == to_hex(line.get_color())


def test_a_large_sweep_is_thinned_and_says_so(tmp_path):
    record = record_of(tmp_path, tasks=("digits",), trials=1, failures=False)
    sweep = Sweep("quick", ("digits",), ("mlp", "cnn"))
    base = trial_result(sweep, "digits", "mlp", "search", 0)
    many = tuple(
        dataclasses.replace(base, number=i, score=0.5 + 0.3 * (i * 7919 % 3001) / 3001)
        for i in range(5000)
    )
    (plot,) = plots(dataclasses.replace(record, history=many, ended_searches={}))
    trials = drawn(plot).values()
    assert MOST <= len(trials) <= MOST + 40
    assert max(t["y"] for t in trials) == pytest.approx(max(r.score for r in many), rel=1e-4)
    assert re.match(r"2,9\d\d trials left out, evenly spread over the search", plot.note)
    assert len(plot.item) < 300_000


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(math.nan)),
    st.lists(st.floats(-1e6, 1e6), min_size=1),
    st.sampled_from(["max", "min"]),
)
def test_the_best_is_in_sight(scores, ends, direction):
    low, high = view(scores, ends, direction, logarithmic=False)
    best = max if direction == "max" else min
    assert low < min(ends) <= max(ends) < high
    assert low < best(*ends, *filter(math.isfinite, scores), ends[0]) < high


def test_far_outliers_among_the_poor_are_not_in_sight():
    low, high = view([*np.linspace(0.8, 0.9, 50), 0.1], [0.9], "max", logarithmic=False)
    assert 0.6 < low < 0.8
    assert 0.9 < high < 1
    low, high = view([1e-4, 1e-3, 1e-2, 1e-3, 1e9], [1e-4], "min", logarithmic=True)
    assert 1e-5 < low < 1e-4
    assert 1e-2 < high < 1e3


# --- odd sweeps ---------------------------------------------------------------


def failed(result):
    return dataclasses.replace(
        result,
        status="failed",
        score=None,
        metrics={},
        curve=(),
        failure=Failure("code", "no luck"),
    )


def odd(record, kind):
    if kind == "failed":
        history = tuple(e for e in record.history if getattr(e, "phase", "search") == "search")
        return edited(dataclasses.replace(record, history=history), failed)
    if kind == "half":
        half = record.history[: len(record.history) // 2]
        return dataclasses.replace(record, history=half, ended_searches={})
    if kind in ("nan", "inf"):
        bad = float(kind)
        return edited(
            record,
            lambda e: dataclasses.replace(
                e,
                score=bad if e.number == 1 else e.score,
                metrics=dict.fromkeys(e.metrics, bad) if e.number == 1 else e.metrics,
            ),
        )
    return record


@pytest.mark.parametrize("kind", ["failed", "one seed", "half", "nan", "inf"])
def test_odd_sweeps_are_right_and_readable(tmp_path, kind):
    seeds = (0,) if kind == "one seed" else (0, 1, 2)
    record = odd(record_of(tmp_path, seeds=seeds), kind)
    page = page_of(record)
    document = Document(page)
    assert document.faults == []
    assert not re.search(r"\b(nan|inf|Infinity)\b", document.text)
    says = {
        "failed": "no architecture has a confirmed result (8 search trials, 8 without a score)",
        "one seed": "one seed, so no interval",
        "half": "The sweep is unfinished: 4 of 4 cells still at work.",
        "nan": "has a score on 2 of 3 seeds only",
        "inf": "has a score on 2 of 3 seeds only",
    }
    assert says[kind] in document.text
    has_plots = any("canvas" in (attrs.get("class") or "") for _, attrs in document.elements)
    assert has_plots == (kind != "failed")
    for plot in plots(record):
        json.loads(plot.item, parse_constant=pytest.fail)


def test_a_sweep_that_has_only_begun(tmp_path):
    record = dataclasses.replace(record_of(tmp_path), history=(), ended_searches={})
    assert plots(record) == ()
    assert "No trial has been asked for yet." in Document(page_of(record)).text
