"""Which architectures get more seeds, where they are added until the verdict is clear."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from harness.analysis.cells import CellResults
from harness.analysis.sequential import confidences
from harness.analysis.statistics import Uncertainty, groups_of, half_width, unit
from harness.journal.record import Look
from harness.report.text import listed, number
from harness.report.verdicts.verdict import Judgement
from harness.system.markdown import code, plain
from harness.system.text import counted


def more_seeds(task: str, group: Sequence[CellResults], judged: Mapping[str, Judgement]) -> Look:
    """Decides on the seeds of a task whose cells all have those that were decided before.

    More are spent on the best architecture and on each other one that it cannot be told from, on
    both of a pair as many as the next look has, as long as that could clear the interval. Which
    rule ends it does not matter to the error level: that is kept if a sweep goes on to the last
    look whatever was found (`harness.analysis.sequential`), and who stops earlier without a
    difference finds no more of them.

    Args:
        task: its name.
        group: its cells, best first, as `by_task` gives them.
        judged: what `judge` says of them.
    """
    scored = [cell for cell in group if cell.scores]
    seeds: dict[str, int] = {}
    why: dict[str, str] = {}
    groups = groups_of({cell.space: cell.sample for cell in scored})
    for other in scored[1:]:
        best, found = scored[0], judged[other.space]
        most = max(best.seeds, other.seeds)
        # One that fell behind early may have fewer: then it catches up first.
        later = [n for n in other.looks if n > most or (n == most and best.seeds != other.seeds)]
        if found.verdict == "different":
            why[other.space] = f"clear after {_each(best, other)}"
        elif found.verdict == "unknown":
            why[other.space] = f"not judged, as {found.ungrounded}"
        elif not later:
            why[other.space] = f"not clear, and {most} are the most"
        elif not any(_clears(n, best, other, found, groups) for n in later):
            why[other.space] = f"not clear after {_each(best, other)}, nor to be expected with more"
        else:
            why[other.space] = f"not clear after {_each(best, other)}"
            for cell in (best, other):
                if cell.seeds < later[0]:
                    seeds[cell.space] = max(seeds.get(cell.space, 0), later[0])
    return Look(task, seeds, why)


def _each(best: CellResults, other: CellResults) -> str:
    if best.seeds == other.seeds:
        return f"{best.seeds} seeds"
    return f"{best.seeds} and {other.seeds} seeds"


def _clears(
    seeds: int, best: CellResults, other: CellResults, found: Judgement, groups: int
) -> bool:
    """Whether none of the intervals would hold zero with so many seeds, were the difference one
    standard error (over models) larger than it is seen, and everything varied as it does."""
    mean = found.difference.mean
    scale = unit([*best.sample, *other.sample, mean])
    now = sum(_over_models(cell, cell.seeds, scale).variance for cell in (best, other))
    then = [_over_models(cell, seeds, scale) for cell in (best, other)]
    confidence = confidences(best.looks)[best.looks.index(seeds)]
    reach = abs(mean) / scale + math.sqrt(now)
    every = [then]
    if found.further is not None:
        examples = Uncertainty(found.further.variance / scale / scale, found.further.freedom)
        every += [[examples], [*then, examples]]
    widths = [
        half_width(sources, groups, confidence)
        for sources in every
        if sum(source.variance for source in sources) > 0
    ]
    return reach > max(widths, default=reach)  # where nothing varies, nothing will


def _over_models(cell: CellResults, seeds: int, scale: float) -> Uncertainty:
    """Of the mean of a cell, were its winners trained with so many seeds.

    Of several searches the means are compared, which vary from search to search, too; that part no
    seeds make smaller.
    """
    count = len(cell.sample)
    variance = float(np.var(np.divide(cell.sample, scale), ddof=1))
    if cell.searches == 1:
        return Uncertainty(variance / seeds, max(seeds, 2) - 1)
    runs: dict[int, list[float]] = {}
    for run in cell.confirm:
        if math.isfinite(score := cell.score(run)):
            runs.setdefault(cell.search_of(run), []).append(score / scale)
    within = [float(np.var(scores, ddof=1)) for scores in runs.values() if len(scores) > 1]
    spared = float(np.mean(within)) * (1 / cell.seeds - 1 / seeds) if within else 0.0
    return Uncertainty(max(variance - spared, 0.0) / count, count - 1)


def seeds_of_pairs(group: Sequence[CellResults], looks: Sequence[Look]) -> Iterator[str]:
    """How many seeds each architecture of a task got and why, in sentences; nothing where all ran
    at once.

    Args:
        group: the task's cells, best first.
        looks: those of the sweep.
    """
    own = [look for look in looks if group and look.task == group[0].task]
    if not own:
        return
    counts: dict[int, list[str]] = {}
    for cell in group:
        counts.setdefault(cell.seeds, []).append(code(cell.space))
    told = listed([f"{listed(names)} {n}" for n, names in sorted(counts.items(), reverse=True)])
    planned = group[0].looks
    levels = listed([f"{number(100 * level, 1)}" for level in confidences(planned)])
    yield (
        f"seeds are added until the verdict is clear: {told}. Planned are "
        f"{counted(len(planned), 'look')}, after {listed([str(n) for n in planned])} seeds, with "
        f"intervals of {levels} % confidence, so that all looks together err as one of 95 % would "
        "(alpha spending, Lan and DeMets 1983); intervals shown are those of the last look that "
        "the pair came to"
    )
    for space, why in own[-1].why.items():
        yield f"{code(space)}: {plain(why)}"
