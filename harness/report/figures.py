"""Static figures of a sweep, for the report and for papers."""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness.record import SweepRecord
from harness.report.cells import Cell, by_task, cells
from harness.report.statistics import far_apart, mean_interval
from harness.report.words import number

PALETTE = [c for i, c in enumerate(matplotlib.color_sequences["petroff10"]) if i not in (3, 8)]
"""Colours told apart with any colour vision, without the greys: Petroff, arXiv:2107.02270."""
STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "text.parse_math": False,
    "svg.hashsalt": "harness",
}
DPI = 160
WIDTH = 4.8
"""Inches of one panel."""
DASHES = ("-", "--", "-.", ":")
INK, FAINT = "#333333", "#8a8a8a"


def leaderboard_figure(record: SweepRecord) -> Figure:
    """One panel a task: mean and 95 % t interval of each architecture, its seeds as dots.

    Baseline and published reference are lines where they are near enough, and otherwise
    an arrow that says where they lie.
    """
    tasks = by_task(cells(record))
    styles = looks(record)
    largest = max((len(group) for group in tasks.values()), default=1)
    with matplotlib.rc_context(STYLE):
        figure, panels = _panels(len(tasks), height=1.25 + 0.36 * largest)
        for axes, (task, group) in zip(panels, tasks.items(), strict=True):
            _leaderboard_panel(axes, task, group, styles)
        keys = [
            Line2D([], [], color=INK, marker="o", label="mean, 95 % interval"),
            Line2D([], [], color=INK, marker=".", alpha=0.5, linestyle="", label="one seed"),
            Line2D([], [], color=FAINT, linestyle="--", label="baseline"),
            Line2D([], [], color=FAINT, linestyle=":", linewidth=1.8, label="published"),
        ]
        figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    return figure


def image(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    """The figure as the bytes of a file, the same every time."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context(STYLE):
        if figure.axes and (engine := figure.get_layout_engine()):
            # Once for all kinds: it takes as long as drawing, and moves a little each time.
            figure.set_dpi(DPI)
            engine.execute(figure)
            figure.set_layout_engine("none")
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


def _panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels, two a row; a note instead when there is none."""
    columns = 1 if count < 2 else 2
    rows = max(1, math.ceil(count / columns))
    size = (WIDTH * columns + 1.2 * (columns == 1), height * rows + 0.4)
    spacing = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=size, layout=spacing, facecolor="white")
    panels = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
    if not panels:
        figure.text(0.5, 0.5, "No trial has been asked for yet.", ha="center", color=FAINT)
    return figure, panels


def looks(record: SweepRecord) -> dict[str, dict[str, Any]]:
    """An architecture has one look in all figures of a sweep; dashes tell the ninth and on."""
    return {
        name: {
            "color": PALETTE[i % len(PALETTE)],
            "linestyle": DASHES[i // len(PALETTE) % len(DASHES)],
        }
        for i, name in enumerate(record.sweep.spaces)
    }


def _leaderboard_panel(
    axes: Axes, task: str, group: Sequence[Cell], styles: dict[str, dict[str, Any]]
) -> None:
    for row, cell in enumerate(group):
        colour = styles[cell.space]["color"]
        if not cell.scores:
            axes.text(0.02, row, "no confirmed result", color=FAINT, style="italic", va="center",
                      transform=axes.get_yaxis_transform())  # fmt: skip
            continue
        interval = mean_interval(cell.scores)
        if not math.isnan(interval.low):
            axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2.2)
        offsets = row + 0.24 + np.zeros(len(cell.scores))
        axes.plot(cell.scores, offsets, ".", color=colour, alpha=0.55, markersize=5)
        axes.plot(interval.mean, row, "o", color=colour, markersize=7, markeredgecolor="white")
    axes.set_yticks(range(len(group)), [cell.space for cell in group])
    axes.set_ylim(len(group) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(task)
    better = "higher" if group[0].direction == "max" else "lower"
    note = f"{better} is better"
    if far_apart([cell.mean for cell in group if cell.scores], group[0].direction):
        axes.set_xscale("log")
        number_decades(axes.xaxis)
        note += ", logarithmic scale"
    else:
        axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(f"test {group[0].metric or 'score'} ({note})")
    if any(cell.scores for cell in group):
        _mark_bounds(axes, group[0])
    else:
        axes.set_xticks([])


def number_decades(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 of each decade, or at 1 alone where there are many."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())


def _mark_bounds(axes: Axes, cell: Cell) -> None:
    """Draws baseline and reference where they do not squeeze the scores together."""
    scale, back = _scale(axes)
    low, high = (scale(end) for end in axes.get_xlim())
    bounds = sorted([(cell.baseline, "baseline", "--"), (cell.reference, "published", ":")])
    reach = high - low
    for value, _, style in bounds:
        place = scale(value)
        if low - reach < place < high + reach:
            width = 1.8 if style == ":" else 1.2
            axes.axvline(value, color=FAINT, linestyle=style, linewidth=width, zorder=0)
            low, high = min(low, place - 0.06 * reach), max(high, place + 0.06 * reach)
    axes.set_xlim(back(low), back(high))
    notes = []
    for value, name, _ in bounds:
        if math.isfinite(value) and not low <= scale(value) <= high:
            left = scale(value) < low
            notes.append(f"← {name} {number(value)}" if left else f"{name} {number(value)} →")
    if notes:
        axes.set_xlabel(axes.get_xlabel() + "\n" + "     ".join(notes))


def _scale(axes: Axes) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """From a value to its place along the x axis, and back."""
    if axes.get_xscale() == "linear":
        return float, float
    return lambda value: math.log10(value) if value > 0 else -math.inf, lambda place: 10**place


def time_unit(seconds: float) -> tuple[float, str]:
    """Seconds of the unit that a person would choose for an axis of such a length, its name."""
    if seconds < 300:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")
