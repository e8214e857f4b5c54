"""The sections on the searches: what scores cost, and how, how fast and why scores grew."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from harness.analysis.cells import CellResults
from harness.report.figure_style import Drawing, Styles
from harness.report.searches import gain, pareto, time_to_target
from harness.report.searches.anytime import anytime_figure
from harness.report.searches.gain import Suggestions
from harness.report.searches.importance import (
    HOW_TO_READ,
    Importances,
    importance_figure,
    importance_table,
)
from harness.report.text import figure_name, image
from harness.sweep.question import CONTINUING, Tuner
from harness.system.markdown import code

COURSE = """\
Best validation score so far: on the left against the seconds in the workers, summed over trials, \
on the right against trials. Failed trials count on both sides and have no score."""
OF_RANDOM = """\
The trials of a random search might have come in any other order, but for the default \
configuration, which is always first. So the line is the mean over all orders, and the band holds \
the middle 90 % of them. The bands close because all orders end with the same best: they say \
nothing of configurations that were never drawn."""
ONE_PATH = """\
What the tuner suggests follows from what came before, so that there is one path of each search \
and no band: with another search seed the lines would be others."""


Tasks = Mapping[str, Sequence[CellResults]]
"""Cells by task, the best first."""


def search_figures(
    tasks: Tasks,
    tuner: Tuner,
    importances: Mapping[tuple[str, str], Importances],
    styles: Styles,
) -> dict[str, Drawing]:
    """`anytime`, and of each task `pareto-` and `importance-` where there is one."""
    figures: dict[str, Drawing] = {"anytime": partial(anytime_figure, tasks, tuner, styles)}
    for task, group in pareto.comparable(tasks).items():
        figures[figure_name("pareto", task)] = partial(pareto.pareto_figure, task, group, styles)
    for task, group in tasks.items():
        if explained := _explained(_of_task(importances, group)):
            name = figure_name("importance", task)
            figures[name] = partial(importance_figure, task, explained, styles)
    return figures


def cost_section(tasks: Tasks) -> str:
    """Scores against their costs; empty where no task has two scores."""
    blocks = []
    for task, group in pareto.comparable(tasks).items():
        picture = image("Test score against parameters, training time and latency",
                        figure_name("pareto", task))  # fmt: skip
        blocks += [f"### {code(task)}", picture, pareto.fronts(group)]
    return "\n\n".join([*blocks, pareto.HOW_TO_READ]) if blocks else ""


def search_section(
    tasks: Tasks,
    tuner: Tuner,
    suggestions: Suggestions,
    importances: Mapping[tuple[str, str], Importances],
) -> str:
    """The course of the searches; empty as long as nothing was asked for."""
    if not tasks:
        return ""
    random = tuner == "random"
    picture = image("Best validation score against training time and trials", "anytime")
    course = "\n\n".join([picture, f"{COURSE} {OF_RANDOM if random else ONE_PATH}"])
    times = _by_task(tasks, lambda group: time_to_target.times_to_targets(group, tuner))
    helped = _by_task(tasks, lambda group: gain.gains(group, suggestions))
    notes = (
        time_to_target.HOW_TO_READ
        + " "
        + (time_to_target.OF_RANDOM if random else time_to_target.ONE_PATH)
    )
    caution = gain.HOW_TO_READ + (f" {gain.LONGER}" if tuner in CONTINUING else "")
    parts = {
        "During the search": course,
        "Time to target": f"{times}\n\n{notes}" if times else "",
        "What the search was worth": f"{helped}\n\n{caution}" if helped else "",
        "Which hyperparameters mattered": _mattered(tasks, importances),
    }
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts.items() if body)


def _by_task(tasks: Tasks, write: Callable[[Sequence[CellResults]], str]) -> str:
    written = {task: write(group) for task, group in tasks.items()}
    return "\n\n".join(f"On {code(task)}:\n\n{text}" for task, text in written.items() if text)


def _mattered(tasks: Tasks, importances: Mapping[tuple[str, str], Importances]) -> str:
    blocks = []
    for task, group in tasks.items():
        if found := _of_task(importances, group):
            blocks += [f"On {code(task)}:", importance_table(found)]
            if _explained(found):
                figure = figure_name("importance", task)
                blocks.append(image("Importance of hyperparameters", figure))
    return "\n\n".join([*blocks, HOW_TO_READ]) if blocks else ""


def _of_task(
    importances: Mapping[tuple[str, str], Importances], group: Sequence[CellResults]
) -> dict[str, Importances]:
    """By architecture, in the order of the leaderboard."""
    known = {cell.space: importances.get((cell.task, cell.space)) for cell in group}
    return {space: found for space, found in known.items() if found is not None}


def _explained(group: Mapping[str, Importances]) -> dict[str, Importances]:
    """Those that say something."""
    return {space: one for space, one in group.items() if one.found}
