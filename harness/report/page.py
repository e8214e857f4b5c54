"""The report as one Markdown page: the order of its chapters."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from harness.report import appendix, own_data, presets
from harness.report.across_tasks.data_splits import data_splits_section, sentence
from harness.report.across_tasks.interquartile import interquartile_section
from harness.report.across_tasks.pretraining import (
    payoff,
    pretraining_costs,
    pretraining_section,
)
from harness.report.across_tasks.profiles import profiles_section
from harness.report.across_tasks.ranks import ranks_section
from harness.report.across_tasks.training_size import training_size_section
from harness.report.answer import Answer
from harness.report.budgets.section import budget_section
from harness.report.samples.section import samples_section
from harness.report.searches.section import cost_section, search_section
from harness.report.verdicts.care import care
from harness.report.verdicts.how_sure import how_sure
from harness.report.verdicts.leaderboard import leaderboard_section
from harness.report.verdicts.summary import cautions, summary, title
from harness.system.markdown import bullets, code


def markdown(answer: Answer, lost: Mapping[str, str] = MappingProxyType({})) -> str:
    """The page that `report.md` holds; it shows the figures of its own folder by name.

    Args:
        answer: what is told.
        lost: why a figure could not be drawn, by its name; it is told of instead.
    """
    record, cells, tasks = answer.record, answer.cells, answer.tasks
    judged, starts = answer.judged, answer.starts
    tuner = record.sweep.order
    searched = search_section(tasks, tuner, answer.suggestions, answer.importances)
    sections = {
        "Read with care": bullets(
            [
                *cautions(record, tasks),
                *care(tasks, answer.suggestions, answer.outcomes),
                *_undrawn(lost),
            ]
        ),
        "Leaderboard": leaderboard_section(record, tasks, judged, starts),
        "How sure": how_sure(tasks, judged, answer.outcomes, answer.beside, record.looks),
        "Over splits of the data": data_splits_section(answer.splits, tasks),
        "Does pretraining pay?": pretraining_section(answer.pairs),
        "What pretraining cost": pretraining_costs(cells, starts),
        "With fewer examples": training_size_section(answer.families),
        "Across tasks": "\n\n".join(
            filter(None, [ranks_section(answer.common), interquartile_section(answer.common)])
        ),
        "At which budget": budget_section(tasks),
        "Score against cost": cost_section(tasks),
        "The search": searched,
        "How fast": profiles_section(answer.profiles),
        "Looking": samples_section(answer.samples),
        "Best configurations": appendix.configurations(cells),
        "Failures": appendix.failures(tasks, record),
        "What each cell spent": appendix.spending(record, cells),
        "The question": appendix.question(record),
        "Data": appendix.data(record),
        "Environment": appendix.environment(record),
        "Reproduce": appendix.reproduce(record),
    }
    opening = [
        f"# {title(record.sweep)}",
        *own_data.first_of_all(record),
        _summary(answer),
        *presets.started(record),
    ]
    shown = [f"## {heading}\n\n{body}" for heading, body in sections.items() if body]
    page = "\n\n".join([*opening, *shown]) + "\n"
    return _SHOWN.sub(lambda found: _instead(found, lost), page)


def _summary(answer: Answer) -> str:
    further = payoff(answer.pairs)
    first = map(sentence, answer.splits)
    return summary(answer.tasks, answer.judged, answer.beside, answer.starts, further, first)


_SHOWN = re.compile(r"^!\[([^]\n]*)\]\(([^)\n]*)\.png\)$", re.MULTILINE)
"""A figure, as `text.image` writes it."""


def _instead(shown: re.Match[str], lost: Mapping[str, str]) -> str:
    what, name = shown.groups()
    return f"{what}: could not be drawn, see above." if name in lost else shown[0]


def _undrawn(lost: Mapping[str, str]) -> Iterator[str]:
    for name, why in lost.items():
        yield f"{code(name)} could not be drawn: {code(why, in_table=False)}."
