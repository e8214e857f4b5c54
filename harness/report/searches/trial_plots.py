"""What an interactive plot of a search shows, as plain values: dots, lines and limits."""

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

from harness.analysis.cells import CellResults
from harness.analysis.statistics import far_apart, running_best
from harness.report.figure_style import Styles, time_unit
from harness.report.searches.anytime import trials_of
from harness.report.searches.permutations import observed
from harness.report.text import duration, flat
from harness.spec import Direction
from harness.system.text import counted, one_line
from harness.trial import TrialResult

LONGEST = 240
"""Characters of a configuration or a reason."""


def line(cell: CellResults) -> tuple[np.ndarray, np.ndarray]:
    """When the best validation score of a cell changed, in seconds, and what it then was."""
    seconds, best = observed(trials_of(cell))
    known = np.isfinite(best)
    seconds, best = seconds[known], best[known]
    changed = np.append(True, best[1:] != best[:-1])[: len(best)]
    return seconds[changed], best[changed]


def dots(cell: CellResults, scale: float, most: int) -> list[dict[str, Any]]:
    """What is told of a cell's trials, of about `most` of them at the most.

    Those left out are spread evenly; a trial that improved on all before it always stays.
    """
    scores = [cell.score(result) for result in cell.search]
    best = running_best(scores, cell.objective.direction)
    reached = np.cumsum([result.cost.seconds for result in cell.search]) / scale
    improved = np.append(True, best[1:] != best[:-1])[: len(best)] & np.isfinite(best)
    kept = np.zeros(len(scores), bool)
    kept[np.linspace(0, len(scores) - 1, min(len(scores), most)).astype(int)] = True
    chosen = map(int, np.flatnonzero(kept | improved))
    return [_row(cell.search[i], float(reached[i]), scores[i]) for i in chosen]


def _row(result: TrialResult, x: float, score: float) -> dict[str, Any]:
    known = math.isfinite(score)
    reason = f": {result.failure.message}" if result.failure else ""
    return {
        "x": x,
        "y": score,
        "space": result.space,
        "number": result.number,
        "score": f"{score:.5g}" if known else "",
        "status": _cut(f"{result.status}{reason}"),
        "epochs": result.epochs,
        "took": duration(result.cost.seconds),
        "config": _told(result.config),
        "training": _told(result.training),
    }


def _told(values: Mapping[str, Any]) -> str:
    """Fields as a person reads them: `units 64, dropout 0.2`."""
    fields = (
        f"{name} {f'{value:.3g}' if isinstance(value, float) else flat(value)}"
        for name, value in values.items()
    )
    return _cut(", ".join(fields))


def _cut(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def view(
    scores: Sequence[float], ends: Sequence[float], direction: Direction, logarithmic: bool
) -> tuple[float, float]:
    """Limits of the scores first shown: without the far outliers among the poor ones.

    Tukey (1977), "Exploratory Data Analysis": far beyond a quartile is more than one and a half
    times the distance of the quartiles.

    Args:
        scores: those of the trials; ones that are not finite count as none.
        ends: the best of each architecture, which are always in sight.
        direction: which way scores get better.
        logarithmic: whether they are drawn on a logarithmic scale, where there is no zero.
    """
    known = np.array([score for score in (*scores, *ends) if math.isfinite(score)])
    bounds = np.array(ends)
    if logarithmic:
        known, bounds = np.log10(known[known > 0]), np.log10(bounds)
    low, high = float(known.min()), float(known.max())
    first, third = np.quantile(known, [0.25, 0.75])
    reach = 1.5 * float(third - first)
    if direction == "max":
        low = max(low, min(float(first) - reach, float(bounds.min())))
    else:
        high = min(high, max(float(third) + reach, float(bounds.max())))
    pad = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - pad, high + pad
    return (10**low, 10**high) if logarithmic else (low, high)


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


def plots(tasks: Mapping[str, Sequence[CellResults]], styles: Styles) -> tuple[Plot, ...]:
    """One plot for each task that has a scored trial; the same journal gives the same plots."""
    found = (_plot(task, group, styles) for task, group in tasks.items())
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


def _plot(task: str, group: Sequence[CellResults], styles: Styles) -> Plot | None:
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
