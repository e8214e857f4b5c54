"""How good architectures are across tasks, beyond their ranks: normalised scores and how probably
a run of one beats a run of another.

Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical precipice",
NeurIPS, arXiv:2108.13264, whose `rliable` computes the same for as many runs on every task.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis.cells import CellResults
from harness.analysis.rivals import strongest
from harness.analysis.statistics import Interval
from harness.report.across_tasks.ranks import CommonTasks
from harness.report.text import listed, number, span
from harness.spec import Objective
from harness.system.markdown import NOTHING, bullets, code, table

Numbers = npt.NDArray[np.float64]
REPLICATES = 1000
"""Resamples of the runs."""
TAIL = 0.25
"""Share of the values that is left out at either end."""
HOW_TO_READ = """\
A normalised score is 0 for the best simple method of a task and 1 for its published reference, or \
for the best architecture where there is none; below 0 a simple method is better. The \
interquartile mean is that of the middle half of all runs on all tasks, of which each task has the \
same share: unlike a mean no single task decides it, and unlike a rank it says how much better one \
is. *Beats* is the probability of improvement: that a run of the row is better than a run of the \
column on the same task, averaged over tasks; equal ones count half. Intervals are 95 %, of the \
runs resampled within each task: they hold for these tasks, and say nothing of others."""


@dataclass(frozen=True)
class Across:
    """Architectures over the tasks on which all have a score that can be normalised."""

    scores: Mapping[str, Mapping[str, Numbers]]
    """Normalised, higher being better: by architecture and task, shape (runs,)."""
    left_out: Mapping[str, str]
    """Why a task is not among them."""

    @property
    def tasks(self) -> list[str]:
        """Those that are."""
        return list(next(iter(self.scores.values()), {}))


def normalised(common: CommonTasks) -> Across:
    """The scores of tasks in common, between the best simple method and the reference."""
    scores: dict[str, dict[str, Numbers]] = {space: {} for space in common.spaces}
    left_out = {}
    for task, group in common.tasks.items():
        missing = [code(space) for space in common.spaces if not group[space].scores]
        if missing:
            left_out[task] = f"{listed(missing)} without a confirmed score"
            continue
        ends = _ends(list(group.values()))
        if ends is None:
            left_out[task] = "no simple method, or nothing that beats it"
            continue
        floor, ceiling = ends
        for space in common.spaces:
            scores[space][task] = (np.array(group[space].sample) - floor) / (ceiling - floor)
    return Across(scores, left_out)


def _ends(group: Sequence[CellResults]) -> tuple[float, float] | None:
    """What counts 0 and what counts 1 on a task; `None` where nothing is better than the first."""
    measure = Objective(group[0].metric, group[0].direction)
    known = {name: value for cell in group for name, value in cell.rivals.items()}
    rival = strongest(group[0].baseline, known, measure)
    choose = max if measure.direction == "max" else min
    best = choose(cell.mean for cell in group)
    if rival is None:
        return None
    for ceiling in (group[0].reference, best):
        if math.isfinite(ceiling) and measure.better(ceiling, rival.value):
            return rival.value, ceiling
    return None


def interquartile_mean(values: Sequence[Numbers]) -> float:
    """The mean of the middle half of values, of which each group has the same weight.

    Args:
        values: a group for each task, none empty.
    """
    flat = np.concatenate(values)
    weights = np.concatenate([np.full(len(group), 1 / len(group)) for group in values])
    order = np.argsort(flat, kind="stable")
    ends = np.cumsum(weights[order]) / len(values)
    begins = ends - weights[order] / len(values)
    inside = np.maximum(0, np.minimum(ends, 1 - TAIL) - np.maximum(begins, TAIL))
    return float((flat[order] * inside).sum() / inside.sum())


def probability_of_improvement(a: Sequence[Numbers], b: Sequence[Numbers]) -> float:
    """How probably a run of one is better than a run of another, averaged over tasks.

    Mann and Whitney (1947): of each task the share of pairs that are, equal ones counting half.
    """
    return float(np.mean([
        (np.sign(one[:, None] - other[None]) + 1).mean() / 2
        for one, other in zip(a, b, strict=True)
    ]))  # fmt: skip


@dataclass(frozen=True)
class Standings:
    """What is said of the architectures."""

    means: Mapping[str, Interval]
    """Interquartile means, best first."""
    improves: Mapping[tuple[str, str], Interval]
    """Probability of improvement of the first over the second."""


def standings(found: Across) -> Standings:
    """Interquartile means and probabilities of improvement with their 95 % intervals, by a
    bootstrap of the runs that is stratified by task; NaN where no task has two runs."""
    random = np.random.default_rng(0)
    alone = all(len(runs) < 2 for own in found.scores.values() for runs in own.values())
    groups = {space: [own[task] for task in found.tasks] for space, own in found.scores.items()}
    drawn = {
        space: [
            [runs[random.integers(len(runs), size=len(runs))] for runs in own]
            for _ in range(0 if alone else REPLICATES)
        ]
        for space, own in groups.items()
    }

    def interval(value: float, replicates: Sequence[float]) -> Interval:
        if not replicates:
            return Interval(value, math.nan, math.nan)
        low, high = np.quantile(replicates, (0.025, 0.975))
        return Interval(value, float(low), float(high))

    means = {
        space: interval(interquartile_mean(own), [interquartile_mean(one) for one in drawn[space]])
        for space, own in groups.items()
    }
    improves = {
        (a, b): interval(
            probability_of_improvement(groups[a], groups[b]),
            [probability_of_improvement(*pair) for pair in zip(drawn[a], drawn[b], strict=True)],
        )
        for a, b in itertools.permutations(groups, 2)
    }
    return Standings(dict(sorted(means.items(), key=lambda item: -item[1].mean)), improves)


def interquartile_section(common: Sequence[CommonTasks]) -> str:
    """Normalised scores across tasks; empty with fewer than two tasks that have any."""
    blocks = []
    for each in common:
        found = normalised(each)
        if len(found.tasks) < 2:
            continue
        said = standings(found)
        blocks.append(_table(said))
        reasons = [f"{code(task)} is left out: {why}." for task, why in found.left_out.items()]
        blocks += [
            f"Normalised over {listed([code(task) for task in found.tasks])}.", bullets(reasons)
        ]  # fmt: skip
    return "\n\n".join(filter(None, [*blocks, HOW_TO_READ])) if blocks else ""


def _table(said: Standings) -> str:
    rows = [
        [code(space), number(mean.mean, 2), span(mean, 2),
         *(NOTHING if other == space else _written(said.improves[space, other])
           for other in said.means)]
        for space, mean in said.means.items()
    ]  # fmt: skip
    headers = ["architecture", "interquartile mean", "95 % interval",
               *(f"beats {code(space)}" for space in said.means)]  # fmt: skip
    return table(headers, rows)


def _written(interval: Interval) -> str:
    text = number(interval.mean, 2)
    return text if math.isnan(interval.low) else f"{text} ({span(interval, 2)})"
