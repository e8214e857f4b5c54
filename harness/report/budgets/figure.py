"""The figure of validation scores against epochs, seconds and operations."""

from collections.abc import Mapping, Sequence
from functools import partial

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.analysis.cells import CellResults
from harness.analysis.statistics import far_apart
from harness.report.budgets.course import Course
from harness.report.budgets.section import FIGURE, courses
from harness.report.figure_style import (
    STYLE,
    WIDTH,
    Drawing,
    Styles,
    label,
    legend,
    number_decades,
    time_unit,
)
from harness.spec import Direction

HEIGHT = 2.6
"""Inches of a task's panels."""
LONGEST_NAME = 40
BEGINNING = 0.15
"""Share of the budget whose scores may fall outside of a panel: they are far from the rest."""


def budget_figures(
    tasks: Mapping[str, Sequence[CellResults]], styles: Styles
) -> dict[str, Drawing]:
    """The figure, where a task has two architectures with curves."""
    known = {task: found for task, group in tasks.items() if (found := courses(group))}
    if not known:
        return {}
    metrics = {task: tasks[task][0].objective.metric for task in known}
    return {FIGURE: partial(budget_figure, known, metrics, styles)}


def budget_figure(
    known: Mapping[str, Sequence[Course]], metrics: Mapping[str, str], styles: Styles
) -> Figure:
    """A row a task, a panel a unit: means over the runs, with a band that holds all of them.

    Args:
        known: courses by task.
        metrics: the validation metric of each.
        styles: of the architectures.
    """
    columns = max(len(found) for found in known.values())
    with matplotlib.rc_context(STYLE):
        size = (WIDTH * columns, HEIGHT * len(known) + 0.4)
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        panels = figure.subplots(len(known), columns, squeeze=False, sharey="row")
        for row, (task, found) in zip(panels, known.items(), strict=True):
            for axes, course in zip(row, found, strict=False):
                _panel(axes, course, styles)
            for axes in row[len(found) :]:
                axes.set_axis_off()
            row[0].set_title(label(task, LONGEST_NAME))
            row[0].set_ylabel(f"best validation {label(metrics[task], LONGEST_NAME)}")
            _zoom(row[0], found)
        spaces = {space for found in known.values() for one in found for space in one.scores}
        legend(figure, [space for space in styles if space in spaces], styles)
    return figure


def _panel(axes: Axes, course: Course, styles: Styles) -> None:
    scale, name = 1.0, course.unit.name
    if name == "epochs":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif name == "seconds":
        scale, name = time_unit(float(course.spent[-1]))
        name = f"training {name}"
    elif name == "operations":
        scale, name = 1e12, "TFLOP"
    x = course.spent / scale
    for space, rows in course.scores.items():
        axes.plot(x, rows.mean(axis=0), linewidth=1.8, **styles[space])
        if len(rows) > 1:
            axes.fill_between(x, rows.min(axis=0), rows.max(axis=0), alpha=0.18, linewidth=0,
                              color=styles[space]["color"])  # fmt: skip
    axes.set_xlabel(name)
    axes.grid(color="#ececec", linewidth=0.8)


def _zoom(axes: Axes, found: Sequence[Course]) -> None:
    """Limits of the scores, which the panels of a row share."""
    rows = [course.means(space) for course in found for space in course.scores]
    later = [row[int(BEGINNING * len(row)) :] for row in rows]
    values = np.concatenate([row[np.isfinite(row)] for row in later])
    direction: Direction = found[0].direction
    if far_apart([float(row[-1]) for row in rows], direction):
        axes.set_yscale("log")
        number_decades(axes.yaxis)
        axes.set_ylim(values.min() / 1.2, values.max() * 1.2)
        return
    pad = 0.06 * float(np.ptp(values)) or 0.01 * abs(float(values[0])) or 1.0
    axes.set_ylim(float(values.min()) - pad, float(values.max()) + pad)
