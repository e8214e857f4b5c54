"""Figures of forecasts, one a task: every architecture on the same few windows."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from harness.analysis.exhibits import Forecast
from harness.report.figure_style import FAINT, INK, STYLE, Drawing, Styles, labels
from harness.report.samples.names import channels
from harness.report.samples.section import SamplesByTask
from harness.report.text import figure_name

COLUMNS = 3
"""Windows that are drawn of each architecture."""
LEAST_PAST = 48
"""Steps of the past that are drawn, however short the forecast."""
PAST = "#bbbbbb"
LONGEST_NAME = 40


def forecast_figures(samples: SamplesByTask, styles: Styles) -> dict[str, Drawing]:
    """The figure of each task with forecasts by its name, the best architecture on top."""
    figures: dict[str, Drawing] = {}
    for task, shown in samples.items():
        windows = {space: e.forecasts for space, e in shown.items() if e.forecasts}
        if windows:
            figures[figure_name("forecast", task)] = partial(forecast_figure, windows, styles)
    return figures


def forecast_figure(windows: Mapping[str, Sequence[Forecast]], styles: Styles) -> Figure:
    """One row an architecture, one column a window, with a common scale in each column.

    Args:
        windows: forecasts by architecture, which take the rows in this order.
        styles: of the architectures.
    """
    names = channels(windows.values())[:COLUMNS]
    columns = len(names)
    size = (3.4 * columns + 0.6, 1.35 * len(windows) + 0.9)
    with matplotlib.rc_context(STYLE):
        spacing = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.05)
        figure = Figure(figsize=size, layout=spacing, facecolor="white")
        panels = figure.subplots(len(windows), columns, sharex="col", sharey="col", squeeze=False)
        for row, (space, shown) in zip(panels, windows.items(), strict=True):
            row[0].set_ylabel(space, color=styles[space]["color"], fontweight="bold")
            for axes, window in zip(row, shown, strict=False):
                _panel(axes, window, styles[space]["color"])
            for axes in row[len(shown) :]:
                axes.set_axis_off()
        for column, name in enumerate(labels(names, LONGEST_NAME)):
            panels[0][column].set_title(name)
            panels[-1][column].set_xlabel("steps from now")
        figure.legend(
            handles=_keys(styles[next(iter(windows))]),
            loc="outside lower center",
            ncols=4 if columns > 1 else 2,
            frameon=False,
        )
    return figure


def _panel(axes: Axes, window: Forecast, colour: str) -> None:
    horizon = len(window.truth)
    # A long look-back would squeeze what the figure is for.
    past = _numbers(window.past)[-max(2 * horizon, LEAST_PAST) :]
    before, after = np.arange(1 - len(past), 1), np.arange(1, horizon + 1)
    axes.axvline(0.5, color="#e6e6e6", linewidth=0.8)
    axes.plot(before, past, color=PAST, linewidth=1.2)
    lines: list[tuple[Sequence[float | None], dict[str, Any]]] = [
        (window.truth, {"color": INK, "linewidth": 1.2}),
        (window.baseline, {"color": FAINT, "linewidth": 1, "linestyle": "--"}),
        (window.forecast, {"color": colour, "linewidth": 1.6}),
    ]
    for values, look in lines:
        # A single step is no line.
        axes.plot(after, _numbers(values), marker="." if horizon == 1 else "", **look)
    axes.tick_params(labelsize=8)


def _keys(look: Mapping[str, Any]) -> list[Line2D]:
    return [
        Line2D([], [], color=PAST, label="past"),
        Line2D([], [], color=INK, label="what came"),
        Line2D([], [], color=look["color"], linewidth=1.6, label="forecast"),
        Line2D([], [], color=FAINT, linestyle="--", label="baseline"),
    ]


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    """Shape (steps,); NaN, which leaves a gap, for what is no number."""
    return np.array([math.nan if value is None else value for value in values], "float64")
