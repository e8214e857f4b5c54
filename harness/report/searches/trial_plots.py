"""What the interactive plots of the searches show, as plain values: dots, lines and limits."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
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
"""Characters of a reason, or of a value of a configuration."""
MOST = 2000
"""Trials drawn of a task: a browser draws so many without stutter, and they fill the plot."""
DASHES = {"-": "", "--": "7 4", "-.": "7 4 2 4", ":": "2 4"}
"""Matplotlib's dashes in words of SVG."""


@dataclass(frozen=True)
class Plot:
    """The search on one task, ready to be embedded."""

    task: str
    item: str
    """JSON that `plots.js` draws, safe within a script element."""
    keys: tuple[tuple[str, str], ...]
    """Architectures and their colours. What belongs to number i is named `space-i`."""
    note: str
    """What the plot leaves out; empty if nothing."""


def plots(tasks: Mapping[str, Sequence[CellResults]], styles: Styles) -> tuple[Plot, ...]:
    """One plot for each task that has a scored trial; the same journal gives the same plots."""
    found = (_plot(task, group, styles) for task, group in tasks.items())
    return tuple(plot for plot in found if plot is not None)


def _plot(task: str, group: Sequence[CellResults], styles: Styles) -> Plot | None:
    objective = group[0].objective
    lines = {cell.space: line(cell) for cell in group}
    ends = [float(best[-1]) for _, best in lines.values() if best.size]
    if not ends:
        return None
    logarithmic = far_apart(ends, objective.direction)
    scores = [cell.score(result) for cell in group for result in cell.search]
    # Lines may hold epochs of trials that failed later, and so scores that no trial has.
    low, high = view(scores, ends, objective.direction, logarithmic)
    longest = max(cell.search_seconds for cell in group)
    scale, unit = time_unit(longest)
    chosen = {cell.space: drawn_trials(cell, MOST // len(group)) for cell in group}
    item = {
        "names": [
            f"training {unit}, summed over trials",
            f"validation {objective.metric or 'score'}",
        ],
        "x": [-0.01 * longest / scale, 1.02 * longest / scale or 1.0],
        "y": [low, high],
        "log": logarithmic,
        "spaces": [
            _space(cell, lines[cell.space], chosen[cell.space], scale, styles[cell.space])
            for cell in group
        ],
    }
    hidden = sum(len(cell.search) - len(chosen[cell.space]) for cell in group)
    outside = sum(math.isfinite(score) and not low <= score <= high for score in scores)
    text = json.dumps(item, separators=(",", ":"), allow_nan=False)
    keys = tuple((cell.space, to_hex(styles[cell.space]["color"])) for cell in group)
    return Plot(task, text.replace("<", "\\u003c"), keys, _note(hidden, outside))


def line(cell: CellResults) -> tuple[np.ndarray, np.ndarray]:
    """When the best validation score of a cell changed, in seconds, and what it then was."""
    seconds, best = observed(trials_of(cell))
    known = np.isfinite(best)
    seconds, best = seconds[known], best[known]
    changed = np.append(True, best[1:] != best[:-1])[: len(best)]
    return seconds[changed], best[changed]


def drawn_trials(cell: CellResults, most: int) -> list[int]:
    """Places of the trials that are drawn of a cell's search, about `most` of them at the most.

    Those left out are spread evenly; a trial that improved on all before it always stays.
    """
    scores = [cell.score(result) for result in cell.search]
    best = running_best(scores, cell.objective.direction)
    improved = np.append(True, best[1:] != best[:-1])[: len(best)] & np.isfinite(best)
    kept = np.zeros(len(scores), bool)
    kept[np.linspace(0, len(scores) - 1, min(len(scores), most)).astype(int)] = True
    return [int(place) for place in np.flatnonzero(kept | improved)]


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


def _space(
    cell: CellResults,
    steps: tuple[np.ndarray, np.ndarray],
    chosen: Sequence[int],
    scale: float,
    style: Mapping[str, Any],
) -> dict[str, Any]:
    """An architecture: its best so far, and its trials with the names of their values."""
    reached = np.cumsum([result.cost.seconds for result in cell.search]) / scale
    seconds, best = steps
    if best.size:
        seconds, best = np.append(seconds, cell.search_seconds), np.append(best, best[-1])
    trials = [cell.search[place] for place in chosen]
    config = list(dict.fromkeys(name for trial in trials for name in trial.config))
    training = list(dict.fromkeys(name for trial in trials for name in trial.training))
    return {
        "name": cell.space,
        "colour": to_hex(style["color"]),
        "dash": DASHES[style["linestyle"]],
        "line": [[_short(x), _short(y)] for x, y in zip(seconds / scale, best, strict=True)],
        "config": config,
        "training": training,
        "trials": [
            _trial(cell, trial, float(reached[place]), config, training)
            for place, trial in zip(chosen, trials, strict=True)
        ],
    }


def _trial(
    cell: CellResults,
    result: TrialResult,
    x: float,
    config: Sequence[str],
    training: Sequence[str],
) -> list[Any]:
    """Number, place, score as a person reads it, status, epochs, time, and its values."""
    score = cell.score(result)
    known = math.isfinite(score)
    reason = f": {result.failure.message}" if result.failure else ""
    return [
        result.number,
        _short(x),
        _short(score) if known else None,
        f"{score:.5g}" if known else "",
        _cut(f"{result.status}{reason}"),
        result.epochs,
        duration(result.cost.seconds),
        [_told(result.config, name) for name in config],
        [_told(result.training, name) for name in training],
    ]


def _told(values: Mapping[str, Any], name: str) -> str | int | None:
    """A value as a person reads it; `None` where there is none of this name."""
    if name not in values:
        return None
    value = values[name]
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _cut(flat(value))


def _short(value: float) -> float:
    """A number as finely as a screen can show it."""
    return float(f"{value:.5g}")


def _cut(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


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
