"""The same comparison over several splits of the same data: the luck of which examples there were.

What a task's test examples and seeds tell holds for the models that its one training set made. Each
split has another one, with searches and winners of its own, so that differences vary from split to
split by all there is.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.cells import CellResults
from harness.analysis.rivals import standing, strongest
from harness.analysis.statistics import Interval, corrected_interval
from harness.journal.record import SweepRecord
from harness.report.text import listed, number, places, span
from harness.spec import Direction, Objective
from harness.sweep.own_data import families
from harness.system.markdown import NOTHING, code, plain, table
from harness.system.text import counted

HOW_TO_READ = """\
Each split is a task of its own: searched, confirmed and scored on its own test examples. \
Differences are paired by split. Training sets of several splits overlap, so that their scatter \
alone is too small: intervals are the corrected t intervals of Nadeau and Bengio (2003), whose \
variance of a mean over k splits is (1/k + {ratio}) times that over splits, {ratio} being the \
examples held out to those trained on. They are of 95 % for all pairs together (Bonferroni) and \
hold the luck of the data, of the search and of the seeds. Verdicts on a single split, elsewhere \
on this page, leave out the first."""


@dataclass(frozen=True)
class DataSplits:
    """What several splits of the same data say."""

    name: str
    tasks: tuple[str, ...]
    """Those in which every architecture that is compared has a score."""
    metric: str
    direction: Direction
    scores: Mapping[str, tuple[float, ...]]
    """Mean test scores of the cells by architecture, one a split; the best mean first."""
    ratio: float
    """Examples held out to examples trained on."""
    simple: tuple[float, ...]
    """Scores of the best simple method of each split; empty where one has none."""
    without: tuple[str, ...]
    """Architectures that lack a score on some split."""

    @property
    def means(self) -> dict[str, float]:
        """By architecture, over the splits."""
        return {space: statistics.fmean(found) for space, found in self.scores.items()}

    def beside_simple(self) -> Interval | None:
        """Best architecture minus the best simple method, chosen among all architectures."""
        if not self.simple:
            return None
        best = next(iter(self.scores.values()))
        apart = [a - b for a, b in zip(best, self.simple, strict=True)]
        return corrected_interval(apart, self.ratio, 1 - 0.05 / len(self.scores))

    def differences(self) -> dict[str, Interval]:
        """Best minus each other one, with intervals that hold jointly for all pairs."""
        best, *others = self.scores
        pairs = math.comb(len(self.scores), 2)
        return {
            space: corrected_interval(
                [a - b for a, b in zip(self.scores[best], self.scores[space], strict=True)],
                self.ratio,
                1 - 0.05 / pairs,
            )
            for space in others
        }


def data_splits(
    record: SweepRecord, groups: Mapping[str, Sequence[CellResults]]
) -> list[DataSplits]:
    """Of each data of which two splits or more have scores; those that are not begun are left out.

    Args:
        record: the journal.
        groups: cells by task, as `by_task` gives them.
    """
    found = []
    for name, tasks in families(record.sweep).items():
        done = [task for task in tasks if any(cell.scores for cell in groups.get(task, ()))]
        cells = {task: {cell.space: cell for cell in groups[task] if cell.scores} for task in done}
        if len(done) < 2:
            continue
        every = [s for s in record.sweep.spaces if any(s in own for own in cells.values())]
        whole = [s for s in every if all(s in own for own in cells.values())]
        if not whole:
            continue
        first = next(iter(cells[done[0]].values()))
        scores = {s: tuple(cells[task][s].mean for task in done) for s in whole}
        sign = 1 if first.direction == "max" else -1
        order = sorted(scores, key=lambda s: -sign * statistics.fmean(scores[s]))
        measure = Objective(first.metric, first.direction)
        heads = [next(iter(own.values())) for own in cells.values()]
        simple = [strongest(cell.baseline, cell.rivals, measure) for cell in heads]
        sizes = [record.tasks[task].sizes for task in done]
        found.append(
            DataSplits(
                name=name,
                tasks=tuple(done),
                metric=first.metric,
                direction=first.direction,
                scores={space: scores[space] for space in order},
                ratio=statistics.fmean(one["test"] / one["train"] for one in sizes),
                simple=tuple(one.value for one in simple if one) if all(simple) else (),
                without=tuple(s for s in every if s not in whole),
            )
        )
    return found


def sentence(found: DataSplits) -> str:
    """What is to be said first of data with several splits."""
    best = next(iter(found.scores))
    over = f"Over {counted(len(found.tasks), 'split')} of the data of {code(found.name)}"
    score = f"{plain(found.metric)} {number(found.means[best])}"
    beside = found.beside_simple()
    if beside is not None:
        stands = standing(beside, Objective(found.metric, found.direction))
        verb = {"unbeaten": "nothing beats", "not told from": "no architecture can be told from"}
        if stands in verb:
            simple = number(statistics.fmean(found.simple))
            over += f" {verb[stands]} the best simple method of each ({simple}); of architectures"
    differences = found.differences()
    if not differences:
        return f"{over} {code(best)} has a mean {score}."
    unclear = [code(space) for space, one in differences.items() if one.holds_zero]
    if not unclear:
        return f"{over} {code(best)} is best: {score}, the luck of the data allowed for."
    most = "highest" if found.direction == "max" else "lowest"
    return (
        f"{over} {code(best)} has the {most} mean: {score}, but is not distinguishable from "
        f"{listed(unclear)}, the luck of the data allowed for."
    )


def data_splits_section(
    every: Sequence[DataSplits], groups: Mapping[str, Sequence[CellResults]]
) -> str:
    """The chapter on them; empty without any."""
    blocks = []
    for found in every:
        digits = places([cell for task in found.tasks for cell in groups[task]])
        differences = found.differences()
        rows = [
            [code(space), *(number(score, digits) for score in scores),
             number(found.means[space], digits), *_compared(differences.get(space), digits)]
            for space, scores in found.scores.items()
        ]  # fmt: skip
        better = "↑" if found.direction == "max" else "↓"
        headers = [f"{plain(found.metric)} {better}", *map(code, found.tasks), "mean",
                   "best minus this", "verdict"]  # fmt: skip
        blocks += [f"### {code(found.name)}", table(headers, rows)]
        if found.without:
            missing = listed([code(space) for space in found.without])
            blocks.append(f"Not compared, as they lack a score on a split: {missing}.")
        if (beside := found.beside_simple()) is not None:
            blocks.append(
                f"{code(next(iter(found.scores)))} minus the best simple method of each split: "
                f"{number(beside.mean, digits)} ({span(beside, digits)})."
            )
        blocks.append(HOW_TO_READ.format(ratio=number(found.ratio)))
    return "\n\n".join(blocks)


def _compared(difference: Interval | None, digits: int) -> list[str]:
    if difference is None:
        return [NOTHING, "best mean"]
    verdict = "not distinguishable" if difference.holds_zero else "different"
    return [f"{number(difference.mean, digits)} ({span(difference, digits)})", verdict]
