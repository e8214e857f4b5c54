"""Validation scores against what was spent for them, and who leads where."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis.cells import CellResults
from harness.analysis.power_law import trusted
from harness.analysis.statistics import Interval
from harness.analysis.validation_curves import ValidationCurve, curves_of, mean_scores, spread
from harness.kinds import scales
from harness.spec import Direction

Numbers = npt.NDArray[np.float64]
POINTS = 200
"""Amounts at which scores are looked up."""
REPLICATES = 1000
"""Resamples of the seeds."""


@dataclass(frozen=True)
class Unit:
    """What may be spent."""

    name: str
    of: Callable[[ValidationCurve], Numbers]
    """How much of it each epoch's end has cost."""


UNITS = (
    Unit("epochs", lambda curve: np.arange(1.0, curve.epochs + 1)),
    Unit("seconds", lambda curve: curve.seconds),
    Unit("operations", lambda curve: curve.flops),
)


@dataclass(frozen=True)
class Course:
    """The architectures of a task against one unit."""

    unit: Unit
    direction: Direction
    spent: Numbers
    """Amounts, rising, shape (points,); the last one is the whole budget."""
    scores: Mapping[str, Numbers]
    """By architecture, shape (runs, points): best so far; NaN before the first epoch's end. Of
    several searches each is the mean of its runs."""

    def means(self, space: str) -> Numbers:
        """Mean over runs, shape (points,)."""
        return np.asarray(self.scores[space].mean(axis=0))


@dataclass(frozen=True)
class Lead:
    """Who leads with an amount, and in which share of resamples of the seeds; NaN of one seed."""

    space: str
    share: float


@dataclass(frozen=True)
class Leads:
    """Who leads where, against one unit."""

    half: Lead
    whole: Lead
    begins: Interval
    """From which amount on the leader at the end leads, with a 95 % interval over the seeds: the
    lowest amount there is where it always does, infinite where a resample has another leader."""
    before: str | None
    """Who led until then; `None` where it leads from the first epoch's end on."""


def course(group: Sequence[CellResults], unit: Unit) -> Course | None:
    """The scored cells of a task against a unit; `None` where fewer than two are known in it.

    Between the ends of two epochs a score is that between theirs; a run that has ended keeps its
    last one.
    """
    known = {cell.space: curves_of(cell) for cell in group if cell.scores}
    runs = {
        space: curves for space, curves in known.items()
        if curves and all(np.isfinite(unit.of(curve)).all() for curve in curves)
    }  # fmt: skip
    if len(runs) < 2 or len(runs) < len(known):
        return None
    amounts = {space: [unit.of(curve) for curve in curves] for space, curves in runs.items()}
    first = min(float(spent[0]) for own in amounts.values() for spent in own)
    last = max(float(np.mean([spent[-1] for spent in own])) for own in amounts.values())
    if not last > first:
        return None
    grid = np.linspace(first, last, POINTS)
    scores = {
        space: _by_search(
            curves,
            [
                np.interp(grid, spent, curve.scores, left=math.nan)
                for spent, curve in zip(amounts[space], curves, strict=True)
            ],
        )
        for space, curves in runs.items()
    }
    return Course(unit, group[0].objective.direction, grid, scores)


def _by_search(curves: Sequence[ValidationCurve], rows: Sequence[Numbers]) -> Numbers:
    """Runs as they are, or, of several searches, the means of each."""
    searches = sorted({curve.search for curve in curves})
    if len(searches) == 1:
        return np.array(rows)
    return np.array([
        np.mean([row for curve, row in zip(curves, rows, strict=True) if curve.search == search],
                axis=0)
        for search in searches
    ])  # fmt: skip


def leads(found: Course) -> Leads:
    """Who leads at half and at the whole of the budget, and from where on.

    Resampled are the runs of each architecture, or its searches, with replacement: the bootstrap
    of Efron (1979). Of few seeds it is too narrow, and of one there is none.
    """
    spaces = list(found.scores)
    sign = 1 if found.direction == "max" else -1
    observed = np.array([sign * found.means(space) for space in spaces])
    half = int(np.searchsorted(found.spent, found.spent[-1] / 2))
    order = _leaders(observed)
    final, first = int(order[-1]), float(_begins(observed[None], int(order[-1]), found.spent)[0])
    start = int(np.searchsorted(found.spent, first))
    before = spaces[int(order[start - 1])] if start else None
    drawn = _resampled(found, sign)
    if drawn is None:
        leaders: npt.NDArray[np.intp] | None = None
        begins = Interval(first, math.nan, math.nan)
    else:
        leaders = _leaders(drawn)
        starts = np.sort(_begins(drawn, final, found.spent))
        low, high = (float(starts[round(share * (REPLICATES - 1))]) for share in (0.025, 0.975))
        begins = Interval(first, low, high)

    def lead(place: int) -> Lead:
        number = int(order[place])
        share = math.nan if leaders is None else float(np.mean(leaders[:, place] == number))
        return Lead(spaces[number], share)

    return Leads(lead(half), lead(-1), begins, before)


def _resampled(found: Course, sign: int) -> Numbers | None:
    """Means over resamples of the runs, (replicates, architectures, points); `None` where one run
    stands alone."""
    if any(len(rows) < 2 for rows in found.scores.values()):
        return None
    random = np.random.default_rng(0)
    drawn = [
        [sign * rows[chosen].mean(axis=0)
         for chosen in random.integers(len(rows), size=(REPLICATES, len(rows)))]
        for rows in found.scores.values()
    ]  # fmt: skip
    return np.swapaxes(np.array(drawn), 0, 1)


def _leaders(means: Numbers) -> npt.NDArray[np.intp]:
    """Who leads at each amount: shape (..., points) of (..., architectures, points), higher being
    better."""
    return np.asarray(np.where(np.isnan(means), -np.inf, means).argmax(axis=-2))


def _begins(means: Numbers, leader: int, spent: Numbers) -> Numbers:
    """From which amount on one architecture leads to the end, infinite where it does not."""
    ahead = _leaders(means) == leader
    stays = np.logical_and.accumulate(ahead[..., ::-1], axis=-1)[..., ::-1]
    return np.where(stays[..., -1], spent[stays.argmax(axis=-1)], np.inf)


def after_twice(group: Sequence[CellResults]) -> dict[str, float] | None:
    """Mean validation scores that twice as many epochs are expected to give, by architecture.

    `None` unless a power law tells the end of the mean curve of each from what came before.
    """
    expected = {}
    for cell in group:
        if not cell.scores:
            continue
        curves = curves_of(cell)
        if not curves:
            return None
        mean, noise = mean_scores(curves), spread(curves)
        law = trusted(mean.tolist(), 0.0 if math.isnan(noise) else noise / math.sqrt(len(curves)))
        if law is None:
            return None
        low, high = scales.ends(cell.objective.metric, mean.tolist())
        value = min(max(law.at(2 * len(mean)), low), high)
        better = max if cell.objective.direction == "max" else min
        expected[cell.space] = better(value, float(mean[-1]))
    return expected if len(expected) > 1 else None
