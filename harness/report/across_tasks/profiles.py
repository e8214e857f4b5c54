"""How often an architecture is about as fast as the fastest: performance profiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis.cells import CellResults
from harness.report.across_tasks.ranks import FEW, CommonTasks
from harness.report.searches.time_to_target import best_score, times
from harness.report.text import listed, number
from harness.sweep.question import Tuner
from harness.system.markdown import bullets, code, table
from harness.system.text import counted

FACTOR = 2.0
"""Within so many times the fastest an architecture counts as about as fast in the table."""
HOW_TO_READ = """\
The target of a task is the best validation score that the middle architecture's search reaches \
(of an even number, the weaker of the two in the middle), so that half of them or more reach it. \
A line shows on which share of the tasks an architecture reaches it within so many times the \
seconds of the fastest one; where it never does, no factor is enough. Seconds are those of the \
workers, summed over the trials. Targets and factors are relative to the architectures compared: \
with others, the lines would be others."""


@dataclass(frozen=True)
class Profile:
    """Seconds to a target, relative to the fastest architecture of each task."""

    spaces: tuple[str, ...]
    tasks: tuple[str, ...]
    ratios: npt.NDArray[np.float64]
    """Shape (tasks, spaces), at least 1; infinite where the target is never reached."""
    left_out: tuple[str, ...]
    """Tasks without a target, or on which it takes no time."""


def target(group: Sequence[CellResults]) -> float:
    """The validation score to reach on a task, NaN where fewer than half have a score.

    It is the best score that the middle architecture's search reaches, the weaker of the two
    for an even number. Searches without a score count as the weakest.
    """
    found = [best_score(cell) for cell in group]
    sign = 1 if group[0].objective.direction == "max" else -1
    gains = sorted(sign * score if math.isfinite(score) else -math.inf for score in found)
    middle = gains[(len(gains) - 1) // 2]
    return sign * middle if math.isfinite(middle) else math.nan


def profile(common: CommonTasks, tuner: Tuner) -> Profile:
    """Times to the targets of tasks with the same architectures, as ratios to the fastest.

    Dolan and Moré (2002), "Benchmarking optimization software with performance profiles",
    Mathematical Programming 91(2), over times to a target as AlgoPerf compares training
    algorithms (Dahl et al. 2023, "Benchmarking Neural Network Training Algorithms",
    arXiv:2306.07179). Times are ratios on any task; scores are not, since metrics differ in scale,
    direction and zero.

    Args:
        common: tasks and architectures.
        tuner: of the sweep. Of random search the time is the median over orders of the trials.
    """
    known, left_out = {}, []
    for task, group in common.tasks.items():
        goal = target(list(group.values()))
        seconds = [math.inf] * len(common.spaces)
        if math.isfinite(goal):
            seconds = [times(group[space], goal, tuner).mean for space in common.spaces]
        if math.isfinite(min(seconds)) and min(seconds) > 0:
            known[task] = np.array(seconds) / min(seconds)
        else:
            left_out.append(task)
    ratios = np.array(list(known.values())).reshape(len(known), len(common.spaces))
    return Profile(common.spaces, tuple(known), ratios, tuple(left_out))


def shares(ratios: npt.ArrayLike, factors: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """On which share of the tasks each architecture is within a factor of the fastest.

    Args:
        ratios: shape (tasks, spaces).
        factors: shape (factors,).

    Returns:
        Shape (factors, spaces), 0 to 1.
    """
    within = np.asarray(ratios)[None] <= np.asarray(factors, np.float64)[:, None, None]
    return np.asarray(within.mean(axis=1), np.float64)


def profiles(ranked: Sequence[CommonTasks], tuner: Tuner) -> list[Profile]:
    """The profiles of all sets of architectures that have two tasks or more with a target."""
    found = [profile(common, tuner) for common in ranked]
    return [each for each in found if len(each.tasks) > 1]


def profiles_section(found: Sequence[Profile]) -> str:
    """Performance profiles; empty without any."""
    if not found:
        return ""
    blocks = []
    for place, each in enumerate(found, start=1):
        blocks += [
            f"![Share of tasks within a factor of the fastest]({profile_figure_name(place)}.png)",
            _table(each),
            bullets(_sentences(each)),
        ]
    return "\n\n".join([*filter(None, blocks), HOW_TO_READ])


def profile_figure_name(place: int) -> str:
    """Name of the figure of a profile, counted from 1, without its ending."""
    return "profiles" if place == 1 else f"profiles-{place}"


def _table(found: Profile) -> str:
    fastest, near = shares(found.ratios, [1.0, FACTOR])
    reached = np.isfinite(found.ratios).mean(axis=0)
    order = np.lexsort((-reached, -near, -fastest))
    rows = [
        [code(found.spaces[i]), *(f"{number(100 * s[i], 0)} %" for s in (fastest, near, reached))]
        for i in order
    ]
    headers = [f"of {counted(len(found.tasks), 'task')}", "fastest", f"within {FACTOR:g} times",
               "reached"]  # fmt: skip
    return table(headers, rows)


def _sentences(found: Profile) -> list[str]:
    sentences = []
    if len(found.tasks) < FEW:
        sentences.append(f"{counted(len(found.tasks), 'task')} can show little.")
    if found.left_out:
        sentences.append(
            f"Left out, as half of the architectures have no validation score: "
            f"{listed([code(task) for task in found.left_out])}."
        )
    return sentences
