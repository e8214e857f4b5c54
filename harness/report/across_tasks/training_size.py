"""Figures of scores against the number of labelled examples.

A task that has a part of the training examples of another one, and the same test split, is named
like it with the percentage: `sst2_10` and `sst2_30` beside `sst2`. Such a family has a figure
`examples-<task>`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from harness.analysis.cells import CellResults
from harness.journal.record import SweepRecord
from harness.report.figure_style import STYLE, Drawing, Styles, label, legend
from harness.report.text import figure_name, image, listed
from harness.system.markdown import code, plain

_PART = re.compile(r"(.+)_([1-9]\d?)")
"""The name of a task with less than all the examples, in percent."""
FAR = 1.5
"""How many times a training split may be off the size that its name says."""
APART = 0.012
"""How far the lines are moved from each other along x, in shares of a decade, so that their
intervals do not cover each other."""
LONGEST_NAME = 40


@dataclass(frozen=True)
class Family:
    """Tasks that differ in how many labelled examples they have."""

    name: str
    parts: Mapping[int, str]
    """Tasks by percent of the training examples, smallest first; 100 is all of them."""
    examples: Mapping[int, int]
    """Training examples by percent."""
    cells: Mapping[str, Mapping[int, CellResults]]
    """Cells with a score by architecture, the best on all examples first, and by percent."""

    @property
    def metric(self) -> str:
        """The test metric of all of the tasks."""
        return next(iter(next(iter(self.cells.values())).values())).metric


def families(record: SweepRecord, groups: Mapping[str, Sequence[CellResults]]) -> list[Family]:
    """The families of a sweep that have scores at two sizes or more.

    Names alone are not trusted: tasks whose training splits are not as large beside each other
    as the names say, or which are judged by different measures, are no family.

    Args:
        record: the journal.
        groups: cells by task, the best first.
    """
    stems: dict[str, dict[int, str]] = {}
    for task in record.sweep.tasks:
        if match := _PART.fullmatch(task):
            stems.setdefault(match[1], {})[int(match[2])] = task
    for stem, parts in stems.items():
        if stem in record.sweep.tasks:
            parts[100] = stem
    found = (_family(record, stem, parts, groups) for stem, parts in stems.items())
    return [family for family in found if family is not None]


def _family(
    record: SweepRecord,
    stem: str,
    named: Mapping[int, str],
    groups: Mapping[str, Sequence[CellResults]],
) -> Family | None:
    scored = {
        percent: [cell for cell in groups.get(named[percent], []) if cell.scores]
        for percent in sorted(named)
    }
    parts = {percent: named[percent] for percent, group in scored.items() if group}
    known = {percent: record.tasks[task] for percent, task in parts.items() if task in record.tasks}
    examples = {percent: task.sizes.get("train", 0) for percent, task in known.items()}
    wholes = [count / percent for percent, count in examples.items()]
    if len(known) < 2 or not min(wholes) or max(wholes) > FAR * min(wholes):
        return None
    if len({task.judged_by for task in known.values()}) > 1:
        return None
    order = dict.fromkeys(cell.space for p in reversed(known) for cell in scored[p])
    by_space = {
        space: {p: cell for p in known for cell in scored[p] if cell.space == space}
        for space in order
    }
    return Family(stem, parts, examples, by_space)


def examples_figures(found: Sequence[Family], styles: Styles) -> dict[str, Drawing]:
    """The figure of each family of tasks by its name."""
    return {
        figure_name("examples", family.name): partial(examples_figure, family, styles)
        for family in found
    }


def examples_figure(family: Family, styles: Styles) -> Figure:
    """One line an architecture: mean test score and 95 % t interval at each size.

    Args:
        family: the tasks and their cells.
        styles: of the architectures.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.4), layout="constrained", facecolor="white")
        axes = figure.subplots()
        axes.set_xscale("log")
        for number, (space, line) in enumerate(family.cells.items()):
            moved = 10 ** (APART * (number - (len(family.cells) - 1) / 2))
            _line(axes, line, moved, styles[space])
        ticks = [f"{percent} %\n{count:,}" for percent, count in family.examples.items()]
        axes.set_xticks(list(family.examples), ticks)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(x=0.08, y=0.08)
        axes.grid(axis="y", color="#ececec", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_title(label(family.name, LONGEST_NAME))
        axes.set_xlabel("training examples (logarithmic scale)")
        axes.set_ylabel(f"test {label(family.metric, LONGEST_NAME)}")
        legend(figure, list(family.cells), styles)
    return figure


def _line(
    axes: Axes, line: Mapping[int, CellResults], moved: float, style: Mapping[str, Any]
) -> None:
    intervals = {percent * moved: cell.interval for percent, cell in line.items()}
    axes.plot(list(intervals), [interval.mean for interval in intervals.values()],
              marker="o", markersize=4, linewidth=1.8, **style)  # fmt: skip
    for x, interval in intervals.items():
        if not math.isnan(interval.low):
            ends = [interval.low, interval.high]
            axes.plot([x, x], ends, color=style["color"], linewidth=1.2, alpha=0.7)


def training_size_section(found: Sequence[Family]) -> str:
    """The figure of each family of tasks, with a line that says what it shows."""
    blocks = []
    for family in found:
        parts = [f"{percent} % ({code(task)})" for percent, task in family.parts.items()]
        blocks += [
            f"### {code(family.name)}",
            image("Score against training examples", figure_name("examples", family.name)),
            f"Mean test {plain(family.metric)} with its 95 % interval after training on "
            f"{listed(parts)} of the labelled examples.",
        ]
    return "\n\n".join(blocks)
