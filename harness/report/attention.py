"""Heat maps of attention, and scores against length: one figure of each a task."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from harness.journal import SweepRecord
from harness.report.cells import by_task, cells
from harness.report.exhibits import AttentionMap, Exhibits, LengthScores
from harness.report.figures import STYLE, looks
from harness.report.looking import figure_name, span
from harness.report.tables import one_line

COLUMNS = 3
"""Sentences that are drawn of each architecture."""
MOST_TOKENS = 40
"""Tokens of a sentence that are drawn: more could not be read."""
WORD_START = "▁"
"""What SentencePiece writes in front of a word."""
INCHES = 0.19
"""Of a token."""
LONGEST_TOKEN = 16


def attention_figures(record: SweepRecord, exhibits: Exhibits) -> dict[str, Figure]:
    """The figures of each task that has attention or scores by length, by their names."""
    figures = {}
    for task, group in by_task(cells(record)).items():
        shown = {c.space: exhibits[task, c.space] for c in group if (task, c.space) in exhibits}
        maps = {space: e.attention for space, e in shown.items() if e.attention}
        if maps:
            figures[figure_name("attention", task)] = attention_figure(maps, looks(record))
        lengths = {s: e.scores_by_length for s, e in shown.items() if e.scores_by_length}
        if lengths:
            figures[figure_name("length", task)] = length_figure(task, lengths, looks(record))
    return figures


def attention_figure(
    maps: Mapping[str, Sequence[AttentionMap]], styles: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """One row an architecture, one column a sentence: source across, translation down.

    Args:
        maps: attention by architecture, which take the rows in this order.
        styles: colour of each architecture, as `figures.looks` gives them.
    """
    columns = min(COLUMNS, max(map(len, maps.values())))
    drawn = {space: shown[:columns] for space, shown in maps.items()}
    widths = [
        max(min(len(shown[n].source), MOST_TOKENS) for shown in drawn.values() if len(shown) > n)
        for n in range(columns)
    ]
    heights = [max(min(len(m.target), MOST_TOKENS) for m in shown) for shown in drawn.values()]
    size = (INCHES * sum(widths) + 1.3 * columns + 1.2, INCHES * sum(heights) + 1.1 * len(maps))
    with matplotlib.rc_context(STYLE):
        spacing = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
        figure = Figure(figsize=size, layout=spacing, facecolor="white")
        panels = figure.subplots(
            len(maps), columns, squeeze=False, width_ratios=widths, height_ratios=heights
        )
        image = ScalarMappable(Normalize(0, 1), "Blues")
        for row, (space, shown) in zip(panels, drawn.items(), strict=True):
            for axes, map_ in zip(row, shown, strict=False):
                _panel(axes, map_)
            for axes in row[len(shown) :]:
                axes.set_axis_off()
            row[0].set_title(space, color=styles[space]["color"])
        figure.colorbar(image, ax=panels, label="weight", shrink=0.5, aspect=30, pad=0.01)
    return figure


def _panel(axes: Axes, shown: AttentionMap) -> None:
    source, target = shown.source[:MOST_TOKENS], shown.target[:MOST_TOKENS]
    weights = np.array(shown.weights, "float64")[: len(target), : len(source)]
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(source)), [_token(token) for token in source], rotation=90)
    axes.set_yticks(range(len(target)), [_token(token) for token in target])
    axes.tick_params(labelsize=7.5, length=0)
    axes.spines[:].set_visible(False)


def _token(token: str) -> str:
    """A piece as it is read: what goes on with a word begins with a dot."""
    line = one_line(token)
    if line.startswith(WORD_START):
        line = line.removeprefix(WORD_START) or "·"
    elif line.isalnum():
        line = f"·{line}"
    return line if len(line) <= LONGEST_TOKEN else line[: LONGEST_TOKEN - 1] + "…"


def length_figure(
    task: str, lengths: Mapping[str, LengthScores], styles: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """Score of each architecture in each bucket of lengths.

    Args:
        task: its name, for the title.
        lengths: scores by architecture.
        styles: looks of the architectures, as `figures.looks` gives them.
    """
    first = next(iter(lengths.values()))
    keys = sorted({(b.first, b.last or np.inf) for s in lengths.values() for b in s.buckets})
    names = {(b.first, b.last or np.inf): span(b) for s in lengths.values() for b in s.buckets}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained", facecolor="white")
        axes = figure.subplots()
        for space, scores in lengths.items():
            places = [keys.index((b.first, b.last or np.inf)) for b in scores.buckets]
            values = [b.score for b in scores.buckets]
            axes.plot(places, values, marker="o", markersize=4, linewidth=1.8, **styles[space])
        axes.grid(axis="y", color="#ececec", linewidth=0.8)
        axes.set_xticks(range(len(keys)), [names[key] for key in keys])
        axes.set_title(task)
        axes.set_xlabel(one_line(first.unit))
        axes.set_ylabel(one_line(first.metric))
        axes.set_ylim(bottom=0)
        handles = [Line2D([], [], linewidth=2, label=s, **styles[s]) for s in lengths]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure
