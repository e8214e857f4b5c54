"""What an interactive plot of a search shows, as plain values: dots, lines and limits."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.lines import one_line
from harness.report.anytime import trials_of
from harness.report.cells import Cell
from harness.report.evidence import flat
from harness.report.orders import observed
from harness.report.statistics import running_best
from harness.report.words import duration
from harness.spec import Direction, TrialResult

LONGEST = 240
"""Characters of a configuration or a reason."""


def line(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """When the best validation score of a cell changed, in seconds, and what it then was."""
    seconds, best = observed(trials_of(cell))
    known = np.isfinite(best)
    seconds, best = seconds[known], best[known]
    changed = np.append(True, best[1:] != best[:-1])[: len(best)]
    return seconds[changed], best[changed]


def dots(cell: Cell, scale: float, most: int) -> list[dict[str, Any]]:
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
