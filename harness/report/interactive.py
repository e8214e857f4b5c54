"""Plots of every trial that a person may point at, embedded in the HTML report by Bokeh."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, HoverTool, PrintfTickFormatter, Range1d, TapTool
from bokeh.models.renderers import DataRenderer
from bokeh.plotting import figure
from bokeh.resources import Resources
from matplotlib.colors import to_hex

from harness.lines import counted
from harness.record import SweepRecord
from harness.report.cells import Cell, by_task, cells
from harness.report.dots import dots, line, view
from harness.report.figures import looks, time_unit
from harness.report.statistics import far_apart

MOST = 2000
"""Trials drawn of a task. Bokeh moves so many without stutter, and they fill the plot."""
HEIGHT = 380
"""Pixels of a plot."""
GREY = "#59636e"
"""Of all that is no data. In the dark the page turns lightness about, as in the figures."""
DASHES = {"-": "solid", "--": "dashed", "-.": "dotdash", ":": "dotted"}
"""Bokeh's names of Matplotlib's dashes."""
TOLD = ("space", "number", "score", "status", "epochs", "took", "config", "training")
"""What is told of a trial; `report.js` knows these names."""
_ID = re.compile(r"p\d+")


@dataclass(frozen=True)
class Plot:
    """The search on one task, ready to be embedded."""

    task: str
    item: str
    """JSON that BokehJS draws, safe within a script element."""
    keys: tuple[tuple[str, str], ...]
    """Architectures and their colours. What belongs to number i is named `space-i`."""
    note: str
    """What the plot leaves out; empty if nothing."""


def plots(record: SweepRecord) -> tuple[Plot, ...]:
    """One plot for each task that has a scored trial; the same journal gives the same plots."""
    styles = looks(record)
    found = (_plot(task, group, styles) for task, group in by_task(cells(record)).items())
    return tuple(plot for plot in found if plot is not None)


def library() -> str:
    """BokehJS, without widgets, tables and whatever else these plots do not use."""
    resources = Resources(mode="inline", components=["bokeh"], minified=True, log_level="warn")
    return "\n".join(resources.js_raw)


def plot_box(plot: Plot, number: int) -> str:
    """The place of a plot in the page, which `report.js` fills when it comes into sight."""
    keys = "".join(
        f'<button type="button" aria-pressed="true" data-name="space-{i}">'
        f'<span class="swatch" style="background:{colour}"></span>{escape(name)}</button>'
        for i, (name, colour) in enumerate(plot.keys)
    )
    note = f'<p class="note">{escape(plot.note)}</p>' if plot.note else ""
    return (
        f'<div class="plot"><h3 id="plot-{number}-title"><code>{escape(plot.task)}</code></h3>\n'
        f'<div class="canvas" id="plot-{number}" role="img" '
        f'aria-labelledby="plot-{number}-title"></div>\n'
        f'<div class="keys" role="group" aria-label="Architectures">{keys}</div>\n'
        f'<p class="told" aria-live="polite">Point at a trial to read what it was.</p>{note}\n'
        f'<script type="application/json" data-plot="plot-{number}">{plot.item}</script></div>'
    )


def _plot(task: str, group: Sequence[Cell], styles: Mapping[str, Mapping[str, Any]]) -> Plot | None:
    objective = group[0].objective
    lines = {cell.space: line(cell) for cell in group}
    ends = [float(best[-1]) for _, best in lines.values() if best.size]
    if not ends:
        return None
    logarithmic = far_apart(ends, objective.direction)
    scores = [cell.score(result) for cell in group for result in cell.search]
    # Lines may hold epochs of trials that failed later, and so scores that no trial has.
    limits = view(scores, ends, objective.direction, logarithmic)
    longest = max(cell.search_seconds for cell in group)
    scale, unit = time_unit(longest)
    shape = _frame(longest / scale, limits, logarithmic)
    shape.xaxis.axis_label = f"training {unit}, summed over trials"
    shape.yaxis.axis_label = f"validation {objective.metric or 'score'}"
    shown, hidden, keys = list[DataRenderer](), 0, list[tuple[str, str]]()
    for number, cell in enumerate(group):
        colour, dash = to_hex(styles[cell.space]["color"]), styles[cell.space]["linestyle"]
        seconds, best = lines[cell.space]
        if best.size:
            x, y = np.append(seconds, cell.search_seconds), np.append(best, best[-1])
            shape.step(
                x / scale, y, mode="after", name=f"space-{number}", level="annotation",
                line_width=2, line_color=colour, line_dash=DASHES[dash],
            )  # fmt: skip
        rows = dots(cell, scale, MOST // len(group))
        hidden += len(cell.search) - len(rows)
        shown += _scatter(shape, rows, f"space-{number}", colour)
        keys.append((cell.space, colour))
    _tell(shape, shown)
    low, high = limits
    outside = sum(math.isfinite(score) and not low <= score <= high for score in scores)
    text = json.dumps(_numbered(dict(json_item(shape)), {}), separators=(",", ":"))
    return Plot(task, text.replace("<", "\\u003c"), tuple(keys), _note(hidden, outside))


def _frame(end: float, limits: tuple[float, float], logarithmic: bool) -> figure:
    """An empty plot with the looks of the page, over times from 0 to `end`."""
    shape = figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        x_range=Range1d(start=-0.01 * end, end=1.02 * end or 1.0),
        y_range=Range1d(start=limits[0], end=limits[1]),
        y_axis_type="log" if logarithmic else "linear",
        tools="pan,box_zoom,wheel_zoom,reset",
        # A finger on the plot, or a turn of the wheel, moves the page.
        active_drag=None,
        active_scroll=None,
    )
    shape.extra_y_ranges = {"edge": Range1d(start=0, end=1)}
    shape.background_fill_color = shape.border_fill_color = shape.outline_line_color = None
    shape.toolbar.logo = None
    shape.toolbar.autohide = True
    shape.grid.grid_line_color = GREY
    shape.grid.grid_line_alpha = 0.25
    if logarithmic:
        shape.yaxis.formatter = PrintfTickFormatter(format="%g")
    axes: Any = shape.axis
    axes.axis_line_color = axes.major_tick_line_color = GREY
    axes.minor_tick_line_color = None
    axes.axis_label_text_color = axes.major_label_text_color = GREY
    axes.axis_label_text_font_style = "normal"
    axes.axis_label_text_font = axes.major_label_text_font = "system-ui, sans-serif"
    axes.axis_label_text_font_size = axes.major_label_text_font_size = "12px"
    return shape


def _scatter(
    shape: figure, rows: Sequence[Mapping[str, Any]], name: str, colour: str
) -> list[DataRenderer]:
    """Dots for trials with a score; crosses on the lower edge for those without."""
    scored = [row for row in rows if row["score"]]
    failed = [{**row, "y": 0.02} for row in rows if not row["score"]]
    style: dict[str, Any] = {
        "name": name,
        "color": colour,
        "fill_alpha": 0.45,
        "selection_fill_alpha": 1.0,
        "nonselection_fill_alpha": 0.45,
        "nonselection_line_alpha": 1.0,
    }
    drawn: list[DataRenderer] = []
    if scored:
        size = 8 if len(scored) <= 100 else 5
        drawn.append(shape.scatter(source=_source(scored), size=size, **style))
    if failed:
        style |= {"marker": "x", "y_range_name": "edge"}
        drawn.append(shape.scatter(source=_source(failed), size=7, **style))
    return drawn


def _tell(shape: figure, shown: Sequence[DataRenderer]) -> None:
    """Has a trial say what it was when it is pointed at."""
    # Bokeh puts the values of `@` fields into the page as text, never as HTML. All else that is
    # known of a trial is too wide for a phone here, and told below the plot.
    told = [("", "@space"), ("trial", "@number"), ("score", "@score")]
    # A finger cannot hover, it taps.
    hover = HoverTool(renderers=list(shown), tooltips=told, limit=3)
    shape.add_tools(hover, TapTool(renderers=list(shown)))


def _source(rows: Sequence[Mapping[str, Any]]) -> ColumnDataSource:
    columns = ("x", "y", *TOLD)
    return ColumnDataSource({name: [row[name] for row in rows] for name in columns})


def _note(hidden: int, outside: int) -> str:
    parts = []
    if hidden:
        parts.append(
            f"{counted(hidden, 'trial')} left out, evenly spread over the search: none of them "
            "was the best so far."
        )
    if outside:
        parts.append(f"{counted(outside, 'trial')} with a far worse score outside of the view.")
    return " ".join(parts)


def _numbered(value: Any, names: dict[str, str]) -> Any:
    """The value with Bokeh's identifiers numbered from 1.

    Bokeh counts on from one plot of a process to the next, so that the same plot would not be
    the same text twice.
    """
    if isinstance(value, Mapping):
        return {
            name: names.setdefault(item, f"p{len(names) + 1}")
            if name in ("id", "root_id") and isinstance(item, str) and _ID.fullmatch(item)
            else _numbered(item, names)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_numbered(item, names) for item in value]
    return value
