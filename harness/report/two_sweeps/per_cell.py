"""Two sweeps cell by cell: whether an architecture got better or worse from one to the other."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from harness.analysis.cells import CellResults, cell_results
from harness.analysis.statistics import Comparison, compare
from harness.journal.record import SweepRecord

LEVEL = 0.05
"""Chance of any false difference among all cells that are compared."""

Outcome: TypeAlias = Literal[
    "better",
    "worse",
    "not distinguishable",
    "unknown",
    "not comparable",
    "lost",
    "gained",
    "only in A",
    "only in B",
    "no result",
]
"""What became of a cell from A to B:

- `better`, `worse`, `not distinguishable`: judged, with the correction for many cells;
- `unknown`: one of them has a single seed, so that a difference may be luck;
- `not comparable`: other data, or another measure;
- `lost`, `gained`: both asked for it, and only A, or only B, has a confirmed result;
- `only in A`, `only in B`: the other did not ask for it;
- `no result`: neither has one.
"""
JUDGED: tuple[Outcome, ...] = ("better", "worse", "not distinguishable")
REGRESSED: tuple[Outcome, ...] = ("worse", "lost")


@dataclass(frozen=True)
class Contrast:
    """One architecture on one task, in both sweeps."""

    task: str
    space: str
    a: CellResults | None
    """`None` where the sweep has not begun it, or did not ask for it."""
    b: CellResults | None
    outcome: Outcome
    comparison: Comparison | None = None
    """B minus A, with the interval of this cell alone; `None` unless both scores may be
    compared."""
    p_value: float = math.nan
    """Corrected for all cells that are compared, after Holm; NaN where nothing is known."""

    @property
    def reference(self) -> CellResults:
        """The cell of B, or else that of A: there is one."""
        cell = self.b or self.a
        assert cell is not None
        return cell


def contrasts(a: SweepRecord, b: SweepRecord) -> tuple[Contrast, ...]:
    """Every cell of either sweep, in the order of B's question, those of A alone last.

    Each cell is one planned comparison: Welch's t test over the seeds of both (Welch 1947,
    "The generalization of Student's problem", Biometrika 34), unpaired, as a seed does not mean
    the same to two versions of the code. As many cells are compared, p values are corrected
    after Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6: the chance that any cell with an unchanged configuration is called
    better or worse is `LEVEL`. Where the two searches found different ones, it is larger.
    """
    before = {(cell.task, cell.space): cell for cell in cell_results(a)}
    after = {(cell.task, cell.space): cell for cell in cell_results(b)}
    order = {
        name: number
        for number, name in enumerate(
            dict.fromkeys((*b.sweep.tasks, *a.sweep.tasks, *b.sweep.spaces, *a.sweep.spaces))
        )
    }
    keys = sorted({*before, *after}, key=lambda key: (order[key[0]], order[key[1]]))
    found = [_contrast(key, before.get(key), after.get(key), a, b) for key in keys]
    return tuple(_corrected(found))


def obstacle(a: CellResults, b: CellResults) -> str:
    """Why the scores of two cells of one task cannot be compared; empty where they can."""
    if a.data is None or b.data is None:
        return ""
    if a.data.digest != b.data.digest:
        return "other data"
    if a.metric != b.metric:
        return "another measure"
    return "" if a.direction == b.direction else "another direction"


def regressions(found: Iterable[Contrast]) -> list[Contrast]:
    """The cells that are worse in B, or have lost their confirmed result."""
    return [contrast for contrast in found if contrast.outcome in REGRESSED]


def judged(found: Iterable[Contrast]) -> bool:
    """Whether the comparison can fail at all: a cell is judged, or was lost."""
    return any(contrast.outcome in (*JUDGED, "lost") for contrast in found)


def _contrast(
    key: tuple[str, str],
    a: CellResults | None,
    b: CellResults | None,
    before: SweepRecord,
    after: SweepRecord,
) -> Contrast:
    outcome = _outcome(a, b, _asked(before, key), _asked(after, key))
    if outcome != "unknown" or a is None or b is None:
        return Contrast(*key, a, b, outcome)
    found = compare(b.scores, a.scores, confidence=1 - LEVEL)
    if found.difference.low == found.difference.high != 0:
        # Neither varied over its seeds: an interval without width is no evidence of anything.
        return Contrast(*key, a, b, outcome, replace(found, p_value=math.nan))
    return Contrast(*key, a, b, outcome, found)


def _outcome(a: CellResults | None, b: CellResults | None, in_a: bool, in_b: bool) -> Outcome:
    """What there is to know before scores are compared."""
    if not in_b:
        return "only in A"
    if not in_a:
        return "only in B"
    has_a, has_b = bool(a and a.scores), bool(b and b.scores)
    if not has_a and not has_b:
        return "no result"
    # A result that is gone is lost, whatever it was measured on.
    if not has_b:
        return "lost"
    if not has_a:
        return "gained"
    assert a is not None
    assert b is not None
    return "not comparable" if obstacle(a, b) else "unknown"


def _asked(record: SweepRecord, key: tuple[str, str]) -> bool:
    task, space = key
    return task in record.sweep.tasks and space in record.sweep.spaces


def _corrected(found: Sequence[Contrast]) -> Iterable[Contrast]:
    """The contrasts with their p values corrected and, where these are known, a verdict."""
    known = [
        number
        for number, contrast in enumerate(found)
        if contrast.comparison is not None and math.isfinite(contrast.comparison.p_value)
    ]
    corrected: dict[int, float] = {}
    if known:
        values = [found[number].comparison.p_value for number in known]  # type: ignore[union-attr]
        corrected = dict(zip(known, _holm(values), strict=True))
    for number, contrast in enumerate(found):
        p_value = float(corrected.get(number, math.nan))
        yield replace(contrast, p_value=p_value, outcome=_verdict(contrast, p_value))


def _holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected after Holm: each times the number of those that are not smaller.

    `statsmodels.stats.multitest.multipletests` gives the same, and collects garbage each time.
    """
    order = np.argsort(p_values)
    steps = np.asarray(p_values)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.maximum.accumulate(steps).clip(max=1)
    return [float(value) for value in corrected]


def _verdict(contrast: Contrast, p_value: float) -> Outcome:
    if math.isnan(p_value) or contrast.comparison is None:
        return contrast.outcome
    if p_value >= LEVEL:
        return "not distinguishable"
    rose = contrast.comparison.difference.mean > 0
    return "better" if rose == (contrast.reference.direction == "max") else "worse"
