"""Best validation score while a search goes on, and how long it takes to reach a target."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from harness.analysis.cells import CellResults
from harness.analysis.statistics import far_apart, running_best
from harness.report.figure_style import (
    FAINT,
    INK,
    STYLE,
    WIDTH,
    Styles,
    label,
    number_decades,
    time_unit,
)
from harness.report.searches import permutations
from harness.report.searches.permutations import Numbers, Trials
from harness.sweep.question import Tuner

LONGEST_NAME = 40
HEIGHT = 2.9
"""Inches of a task's panels."""


@dataclass(frozen=True)
class Curve:
    """A line of the figure, and its band where there is one."""

    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None


def trials_of(cell: CellResults) -> Trials:
    """The search trials of a cell with the scores of their epochs, in the order they ended.

    Trials without a score cost their seconds and have none, whatever their epochs reached: there
    is no model of them.
    """
    rows = [_scores_within(cell, number) for number in range(len(cell.search))]
    points = max((len(row) for row in rows), default=1)
    table = np.array([row + row[-1:] * (points - len(row)) for row in rows]).reshape(-1, points, 2)
    return Trials(
        cost=np.array([result.cost.seconds for result in cell.search], dtype=np.float64),
        seconds=np.maximum.accumulate(table[:, :, 0], axis=1),
        scores=table[:, :, 1],
        direction=cell.objective.direction,
    )


def _scores_within(cell: CellResults, number: int) -> list[tuple[float, float]]:
    """Seconds since the start of a trial and the validation score reached then."""
    result = cell.search[number]
    score, end = cell.score(result), result.cost.seconds
    name = f"val_{cell.objective.metric}"
    epochs = result.curve if math.isfinite(score) else ()
    points = [(row.get("seconds", 0.0), row.get(name, math.nan)) for row in epochs]
    return [*((min(s, end) if s >= 0 else end, value) for s, value in points), (end, score)]


def exchangeable(cell: CellResults, tuner: Tuner) -> Trials | None:
    """The trials of a cell if each order of them was as likely, the default configuration first.

    `None` of other tuners than random search, whose suggestions follow from what came before,
    and as long as the default configuration has no result.
    """
    ordered = sorted(range(len(cell.search)), key=lambda place: cell.search[place].number)
    if tuner != "random" or not ordered or cell.search[ordered[0]].number != 0:
        return None
    trials = trials_of(cell)
    return Trials(
        trials.cost[ordered], trials.seconds[ordered], trials.scores[ordered], trials.direction
    )


def curves(cell: CellResults, tuner: Tuner) -> tuple[Curve, Curve]:
    """Best validation score of a cell against seconds and against trials."""
    if trials := exchangeable(cell, tuner):
        last = [cell.score(r) for r in sorted(cell.search, key=lambda result: result.number)]
        bands = permutations.by_seconds(trials), permutations.by_trials(last, trials.direction)
        first, second = (Curve(band.x, band.mean, band.low, band.high) for band in bands)
        return first, second
    seconds, best = permutations.observed(trials_of(cell))
    scores = [cell.score(result) for result in cell.search]
    steps = running_best(scores, cell.objective.direction)
    return Curve(seconds, best), Curve(np.arange(1.0, len(steps) + 1), steps)


def anytime_figure(
    tasks: Mapping[str, Sequence[CellResults]], tuner: Tuner, styles: Styles
) -> Figure:
    """A row a task: best validation score against the seconds and the trials of a search.

    Seconds are those of the workers, summed over the trials, so that the number of workers does
    not matter. Of random search the line is the mean over all orders of the trials, and the band
    holds the middle 90 % of them (`permutations.by_trials`); of other tuners there is one path.

    Args:
        tasks: cells by task, the best first.
        tuner: of the sweep.
        styles: of the architectures.
    """
    size = (2 * WIDTH, HEIGHT * max(1, len(tasks)) + 0.4)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        if not tasks:
            figure.text(0.5, 0.5, "No trial has been asked for yet.", ha="center", color=FAINT)
            return figure
        panels = figure.subplots(len(tasks), 2, squeeze=False, sharey="row")
        for row, (task, group) in zip(panels, tasks.items(), strict=True):
            _task_row(row, task, group, tuner, styles)
        shown = {cell.space for group in tasks.values() for cell in group}
        keys: list[Any] = [
            Line2D([], [], linewidth=2, label=label(name, LONGEST_NAME), **look)
            for name, look in styles.items()
            if name in shown
        ]
        if tuner == "random":
            keys.append(Patch(color=INK, alpha=0.18, label="90 % of the orders"))
        columns = min(6, len(keys))
        figure.legend(handles=keys, loc="outside lower center", ncols=columns, frameon=False)
    return figure


def _task_row(
    row: Sequence[Axes],
    task: str,
    group: Sequence[CellResults],
    tuner: Tuner,
    styles: Styles,
) -> None:
    scale, unit = time_unit(max(cell.search_seconds for cell in group))
    lines: list[Numbers] = []
    for cell in group:
        by_seconds, by_trials = curves(cell, tuner)
        if not np.isfinite(by_trials.y).any():
            continue
        _draw(row[0], by_seconds, styles[cell.space], scale)
        _draw(row[1], by_trials, styles[cell.space], 1.0)
        lines += [curve.y[np.isfinite(curve.y)] for curve in (by_seconds, by_trials)]
    row[0].set_title(label(task, LONGEST_NAME))
    row[0].set_xlabel(f"training {unit}, summed over trials")
    row[1].set_xlabel("trials, failed ones included")
    row[0].set_xlim(left=0)
    row[1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))  # of one trial, too
    metric = label(group[0].objective.metric, LONGEST_NAME)
    row[0].set_ylabel(f"best validation {metric or 'score'}")
    for axes in row:
        axes.grid(color="#ececec", linewidth=0.8)
        if not lines:
            axes.text(0.5, 0.5, "no trial has a score", color=FAINT, style="italic", ha="center",
                      transform=axes.transAxes)  # fmt: skip
            axes.set(xticks=[], yticks=[])
    if lines:
        _zoom(row[0], lines, group[0])


def _draw(axes: Axes, curve: Curve, look: Mapping[str, Any], scale: float) -> None:
    x, colour = curve.x / scale, look["color"]
    if curve.low is None or curve.high is None:
        # Of thousands of epochs only those that improve the best are drawn.
        kept = np.flatnonzero(np.diff(curve.y, prepend=np.nan, append=np.nan)[:-1] != 0)
        kept = np.union1d(kept, [len(x) - 1])
        axes.step(x[kept], curve.y[kept], where="post", linewidth=1.8, **look)
    else:
        axes.step(x, curve.y, where="post", linewidth=1.8, **look)
        axes.fill_between(x, curve.low, curve.high, step="post", color=colour, alpha=0.18,
                          linewidth=0)  # fmt: skip
    axes.plot(x[-1], curve.y[-1], "o", color=colour, markersize=4)


def _zoom(axes: Axes, lines: Sequence[Numbers], cell: CellResults) -> None:
    """Limits of the scores, which the panels of a row share."""
    if far_apart([line[-1] for line in lines], cell.objective.direction):
        low, high = _view([np.log10(line) for line in lines])
        axes.set(yscale="log", ylim=(10**low, 10**high))
        number_decades(axes.yaxis)
    else:
        axes.set_ylim(*_view(lines))


def _view(lines: Sequence[Numbers]) -> tuple[float, float]:
    """Limits that show how the searches improve: poor first epochs may fall outside."""
    early = [line[int(0.15 * len(line))] for line in lines]
    ends = [line[-1] for line in lines]
    low, high = min(early + ends), max(early + ends)
    pad = 0.06 * (high - low) or 0.01 * abs(high) or 1.0
    return float(low - pad), float(high + pad)
