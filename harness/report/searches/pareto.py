"""Which architectures are worth their cost: the Pareto fronts of a task."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import EngFormatter, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from harness.analysis.cells import CellResults
from harness.analysis.statistics import far_apart
from harness.report.figure_style import FAINT, INK, STYLE, Styles, label, number_decades
from harness.report.text import listed, number
from harness.spec import Direction
from harness.system.markdown import code
from harness.trial import Cost

LONGEST_NAME = 24
LETTER = 0.022
"""Width of a letter of a name, in shares of a panel."""
WIDE = 5
"""Costs that differ by more than so many times have a logarithmic scale."""


@dataclass(frozen=True)
class Price:
    """One of the costs that a score is set against."""

    what: str
    """As a sentence names it."""
    axis: str
    of: Callable[[Cost], float | None]


PRICES = (
    Price("parameters", "parameters", lambda cost: cost.parameters),
    Price("training time", "seconds of a confirmation run", lambda cost: cost.trained_seconds),
    Price("latency", "milliseconds to predict one example", lambda cost: cost.latency_ms),
)

HOW_TO_READ = """\
Each is on the front of a cost if no other architecture has a better mean score at no more of that \
cost, nor as good a one at less. Scores are means over the seeds and costs their medians: a place \
on the front says nothing of whether the differences could be luck."""


def pareto_front(points: npt.ArrayLike, directions: Sequence[Direction]) -> npt.NDArray[np.bool_]:
    """Which points no other point dominates (Pareto 1906, "Manuale di economia politica").

    A point dominates another if it is no worse in any dimension and better in one. Equal points
    do not dominate each other: both are on the front, or neither.

    Args:
        points: shape (points, dimensions); one with a value that is not a number is never on
            the front and dominates none. Infinite values count.
        directions: which way each dimension gets better.

    Returns:
        Shape (points,).
    """
    table = np.asarray(points, dtype=np.float64).reshape(-1, len(directions))
    gains = table * [1.0 if direction == "max" else -1.0 for direction in directions]
    # Comparisons with NaN are false, so such a point dominates none; it must be left out itself.
    no_worse = (gains[:, None] >= gains[None]).all(axis=2)
    better = (gains[:, None] > gains[None]).any(axis=2)
    dominated = (no_worse & better).any(axis=0)
    return np.asarray(~dominated & ~np.isnan(table).any(axis=1))


def priced(
    group: Sequence[CellResults], price: Price
) -> tuple[list[CellResults], npt.NDArray[np.bool_]]:
    """The cells of a task with a score and a cost, cheapest first, and who is on the front."""
    known = [c for c in group if c.scores and math.isfinite(c.median_cost(price.of))]
    known.sort(key=lambda cell: cell.median_cost(price.of))
    points = [(cell.mean, cell.median_cost(price.of)) for cell in known]
    direction: Direction = group[0].direction if group else "max"
    return known, pareto_front(np.array(points).reshape(-1, 2), (direction, "min"))


def comparable(tasks: Mapping[str, Sequence[CellResults]]) -> dict[str, Sequence[CellResults]]:
    """Tasks on which two architectures or more have a score, which alone have a front to see."""
    return {task: group for task, group in tasks.items() if sum(bool(c.scores) for c in group) > 1}


def fronts(group: Sequence[CellResults]) -> str:
    """Which architectures of a task are on the front of each cost, in a sentence."""
    parts = []
    for price in PRICES:
        known, front = priced(group, price)
        names = [code(cell.space) for cell, on in zip(known, front, strict=True) if on]
        if len(known) > 1:
            rest = ", all of them" if len(names) == len(known) > 1 else ""
            parts.append(f"{price.what}: {listed(names)}{rest}")
    return f"On the front of score against {'; '.join(parts)}." if parts else ""


def pareto_figure(task: str, group: Sequence[CellResults], styles: Styles) -> Figure:
    """Mean test score of each architecture against parameters, training seconds and latency.

    The stairs are the front: below them (above, where less is better) some architecture is as
    good and as cheap. Filled points are on it.

    Args:
        task: its name, for the title.
        group: the cells of the task.
        styles: of the architectures.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.5, 3.6), layout="constrained", facecolor="white")
        panels = figure.subplots(1, len(PRICES), sharey=True)
        figure.suptitle(label(task, 60), x=0.01, ha="left", fontsize=11, fontweight="bold")
        best = group[0].direction
        if logarithmic := far_apart([cell.mean for cell in group if cell.scores], best):
            panels[0].set_yscale("log")
        panels[0].margins(y=0.14)
        for axes, price in zip(panels, PRICES, strict=True):
            _panel(axes, group, price, styles)
        if logarithmic:
            number_decades(panels[0].yaxis)
        better = "higher" if best == "max" else "lower"
        panels[0].set_ylabel(f"test {label(group[0].metric, 40) or 'score'} ({better} is better)")
        for axes, price in zip(panels, PRICES, strict=True):
            _name(axes, *priced(group, price), price)
        _keys(figure)
    return figure


def _panel(axes: Axes, group: Sequence[CellResults], price: Price, styles: Styles) -> None:
    known, front = priced(group, price)
    axes.grid(color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(price.axis)
    if not known:
        axes.text(0.5, 0.5, "not measured", color=FAINT, style="italic", ha="center",
                  transform=axes.transAxes)  # fmt: skip
        axes.set_xticks([])
        return
    costs = np.array([cell.median_cost(price.of) for cell in known])
    scores = np.array([cell.mean for cell in known])
    if logarithmic := costs.min() > 0 and costs.max() > WIDE * costs.min():
        axes.set_xscale("log")
    axes.step(costs[front], scores[front], where="post", color=FAINT, linewidth=1.2, zorder=1)
    for cell, x, y, on in zip(known, costs, scores, front, strict=True):
        colour = styles[cell.space]["color"]
        axes.plot(x, y, "o", markersize=8, color=colour, markerfacecolor=colour if on else "white")
    # Room for the names, which stand to the right of their points.
    if logarithmic:
        reach = costs.max() / costs.min()
        axes.set_xlim(costs.min() / reach**0.12, costs.max() * reach**0.45)
        number_decades(axes.xaxis)
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        reach = float(np.ptp(costs)) or abs(float(costs.max())) or 1.0
        axes.set_xlim(costs.min() - 0.12 * reach, costs.max() + 0.45 * reach)
        short = EngFormatter(sep="") if costs.max() >= 1e5 else None  # 1.5M
        axes.xaxis.set_major_formatter(short or FuncFormatter(lambda value, _: number(value)))
        axes.locator_params(axis="x", nbins=5)


def _name(
    axes: Axes, known: Sequence[CellResults], front: npt.NDArray[np.bool_], price: Price
) -> None:
    """Writes each architecture beside its point, where it covers no other point or name."""
    data = [(cell.median_cost(price.of), cell.mean) for cell in known]
    if not data:
        return
    places = axes.transAxes.inverted().transform(axes.transData.transform(data))
    points = [Bbox.from_bounds(x - 0.02, y - 0.03, 0.04, 0.06) for x, y in places]
    names: list[Bbox] = []
    for cell, on, (x, y), where in zip(known, front, places, data, strict=True):
        text = label(cell.space, LONGEST_NAME)
        wide = LETTER * len(text)
        boxes = [
            Bbox.from_bounds(x + (0.035 if right else -0.035 - wide), y + up - 0.035, wide, 0.07)
            for up in (0, 0.05, -0.05, 0.1, -0.1, 0.15, -0.15, 0.2, -0.2)
            for right in (True, False)
        ]
        inside = [box for box in boxes if box.x0 >= 0 and box.x1 <= 1] or boxes
        free = (box for box in inside if not box.count_overlaps([*points, *names]))
        box = next(free, inside[0])
        names.append(box)
        axes.annotate(
            text, where, ((box.x0 if box.x0 > x else box.x1), box.y0 + 0.035),
            textcoords="axes fraction", va="center", ha="left" if box.x0 > x else "right",
            fontsize=8.5, color=INK if on else FAINT, in_layout=False,
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip


def _keys(figure: Figure) -> None:
    keys = [
        Line2D([], [], color=INK, marker="o", linestyle="", label="on the front"),
        Line2D([], [], color=INK, marker="o", markerfacecolor="white", linestyle="",
               label="behind it"),
    ]  # fmt: skip
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
