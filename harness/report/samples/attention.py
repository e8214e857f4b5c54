"""Figures of attention, one a task: where each architecture looks in the same few sentences."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from harness.analysis.exhibits import AttentionMap
from harness.report.figure_style import STYLE, UNKNOWN, Drawing, Styles, blues, breadth, labels
from harness.report.samples.section import SamplesByTask
from harness.report.text import figure_name

COLUMNS = 3
"""Sentences that are drawn of each architecture."""
MOST_TOKENS = 40
"""Tokens of a sentence that are drawn: more could not be read."""
WORD_START = "▁"
"""What SentencePiece writes in front of a word."""
CELL = 0.165
"""Inches of a token, along either axis."""
LETTER = 0.068
"""Inches of a letter of a token."""
BAR = 2.2
"""Inches of the colour bar."""
LEAST_ROWS = 6
"""Cells that a panel is high at the least, for the name of its axis."""
LEAST_WIDTH = 3.6
"""Inches, for the names of the architectures."""
LONGEST_TOKEN = 16


def attention_figures(samples: SamplesByTask, styles: Styles) -> dict[str, Drawing]:
    """The figure of each task with attention by its name, the best architecture on top."""
    figures: dict[str, Drawing] = {}
    for task, shown in samples.items():
        maps = {space: e.attention for space, e in shown.items() if e.attention}
        if maps:
            figures[figure_name("attention", task)] = partial(attention_figure, maps, styles)
    return figures


def attention_figure(maps: Mapping[str, Sequence[AttentionMap]], styles: Styles) -> Figure:
    """One row an architecture, one column a sentence: source across, translation down.

    Architectures that read the same tokens share the labels below the last of them.

    Args:
        maps: attention by architecture, which take the rows in this order.
        styles: of the architectures.
    """
    rows = [tuple(shown[:COLUMNS]) for shown in maps.values()]
    labelled = [_labelled(row, below) for row, below in pairwise([*rows, ()])]
    columns = max(map(len, rows))
    across = [[row[n] for row in rows if len(row) > n] for n in range(columns)]
    widths = [max(len(_drawn(m.source)) for m in column) for column in across]
    heights = [max(LEAST_ROWS, *(len(_drawn(m.target)) for m in row)) for row in rows]
    beside = [max(_inches(m.target) for m in column) for column in across]
    under = [
        max((_inches(row[n].source) for n in own), default=0)
        for row, own in zip(rows, labelled, strict=True)
    ]
    size = (
        max(CELL * sum(widths) + sum(beside) + 0.7, LEAST_WIDTH),
        CELL * sum(heights) + sum(under) + 0.35 * len(rows),
    )
    with matplotlib.rc_context(STYLE):
        spacing = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.05)
        figure = Figure(figsize=size, layout=spacing, facecolor="white")
        panels = figure.subplots(
            len(rows), columns, squeeze=False, width_ratios=widths, height_ratios=heights
        )
        for axes, row, own, space in zip(panels, rows, labelled, maps, strict=True):
            axes[0].set_title(space, color=styles[space]["color"])
            for n, shown in enumerate(row):
                _panel(axes[n], shown, first=n == 0, labelled=n in own)
            for empty in axes[len(row) :]:
                empty.set_axis_off()
        _bar(figure, panels, shrink=min(1.0, BAR / size[1]))
    return figure


def _labelled(row: Sequence[AttentionMap], below: Sequence[AttentionMap]) -> list[int]:
    """The columns of a row that need labels of the source, as the panel below has others."""
    return [n for n, m in enumerate(row) if len(below) <= n or below[n].source != m.source]


def _panel(axes: Axes, shown: AttentionMap, first: bool, labelled: bool) -> None:
    source, target = _drawn(shown.source), _drawn(shown.target)
    weights = np.array(shown.weights, "float64")[: len(target), : len(source)]
    axes.imshow(weights, cmap=blues(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    names = _words(source) if labelled else [""] * len(source)
    axes.set_xticks(range(len(source)), names, rotation=90)
    axes.set_yticks(range(len(target)), _words(target))
    if labelled:
        axes.set_xlabel(_named("source", shown.source))
    if first or len(target) < len(shown.target):
        axes.set_ylabel(_named("translation", shown.target))
    axes.tick_params(labelsize=8, length=0, pad=2)
    axes.spines[:].set(visible=True, color=UNKNOWN, linewidth=0.6)


def _bar(figure: Figure, panels: np.ndarray, shrink: float) -> None:
    scale = ScalarMappable(Normalize(0, 1), blues())
    bar = figure.colorbar(scale, ax=panels, shrink=shrink, aspect=22, pad=0.015, ticks=[0, 0.5, 1])
    bar.set_label("weight")
    bar.outline.set_linewidth(0.6)


def _drawn(tokens: Sequence[str]) -> Sequence[str]:
    return tokens[:MOST_TOKENS]


def _named(side: str, tokens: Sequence[str]) -> str:
    """The name of an axis, which says what of a long sentence is left out."""
    cut = len(tokens) > MOST_TOKENS
    return f"{side}, first {MOST_TOKENS} of {len(tokens)}" if cut else side


def _inches(tokens: Sequence[str]) -> float:
    """How far the labels of tokens reach out of a panel, with the name of the axis."""
    return LETTER * max(map(breadth, _words(_drawn(tokens)))) + 0.32


def _words(tokens: Sequence[str]) -> list[str]:
    """Tokens as they are read: a piece that goes on with a word begins with a dot."""
    pieces = any(token.startswith(WORD_START) for token in tokens)
    return labels([_word(token, pieces) for token in tokens], LONGEST_TOKEN)


def _word(token: str, pieces: bool) -> str:
    if token.startswith(WORD_START):
        token = token.removeprefix(WORD_START) or "·"
    elif pieces and token[:1].isalnum():
        token = f"·{token}"
    return token
