"""Which architectures are better across tasks: average ranks, and what they can show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.stats

from harness.analysis.cells import CellResults
from harness.report.text import listed, number
from harness.sweep.question import Sweep
from harness.system.markdown import bullets, code, table
from harness.system.text import counted

if TYPE_CHECKING:
    import pandas as pd

FEW = 5
"""With fewer tasks, ranks say little however clear they are (Demšar 2006 asks for more than 10
tasks before the usual distribution of Friedman's statistic holds)."""
PERMUTATIONS = 9999
HOW_TO_READ = """\
On each task the architecture with the best mean test score has rank 1; equal ones share their \
ranks. Failure is not rewarded: one without a confirmed score has the last rank of the task. Two \
architectures whose average ranks are less than the critical difference apart (Nemenyi's test, 5 % \
for all pairs together) are not distinguishable across tasks. Ranks say nothing of how much better \
one is. Tasks count as independent, so those that share their data count too much."""


@dataclass(frozen=True)
class CommonTasks:
    """Tasks on which the same architectures have been tried, and are done."""

    spaces: tuple[str, ...]
    """In the order of the question."""
    tasks: Mapping[str, Mapping[str, CellResults]]
    """By task, its cells by architecture; two tasks at least, each with a confirmed score."""


@dataclass(frozen=True)
class Friedman:
    """Whether average ranks differ by more than chance."""

    statistic: float
    f: float
    """The same as an F statistic of Iman and Davenport; infinite where all tasks agree."""
    p_value: float
    """Chance of a statistic at least as large, were all orders of each task as likely."""


def common_tasks(tasks: Mapping[str, Sequence[CellResults]], sweep: Sweep) -> list[CommonTasks]:
    """The sets of two architectures or more that two tasks or more have in common.

    Tasks whose cells are still at work are left out, as an architecture would lose for being
    late; so are tasks without any confirmed score.
    """
    groups: dict[tuple[str, ...], dict[str, dict[str, CellResults]]] = {}
    for task, group in tasks.items():
        by_space = {cell.space: cell for cell in group}
        spaces = tuple(space for space in sweep.spaces if space in by_space)
        done = all(cell.finished for cell in group)
        if len(spaces) > 1 and done and any(cell.scores for cell in group):
            groups.setdefault(spaces, {})[task] = by_space
    return [CommonTasks(spaces, found) for spaces, found in groups.items() if len(found) > 1]


def task_ranks(common: CommonTasks) -> npt.NDArray[np.float64]:
    """The rank of each architecture on each task by its mean test score, 1 for the best.

    Returns:
        Shape (tasks, spaces). Equal scores share their ranks; architectures without a score
        share the last ones.
    """
    costs = [[_cost(group[space]) for space in common.spaces] for group in common.tasks.values()]
    return np.asarray(scipy.stats.rankdata(costs, axis=1), np.float64)


def friedman(ranks: npt.ArrayLike) -> Friedman:
    """Friedman's test of average ranks.

    Friedman (1937), "The use of ranks to avoid the assumption of normality implicit in the
    analysis of variance", JASA 32(200); Iman and Davenport (1980), "Approximations of the
    critical region of the Friedman statistic", Communications in Statistics 9(6); both as
    Demšar (2006), "Statistical comparisons of classifiers over multiple data sets", JMLR 7, gives
    them, without a correction for ties. The p-value is that of permutations of each task's ranks,
    exact where there are few, as tasks are too few for the limiting distributions. Of two
    architectures it is the sign test.

    Args:
        ranks: shape (tasks, spaces), as `task_ranks` gives them.
    """
    values = np.asarray(ranks, np.float64)
    tasks, spaces = values.shape

    def statistic(*columns: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
        average = np.mean(columns, axis=axis if axis < 0 else axis + 1)
        apart = np.square(average - (spaces + 1) / 2).sum(axis=0)
        # Rounded, as sums in another order must not count as larger.
        return np.asarray(np.round(12 * tasks / (spaces * (spaces + 1)) * apart, 9))

    test = scipy.stats.permutation_test(
        tuple(values.T), statistic, permutation_type="samples", vectorized=True,
        n_resamples=PERMUTATIONS, alternative="greater", batch=1000,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    found = float(test.statistic)
    rest = tasks * (spaces - 1) - found
    f = (tasks - 1) * found / rest if rest > 1e-9 else math.inf
    return Friedman(found, f, float(test.pvalue))


def critical_difference(tasks: int, spaces: int, alpha: float = 0.05) -> float:
    """How far apart average ranks must be to be called different.

    Nemenyi (1963), "Distribution-free multiple comparisons", as Demšar (2006), JMLR 7, gives it.
    """
    quantile = scipy.stats.studentized_range.ppf(1 - alpha, spaces, math.inf) / math.sqrt(2)
    return float(quantile) * math.sqrt(spaces * (spaces + 1) / (6 * tasks))


def nemenyi(ranks: npt.ArrayLike, names: tuple[str, ...]) -> "pd.DataFrame":
    """p-values of all pairs of architectures, of Nemenyi's test (see `critical_difference`)."""
    # Imported here, as it takes seconds that most reports need not spend.
    import pandas as pd
    from scikit_posthocs import posthoc_nemenyi_friedman

    table = pd.DataFrame(np.asarray(ranks), columns=list(names))
    return pd.DataFrame(posthoc_nemenyi_friedman(table))


def ranks_section(found: Sequence[CommonTasks]) -> str:
    """Average ranks; empty with fewer than two tasks in common."""
    if not found:
        return ""
    blocks = [block for place, common in enumerate(found, 1) for block in _ranked(common, place)]
    return "\n\n".join([*blocks, HOW_TO_READ])


def rank_figure_name(number: int) -> str:
    """Name of the diagram of tasks in common, counted from 1, without its ending."""
    return "ranks" if number == 1 else f"ranks-{number}"


def _ranked(common: CommonTasks, place: int) -> list[str]:
    ranks = task_ranks(common)
    average = ranks.mean(axis=0)
    rows = [
        [code(common.spaces[i]), number(average[i], 2), *(f"{rank:g}" for rank in ranks[:, i])]
        for i in np.argsort(average, kind="stable")
    ]
    headers = ["architecture", "average rank", *(code(task) for task in common.tasks)]
    return [
        f"![Average ranks with the critical difference]({rank_figure_name(place)}.png)",
        table(headers, rows),
        bullets(_sentences(common, ranks)),
    ]


def _sentences(common: CommonTasks, ranks: npt.NDArray[np.float64]) -> list[str]:
    tasks, spaces = ranks.shape
    test, distance = friedman(ranks), critical_difference(tasks, spaces)
    sure = "differ" if test.p_value < 0.05 else "are not distinguishable"
    on = f"on {counted(tasks, 'task')}"
    sentences = [
        f"The average ranks {sure} {on} (Friedman's statistic {number(test.statistic)}, "
        f"p = {number(test.p_value)}); the critical difference is {number(distance, 2)}."
    ]
    if distance > spaces - 1:
        sentences.append(
            f"So few tasks cannot tell two architectures apart by rank: the critical difference "
            f"is larger than {spaces - 1}, the most that average ranks can differ by."
        )
    elif tasks < FEW:
        sentences.append(f"{counted(tasks, 'task')} can show little: one more may turn the order.")
    for task, group in common.tasks.items():
        failed = [code(space) for space in common.spaces if not group[space].scores]
        if failed:
            have = "has" if len(failed) == 1 else "have"
            sentences.append(
                f"{listed(failed)} {have} no confirmed score on {code(task)} and the last rank."
            )
    return sentences


def _cost(cell: CellResults) -> float:
    """Lower is better; without a score it is infinite."""
    if not cell.scores:
        return math.inf
    return -cell.mean if cell.direction == "max" else cell.mean
