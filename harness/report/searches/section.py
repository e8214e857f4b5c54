"""What the searches of a sweep show: their course, what they were worth, and what mattered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from harness.analysis.cells import CellResults, by_task, cell_results
from harness.journal.record import SweepRecord
from harness.report.figure_style import looks
from harness.report.searches import gain, hyperparameters, pareto, time_to_target
from harness.report.searches.anytime import anytime_figure
from harness.report.searches.gain import Asking, asking
from harness.report.searches.hyperparameters import Study, studies
from harness.report.text import figure_name, image
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


@dataclass(frozen=True)
class Searches:
    """The searches of a sweep, and what was worked out of them for figures and text alike."""

    record: SweepRecord
    tasks: dict[str, list[CellResults]]
    asked: Asking
    studies: dict[tuple[str, str], Study]

    def studies_of(self, task: str) -> list[Study]:
        """The studies of a task's cells, in the order of its leaderboard."""
        keys = [(cell.task, cell.space) for cell in self.tasks[task]]
        return [self.studies[key] for key in keys if key in self.studies]


def read_searches(record: SweepRecord) -> Searches:
    """Works out what takes long: some tenths of a second for a cell with many trials."""
    found, asked = cell_results(record), asking(record)
    return Searches(record, by_task(found), asked, studies(found, asked))


def searching_figures(searches: Searches) -> dict[str, Figure]:
    """`anytime`, and of each task `pareto-`, `importance-` and `interaction-` if there is one."""
    styles = looks(searches.record)
    figures = {"anytime": anytime_figure(searches.record)}
    for task, group in pareto.comparable(searches.tasks).items():
        figures[figure_name("pareto", task)] = pareto.pareto_figure(task, group, styles)
    for task in searches.tasks:
        explained = [study for study in searches.studies_of(task) if study.surrogate.explains]
        if explained:
            name = figure_name("importance", task)
            figures[name] = hyperparameters.importance_figure(task, explained, styles)
        if pairs := [(s.cell, s.interaction) for s in explained if s.interaction]:
            name = figure_name("interaction", task)
            figures[name] = hyperparameters.interaction_figure(task, pairs)
    return figures


def worth(searches: Searches) -> str:
    """The section on score against cost; empty where no task has two scores."""
    blocks = []
    for task, group in pareto.comparable(searches.tasks).items():
        picture = image("Test score against parameters, training time and latency",
                        figure_name("pareto", task))  # fmt: skip
        blocks += [f"### {code(task)}", picture, pareto.fronts(group)]
    return "\n\n".join([*blocks, pareto.HOW_TO_READ]) if blocks else ""


def searching(searches: Searches) -> str:
    """The section on the searches; empty as long as nothing was asked for."""
    if not searches.tasks:
        return ""
    tuner = searches.record.sweep.tuner
    random = tuner == "random"
    picture = image("Best validation score against training time and trials", "anytime")
    course = "\n\n".join([picture, f"{COURSE} {OF_RANDOM if random else ONE_PATH}"])
    times = _by_task(searches, lambda group: time_to_target.times_to_targets(group, tuner))
    helped = _by_task(searches, lambda group: gain.gains(group, searches.asked))
    notes = (
        time_to_target.HOW_TO_READ
        + " "
        + (time_to_target.OF_RANDOM if random else time_to_target.ONE_PATH)
    )
    caution = gain.HOW_TO_READ + (f" {gain.LONGER}" if tuner == "hyperband" else "")
    parts = {
        "During the search": course,
        "Time to target": f"{times}\n\n{notes}" if times else "",
        "What the search was worth": f"{helped}\n\n{caution}" if helped else "",
        "Which hyperparameters mattered": _mattered(searches),
    }
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts.items() if body)


def _by_task(searches: Searches, write: Callable[[Sequence[CellResults]], str]) -> str:
    written = {task: write(group) for task, group in searches.tasks.items()}
    return "\n\n".join(f"On {code(task)}:\n\n{text}" for task, text in written.items() if text)


def _mattered(searches: Searches) -> str:
    blocks, pairs = [], False
    for task in searches.tasks:
        if not (group := searches.studies_of(task)):
            continue
        blocks += [f"On {code(task)}:", hyperparameters.importances(group)]
        explained = [study for study in group if study.surrogate.explains]
        if explained:
            blocks.append(image("Importance of hyperparameters", figure_name("importance", task)))
        if any(study.interaction for study in explained):
            pairs = True
            what = "The two hyperparameters that are best chosen together"
            blocks.append(image(what, figure_name("interaction", task)))
    if blocks:
        blocks.append(hyperparameters.HOW_TO_READ)
    if pairs:
        blocks.append(hyperparameters.OF_INTERACTIONS)
    return "\n\n".join(blocks)
