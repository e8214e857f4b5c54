"""The figures and the section of the report on which hyperparameters mattered."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import threadpoolctl  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.cells import CellResults
from harness.analysis.statistics import Interval
from harness.report.figure_style import FAINT, INK, STYLE, WIDTH, blues, label, legend
from harness.report.searches.factors import EPOCHS, factors
from harness.report.searches.gain import Asking
from harness.report.searches.importance import (
    LEAST_EXPLAINED,
    LEAST_TRIALS,
    Importance,
    Surrogate,
    surrogate,
)
from harness.report.searches.interaction import Interaction, strongest_interaction
from harness.report.text import decimals, number, span
from harness.system.markdown import NOTHING, code, table
from harness.trial import Asked

SHOWN = 8
"""Hyperparameters in a figure; `SAID` of them in the table."""
SAID = 3
MAPS = 2
"""Interactions of a task in a figure; the table names all."""
LONGEST_NAME = 28
HOW_TO_READ = f"""\
A random forest learns from two thirds of an architecture's scored trials to rank the others. R² \
is the share of the variance of their ranks that it explains, and an importance is how much of it \
is lost when one hyperparameter is shuffled among them, with 95 % intervals over refits to other \
thirds. With fewer than {LEAST_TRIALS} scored trials nothing is said; where R² is not above zero \
for sure, or below {LEAST_EXPLAINED:g}, importances would describe noise and are left out. An \
importance holds for the ranges of this search and for the trials it drew. Trials without a score \
have no part in it: a hyperparameter that makes training fail does not show here."""
OF_INTERACTIONS = """\
An interaction is the pair of hyperparameters whose joint effect is clearest, named only where it \
is certain beyond the effects of each alone (F test at 5 %, corrected for all pairs) and at least \
2 % of the variance of the scores. Shown are the strongest: mean validation scores by both, and \
below each mean the number of trials. Which effects add up depends on the scale of the score."""


@dataclass(frozen=True)
class Study:
    """What the scored trials of a cell say of its hyperparameters."""

    cell: CellResults
    surrogate: Surrogate
    interaction: Interaction | None


def studies(found: Sequence[CellResults], asked: Asking) -> dict[tuple[str, str], Study]:
    """A study of each cell (task, space) with enough scored trials."""
    # The matrices are small: threads would take three times as long, and cores from the workers.
    with threadpoolctl.threadpool_limits(1):
        known = {(c.task, c.space): _study(c, asked.get((c.task, c.space), {})) for c in found}
    return {key: study for key, study in known.items() if study}


def _study(cell: CellResults, asked: Mapping[int, Asked]) -> Study | None:
    varied, scores = factors(cell, asked)
    direction = cell.objective.direction
    found = surrogate(varied, scores, direction)
    if found is None:
        return None
    # Where a forest finds nothing, the best of many pairs is luck.
    pair = strongest_interaction(varied, scores, direction) if found.explains else None
    return Study(cell, found, pair)


def importances(group: Sequence[Study]) -> str:
    """A table of the cells of a task."""
    rows = [
        [code(study.cell.space), str(study.surrogate.trials),
         f"{number(study.surrogate.explained.mean, 2)} ({span(study.surrogate.explained, 2)})",
         _most_important(study.surrogate), _pair(study.interaction)]
        for study in group
    ]  # fmt: skip
    headers = ["architecture", "scored trials", "R²", "most important", "interaction"]
    return table(headers, rows)


def _pair(found: Interaction | None) -> str:
    if found is None:
        return NOTHING
    return f"{code(found.rows)} and {code(found.columns)} ({number(100 * found.share, 0)} %)"


def _most_important(found: Surrogate) -> str:
    if not found.explains:
        return "the surrogate explains nothing"
    sure = [one for one in found.importances if one.lost.low > 0]
    said = [f"{_code(one)} {number(one.lost.mean, 2)} ({span(one.lost, 2)})" for one in sure[:SAID]]
    return ", ".join(said) or "none for sure"


def _code(one: Importance) -> str:
    return "the epochs of a trial" if one.name == EPOCHS else code(one.name)


def importance_figure(
    task: str, group: Sequence[Study], styles: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """A row a hyperparameter: its importance to each architecture that has it, with intervals.

    Args:
        task: its name, for the title.
        group: studies whose surrogates explain something.
        styles: looks of the architectures, as `figures.looks` gives them.
    """
    found = {s.cell.space: {one.name: one.lost for one in s.surrogate.importances} for s in group}
    most = {name: max(own[name].mean for own in found.values() if name in own)
            for own in found.values() for name in own}  # fmt: skip
    rows = sorted(most, key=lambda name: -most[name])[:SHOWN]
    height = 1.3 + len(rows) * (0.14 + 0.06 * len(group)) + 0.2 * math.ceil(len(group) / 4)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, height), layout="constrained", facecolor="white")
        axes = figure.add_subplot()
        for place, (space, own) in enumerate(found.items()):
            # The lines of a row stand below each other, the best architecture on top.
            moved = 0.72 * ((place + 0.5) / len(found) - 0.5)
            shown = [(row + moved, own[name]) for row, name in enumerate(rows) if name in own]
            for y, lost in shown:
                axes.plot([lost.low, lost.high], [y, y], linewidth=1.6, **styles[space])
            axes.plot([lost.mean for _, lost in shown], [y for y, _ in shown], "o", markersize=4,
                      color=styles[space]["color"])  # fmt: skip
        axes.axvline(0, color=FAINT, linewidth=1.2, zorder=0)
        axes.set_yticks(range(len(rows)), [label(name, LONGEST_NAME) for name in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_title(label(task, 60))
        axes.set_xlabel("R² lost when shuffled")
        legend(figure, list(found), styles)
    return figure


def interaction_figure(task: str, group: Sequence[tuple[CellResults, Interaction]]) -> Figure:
    """Heat maps of the strongest interactions: mean validation score by two hyperparameters.

    Dark is good in either direction of the score.

    Args:
        task: its name, for the title.
        group: cells with an interaction, of which `MAPS` are shown.
    """
    strongest = sorted(group, key=lambda entry: -entry[1].share)[:MAPS]
    with matplotlib.rc_context(STYLE):
        size = (WIDTH * len(strongest) + 1.2 * (len(strongest) == 1), 3.4)
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        figure.suptitle(label(task, 60), x=0.01, ha="left", fontsize=11, fontweight="bold")
        panels = figure.subplots(1, len(strongest), squeeze=False)[0]
        for axes, (cell, pair) in zip(panels, strongest, strict=True):
            _heat_map(axes, cell, pair)
    return figure


def _heat_map(axes: Axes, cell: CellResults, pair: Interaction) -> None:
    known = pair.means[np.isfinite(pair.means)]
    low, high = float(known.min()), float(known.max())
    digits = decimals([Interval(low, low, low), Interval(high, high, high)])
    shares = (pair.means - low) / ((high - low) or 1.0)
    shares = shares if cell.objective.direction == "max" else 1 - shares
    axes.imshow(np.ma.masked_invalid(shares), cmap=blues(), vmin=0, vmax=1, aspect="auto")
    for (row, column), mean in np.ndenumerate(pair.means):
        if np.isfinite(mean):
            ink = "white" if shares[row, column] > 0.55 else INK
            text = f"{number(mean, digits)}\n{pair.counts[row, column]}"
            # Inside of its panel by all means, so the layout need not ask for its size.
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8,
                      in_layout=False)  # fmt: skip
    axes.set_yticks(range(len(pair.row_levels)), [label(t, 18) for t in pair.row_levels])
    # A range of numbers takes two lines, as four of them do not fit beside each other.
    wide = [label(t, 18).replace(" to ", " to\n") for t in pair.column_levels]
    axes.set_xticks(range(len(wide)), wide)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel(label(pair.rows, LONGEST_NAME))
    axes.set_xlabel(label(pair.columns, LONGEST_NAME))
    axes.set_title(label(cell.space, LONGEST_NAME))
