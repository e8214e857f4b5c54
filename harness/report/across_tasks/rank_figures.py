"""Figures across tasks: critical-difference diagrams and performance profiles."""

from collections.abc import Sequence
from functools import partial

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MultipleLocator,
    NullLocator,
    PercentFormatter,
)

from harness.report.across_tasks.profiles import Profile, profile_figure_name, shares
from harness.report.across_tasks.ranks import (
    CommonTasks,
    critical_difference,
    nemenyi,
    rank_figure_name,
    task_ranks,
)
from harness.report.figure_style import FAINT, INK, STYLE, Drawing, Styles, label, legend

LONGEST_NAME = 40
WIDEST = 100.0
"""Factors beyond this are not drawn: there the lines only say what is reached at last."""


def rank_figures(found: Sequence[CommonTasks], styles: Styles) -> dict[str, Drawing]:
    """The critical-difference diagram of each set of tasks in common, by its name."""
    return {
        rank_figure_name(place): partial(rank_figure, common, styles)
        for place, common in enumerate(found, start=1)
    }


def rank_figure(common: CommonTasks, styles: Styles) -> Figure:
    """Average ranks on a line, the best on the left; a bar joins those that are not told apart.

    Demšar (2006), "Statistical comparisons of classifiers over multiple data sets", JMLR 7.
    """
    # Imported here, as it takes seconds that most reports need not spend.
    from scikit_posthocs import critical_difference_diagram

    ranks = task_ranks(common)
    average = dict(zip(common.spaces, ranks.mean(axis=0), strict=True))
    with matplotlib.rc_context(STYLE):
        height = 1.5 + 0.16 * len(common.spaces)
        figure = Figure(figsize=(6.4, height), layout="constrained", facecolor="white")
        axes = figure.subplots()
        drawn = critical_difference_diagram(
            average,
            nemenyi(ranks, common.spaces),
            ax=axes,
            label_fmt_left="{label} ({rank:.2f})",
            label_fmt_right="({rank:.2f}) {label}",
            color_palette={space: styles[space]["color"] for space in common.spaces},
            elbow_props={"clip_on": False},
            crossbar_props={"color": INK, "linewidth": 2.5},
            marker_props={"s": 22, "clip_on": False},
            text_h_margin=0.04 * (len(common.spaces) - 1),
        )
        for bar in np.ravel(drawn["crossbars"]):
            # Their ends come out of a set, in another order in each process.
            bar.set_xdata(sorted(bar.get_xdata()))
        for text in drawn["labels"]:
            text.set_text(label(text.get_text(), LONGEST_NAME + 7))
        axes.spines["top"].set_visible(True)
        axes.set_xlim(1, len(common.spaces))
        axes.xaxis.set_major_locator(MultipleLocator(1))
        axes.set_title(f"average rank on {len(common.tasks)} tasks, 1 is best", pad=8)
        _mark_distance(axes, critical_difference(*ranks.shape), len(common.spaces))
    return figure


def _mark_distance(axes: Axes, distance: float, spaces: int) -> None:
    """A bar above the ranks, as long as the critical difference where the line has the room."""
    low, _ = axes.get_ylim()
    end, note = 1 + distance, f"critical difference {distance:.2f}"
    if end > spaces:
        end, note = float(spaces), f"{note}, more than the whole line"
    axes.plot([1, end], [1.9, 1.9], color=FAINT, linewidth=2.5, marker="|", clip_on=False)
    axes.text(1, 2.2, note, color=FAINT, va="bottom")
    axes.set_ylim(low, 3.2)


def profile_figures(found: Sequence[Profile], styles: Styles) -> dict[str, Drawing]:
    """The performance profile of each set of tasks in common, by its name."""
    return {
        profile_figure_name(place): partial(profile_figure, each, styles)
        for place, each in enumerate(found, start=1)
    }


def profile_figure(found: Profile, styles: Styles) -> Figure:
    """One line an architecture: share of tasks within a factor of the fastest (`profile`)."""
    reached = found.ratios[np.isfinite(found.ratios)]
    end = min(WIDEST, max(2.0, 1.2 * float(reached.max())))
    factors = np.unique(np.append(reached[reached <= end], [1.0, end]))
    lines = shares(found.ratios, factors)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.2), layout="constrained", facecolor="white")
        axes = figure.subplots()
        for number, space in enumerate(found.spaces):
            # Lines on top of each other are drawn a little apart.
            shift = 0.006 * (number - (len(found.spaces) - 1) / 2)
            axes.step(factors, lines[:, number] + shift, where="post", linewidth=1.8,
                      **styles[space])  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlim(1, end)
        axes.set_ylim(-0.04, 1.04)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(color="#ececec", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_title(f"time to the same validation score on {len(found.tasks)} tasks")
        axes.set_xlabel("times the seconds of the fastest architecture (logarithmic scale)")
        axes.set_ylabel("share of tasks")
        legend(figure, list(found.spaces), styles)
    return figure
