"""Figures of confusion matrices, one a task: which class each architecture takes for which."""

import math
from collections.abc import Mapping
from functools import partial

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from harness.analysis.exhibits import Confusion
from harness.report.figure_style import INK, STYLE, UNKNOWN, Drawing, Styles, blues, breadth, labels
from harness.report.samples.section import SamplesByTask
from harness.report.text import figure_name

COLUMNS = 3
"""Panels side by side, if they are small."""
WIDEST = 13.0
"""Inches of several panels side by side: on a page, a wider figure could not be read."""
MOST_COUNTED = 10
"""Classes up to which the counts are written into the cells."""
MOST_NAMED = 40
"""Classes up to which they are named beside the panel."""
COUNTED, NAMED, SIDE = 0.42, 0.165, 5.0
"""Inches of a cell with its count, of one whose class is named, and of a panel of more."""
LEAST_SIDE = 1.3
"""Inches of a panel, for the names of the architecture and of the axes."""
LETTER = 0.068
"""Inches of a letter of a class."""
LONGEST_CLASS = 24
BAR = 2.2
"""Inches of the colour bar."""


def confusion_figures(samples: SamplesByTask, styles: Styles) -> dict[str, Drawing]:
    """The figure of each task with confusion matrices by its name, the best one first."""
    figures: dict[str, Drawing] = {}
    for task, shown in samples.items():
        matrices = {space: e.confusion for space, e in shown.items() if e.confusion}
        if matrices:
            figures[figure_name("confusion", task)] = partial(confusion_figure, matrices, styles)
    return figures


def confusion_figure(matrices: Mapping[str, Confusion], styles: Styles) -> Figure:
    """One panel an architecture: the true class down, the predicted one across.

    Shades are shares of the examples of the true class; a class without any is grey.

    Args:
        matrices: confusion by architecture, which take the panels in this order.
        styles: of the architectures.
    """
    side = max(_side(len(matrix.classes)) for matrix in matrices.values())
    beside = max(_inches(matrix) for matrix in matrices.values())
    columns = min(COLUMNS, len(matrices), max(1, int(WIDEST / (side + beside + 0.1))))
    rows = math.ceil(len(matrices) / columns)
    size = (columns * (side + beside + 0.1) + 0.8, rows * (side + beside + 0.35))
    with matplotlib.rc_context(STYLE):
        spacing = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.05)
        figure = Figure(figsize=size, layout=spacing, facecolor="white")
        panels = figure.subplots(rows, columns, squeeze=False)
        for axes, (space, matrix) in zip(panels.flat, matrices.items(), strict=False):
            axes.set_title(space, color=styles[space]["color"])
            _panel(axes, matrix)
        for empty in panels.flat[len(matrices) :]:
            empty.set_axis_off()
        scale = ScalarMappable(Normalize(0, 1), blues())
        shrink = min(1.0, BAR / size[1])
        bar = figure.colorbar(scale, ax=panels, shrink=shrink, aspect=22, pad=0.015,
                              ticks=[0, 0.5, 1])  # fmt: skip
        bar.set_label("share of the true class")
        bar.outline.set_linewidth(0.6)
    return figure


def _panel(axes: Axes, matrix: Confusion) -> None:
    counts = np.array(matrix.counts, "float64")
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    axes.imshow(shares, cmap=blues(), vmin=0, vmax=1, interpolation="nearest")
    if len(matrix.classes) <= MOST_COUNTED:
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > 0.5 else INK
            axes.text(column, row, f"{matrix.counts[row][column]:,}", ha="center", va="center",
                      color=colour, fontsize=7.5)  # fmt: skip
    many = f", {len(matrix.classes)} classes in their order" if not _named(matrix) else ""
    places = range(len(matrix.classes)) if _named(matrix) else []
    names = labels(matrix.classes, LONGEST_CLASS) if _named(matrix) else []
    axes.set_xticks(places, names, rotation=90)
    axes.set_yticks(places, names)
    axes.set_xlabel(f"prediction{many}")
    axes.set_ylabel(f"truth{many}")
    axes.tick_params(labelsize=8, length=0, pad=2)
    axes.spines[:].set(visible=True, color=UNKNOWN, linewidth=0.6)


def _named(matrix: Confusion) -> bool:
    return len(matrix.classes) <= MOST_NAMED


def _side(classes: int) -> float:
    """Inches of a panel."""
    if classes > MOST_NAMED:
        return SIDE
    return max(LEAST_SIDE, classes * (COUNTED if classes <= MOST_COUNTED else NAMED))


def _inches(matrix: Confusion) -> float:
    """How far the names of classes reach out of a panel, with the name of the axis."""
    names = labels(matrix.classes, LONGEST_CLASS) if _named(matrix) else [""]
    return LETTER * max(map(breadth, names)) + 0.32
