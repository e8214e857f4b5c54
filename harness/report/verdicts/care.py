"""What the numbers themselves say against believing them, in sentences, worked out from records."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.cells import CellResults
from harness.analysis.power_law import trusted
from harness.analysis.statistics import distance_from
from harness.analysis.validation_curves import curves_of, gain_sign, mean_scores, spread
from harness.kinds import scales
from harness.report.searches.edges import Edge, edges
from harness.report.searches.gain import Suggestions, gain
from harness.report.text import listed, number
from harness.report.verdicts.bootstrap import FEWEST_BLOCKS
from harness.report.verdicts.per_example import OutcomesByTask
from harness.system.markdown import code, plain
from harness.system.text import counted

LATE = 0.1
"""Share of the epochs, their end, in which a best one is late."""
LAST = 0.2
"""Share over which it is looked whether scores still rise."""
SOME, OF_ERROR = 0.02, 0.005
"""Shares of all that was learned since the first epoch, and of the error that is left, that a rise
must be to be told of."""
FAR = 1.5
"""How many times the error on one split is that on another, at least, where they are far apart."""
CLEAR = 4.0
"""Deviations over seeds between the two at least."""


def care(
    tasks: Mapping[str, Sequence[CellResults]], suggestions: Suggestions, outcomes: OutcomesByTask
) -> Iterator[str]:
    """What a reader should know before believing the table; nothing of a sweep that is fine.

    Args:
        tasks: cells by task, best first.
        suggestions: what the tuner suggested.
        outcomes: of the test examples.
    """
    for task, group in tasks.items():
        scored = [cell for cell in group if cell.scores]
        if not scored:
            continue
        where = f"On {code(task)}"
        yield from _still_improving(where, scored)
        yield from _at_edges(where, scored, suggestions)
        yield from _worse_than_default(where, scored, suggestions)
        yield from _splits_apart(where, scored)
        yield from _few_examples(where, scored[0], outcomes)


# --- still improving --------------------------------------------------------------


@dataclass(frozen=True)
class Rise:
    """That runs of a cell were still improving when they ended."""

    cell: CellResults
    late: int
    """Runs whose best epoch was among the last."""
    runs: int
    last: float
    """How much the mean score improved over the last fifth of the epochs."""
    expected: float | None
    """How much as many epochs again would be expected to give; `None` where that is not known."""


def rise(cell: CellResults) -> Rise | None:
    """Whether and how the runs of a cell were still improving; `None` where they were not."""
    curves = curves_of(cell)
    if not curves or max(curve.epochs for curve in curves) < 2:
        return None
    late = sum(c.best > c.epochs - max(1, round(LATE * c.epochs)) for c in curves)
    mean, sign = mean_scores(curves), gain_sign(cell.objective.direction)
    before = min(len(mean) - 2, round((1 - LAST) * len(mean)) - 1)
    last, learned = (sign * float(mean[-1] - mean[place]) for place in (max(0, before), 0))
    noise = spread(curves)
    left = abs(float(mean[-1]))
    if sign == 1 and scales.ends(cell.objective.metric, mean.tolist())[1] == 1:
        left = 1 - left
    least = max(SOME * learned, OF_ERROR * left)
    if 2 * late < len(curves) or last <= least or last < (0 if math.isnan(noise) else noise):
        return None
    law = trusted(mean.tolist(), 0.0 if math.isnan(noise) else noise / math.sqrt(len(curves)))
    expected = None
    if law is not None:
        metric = cell.objective.metric
        low, high = scales.ends(metric, mean.tolist())
        expected = sign * (min(max(law.at(2 * len(mean)), low), high) - float(mean[-1]))
        expected = expected if expected > 0 else None
    return Rise(cell, late, len(curves), last, expected)


def _still_improving(where: str, scored: Sequence[CellResults]) -> Iterator[str]:
    found = [one for cell in scored if (one := rise(cell)) is not None]
    if not found:
        return
    parts = []
    for one in found:
        part = f"{code(one.cell.space)} (best epoch late in {one.late} of {one.runs}"
        part += f", {number(one.last)} better over the last fifth"
        if one.expected is not None:
            part += f"; as many epochs again are expected to give {number(one.expected)} more"
        parts.append(f"{part})")
    metric = plain(scored[0].objective.metric)
    yield (
        f"{where} runs were still improving at their end, by {metric} on validation: "
        f"{listed(parts)}. With more epochs the order may be another."
    )


# --- the search -------------------------------------------------------------------


def _at_edges(where: str, scored: Sequence[CellResults], suggestions: Suggestions) -> Iterator[str]:
    for cell in scored:
        found: list[Edge] = edges(cell, suggestions.get((cell.task, cell.space), {}))
        for edge in found:
            end = "lower" if edge.low else "upper"
            yield (
                f"{where} the best {code(cell.space)} lies at the {end} end of "
                f"{code(edge.name)}: {number(edge.value)} in {number(edge.ends[0])} to "
                f"{number(edge.ends[1])}, and trials got better towards it; "
                "a better one may lie beyond."
            )


def _worse_than_default(
    where: str, scored: Sequence[CellResults], suggestions: Suggestions
) -> Iterator[str]:
    """The winner of a single search, trained anew, that falls behind what the default reached."""
    for cell in scored:
        one = gain(cell, suggestions.get((cell.task, cell.space), {}))
        if cell.searches > 1 or one.default is None or one.best is None or not one.gain > 0:
            continue
        again = [result.score for result in cell.confirm if math.isfinite(cell.score(result))]
        known = [score for score in again if score is not None]
        default = cell.score(one.default)
        if len(known) < 2 or not math.isfinite(default):
            continue
        # A single score of the default has the luck of one run, as each of these has.
        interval = distance_from(default, known)
        sign = gain_sign(cell.objective.direction)
        width = (interval.high - interval.low) / 2 * math.sqrt(len(known) + 1)
        if sign * interval.mean < -width:
            found, first = number(cell.score(one.best)), number(default)
            metric, mean = plain(cell.objective.metric), number(statistics.fmean(known))
            yield (
                f"{where} what was found for {code(cell.space)} reaches {metric} {mean} on "
                "validation when it is trained anew, worse than the default configuration in the "
                f"search ({first}): its own {found} there was luck."
            )


# --- splits -----------------------------------------------------------------------


def _splits_apart(where: str, scored: Sequence[CellResults]) -> Iterator[str]:
    """That validation and test are not of one kind, if all architectures say so."""
    ratios = [_ratio(cell) for cell in scored]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(scored):
        return
    if not (all(ratio >= FAR for ratio in known) or all(ratio <= 1 / FAR for ratio in known)):
        return
    best = scored[0]
    validation, test = _both(best)
    middle = statistics.median(known)
    easier = "harder" if middle > 1 else "easier"
    apart = f"{number(middle if middle > 1 else 1 / middle, 1)} times"
    means = statistics.fmean(validation), statistics.fmean(test)
    deviation = _deviation(best, [t - v for v, t in zip(validation, test, strict=True)])
    seeds = ""
    if deviation > 0:
        seeds = f", {number(abs(means[1] - means[0]) / deviation, 0)} deviations over seeds"
    yield (
        f"{where} the test split is {easier} than validation: {plain(best.metric)} "
        f"{number(means[1])} and {number(means[0])} ({code(best.space)}{seeds}), errors "
        f"{apart} as {'large' if middle > 1 else 'small'}. The two are not of one kind, and what "
        "is chosen on validation need not be best on the test split."
    )


def _both(cell: CellResults) -> tuple[list[float], list[float]]:
    """Scores of the same metric on validation and on the test split, of each run that has both."""
    pairs = [
        (run.metrics.get(f"val_{cell.metric}"), run.metrics.get(f"test_{cell.metric}"))
        for run in cell.confirm
        if math.isfinite(cell.score(run))
    ]
    known = [(v, t) for v, t in pairs if v is not None and t is not None and math.isfinite(v)]
    return [v for v, _ in known], [t for _, t in known]


def _ratio(cell: CellResults) -> float | None:
    """Errors on the test split over those on validation, where they are clearly apart; 1 where
    they are not, `None` where nothing is known."""
    validation, test = _both(cell)
    if not validation:
        return None
    means = statistics.fmean(validation), statistics.fmean(test)
    if cell.direction == "max":
        if scales.ends(cell.metric, [*validation, *test])[1] != 1:
            return None
        errors = tuple(1 - mean for mean in means)
    else:
        errors = means
    if min(errors) <= 0:
        return None
    gap = abs(means[1] - means[0])
    deviation = _deviation(cell, [t - v for v, t in zip(validation, test, strict=True)])
    if cell.direction == "max" and cell.data is not None:
        # Shares of few examples are off by luck alone.
        sizes = cell.data.sizes.get("val", 0), cell.data.sizes.get("test", 0)
        chance = errors[0] * (1 - errors[0])
        deviation = max(deviation, math.sqrt(chance * sum(1 / max(1, size) for size in sizes)))
    return errors[1] / errors[0] if gap > CLEAR * deviation else 1.0


def _deviation(cell: CellResults, differences: Sequence[float]) -> float:
    return statistics.stdev(differences) if len(differences) > 1 else 0.0


def _few_examples(where: str, cell: CellResults, outcomes: OutcomesByTask) -> Iterator[str]:
    found = outcomes.get(cell.task)
    known = found.independent if found is not None else None
    if known is None and cell.data is not None:
        known = float(cell.data.sizes.get("test", FEWEST_BLOCKS))
    if known is not None and known < FEWEST_BLOCKS:
        yield (
            f"{where} the test split has about {counted(math.floor(known), 'example')} that are "
            "independent: another one may say something else, and nothing here tells how much."
        )
