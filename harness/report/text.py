"""Numbers and text as the report writes them, in Markdown that data cannot break."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from harness.analysis.cells import CellResults
from harness.analysis.statistics import FAR, Interval, far_apart
from harness.system.markdown import NOTHING, code
from harness.system.text import counted

LONG = 1e12
"""From here on numbers are written by their magnitude: a model that failed may have a perplexity
of hundreds of digits."""


def decimals(intervals: Sequence[Interval]) -> int:
    """Decimal places that tell scores of one metric apart: three figures, or four if sure."""
    known = [abs(i.mean) for i in intervals if math.isfinite(i.mean)]
    largest = max(known, default=0.0)
    if largest == 0:
        return 3
    # An accuracy of exactly 1 is written as finely as one of 0.999.
    places = max(0, 2 - math.floor(math.log10(largest * 0.999)))
    halves = [(i.high - i.low) / 2 for i in intervals if i.high > i.low]
    fine = bool(halves) and statistics.median(halves) < 2 * 10**-places
    return min(places + fine, 12)


def number(value: float, places: int | None = None) -> str:
    """A number with so many decimal places, or with three significant figures.

    Nothing has no sign; what only rounds to nothing keeps it, as an interval from `-0.00`
    holds zero and one from `0.00` may not.
    """
    if not math.isfinite(value):
        return NOTHING
    value += 0.0  # -0.0 becomes 0.0
    if abs(value) >= LONG:
        return f"{value:.3g}"
    if places is not None:
        return f"{value:,.{places}f}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def span(interval: Interval, places: int) -> str:
    """The ends of an interval, `0.981 to 0.993`."""
    if math.isnan(interval.low):
        return NOTHING
    return f"{number(interval.low, places)} to {number(interval.high, places)}"


def duration(seconds: float) -> str:
    """Seconds in the unit a person would choose."""
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 120:
        return f"{number(seconds)} s"
    if seconds < 7200:
        return f"{number(seconds / 60)} min"
    return f"{number(seconds / 3600)} h"


def milliseconds(value: float) -> str:
    """A latency."""
    return f"{number(value)} ms" if math.isfinite(value) else NOTHING


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def flat(value: Any) -> str:
    """A JSON value in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {flat(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(flat(item) for item in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


FigureKind: TypeAlias = Literal[
    "forecast",
    "attention",
    "length",
    "confusion",
    "examples",
    "pareto",
    "importance",
]


def figure_name(kind: FigureKind, task: str) -> str:
    """Name of a figure of a task, without its ending."""
    return f"{kind}-{task}"


def image(what: str, name: str) -> str:
    """A figure of the report's folder, with what it shows."""
    return f"![{what}]({name}.png)"


def numbered(names: Sequence[str]) -> str:
    """Names with their places, from 1, as `figure_style.labels` counts them."""
    return ", ".join(f"{number} {code(name)}" for number, name in enumerate(names, start=1))


def places(group: Sequence[CellResults]) -> int:
    """Decimal places for the scores of a task.

    A failure does not count: beside an error of 0.2, those of 0.0005 and 0.0009 would be equal.
    """
    intervals = [cell.interval for cell in group if cell.scores]
    means = [interval.mean for interval in intervals]
    if far_apart(means, group[0].direction):
        intervals = [i for i in intervals if i.mean <= FAR * min(means)]
    return decimals(intervals)


def score_of(cell: CellResults, digits: int) -> str:
    """`accuracy 0.987 (95 % interval 0.981 to 0.993, 3 seeds)`."""
    interval = cell.interval
    text = f"{cell.metric} {number(cell.mean, digits)}"
    if math.isnan(interval.low):
        one = "seed" if cell.searches == 1 else "search"
        return f"{text} (one {one}, so no interval)"
    return f"{text} (95 % interval {span(interval, digits)}, {runs(cell)})"


def runs(cell: CellResults) -> str:
    """`3 seeds`, or `9 runs of 3 searches`: what a mean is taken over."""
    if cell.searches == 1:
        return counted(len(cell.scores), "seed")
    return f"{counted(len(cell.scores), 'run')} of {len(cell.sample)} searches"
