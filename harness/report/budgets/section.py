"""The section that says at which budget the answer turns."""

import math
from collections.abc import Mapping, Sequence

from harness.analysis.cells import CellResults
from harness.report.budgets.course import (
    UNITS,
    Course,
    Lead,
    Leads,
    Unit,
    after_twice,
    course,
    leads,
)
from harness.report.text import duration, image, number
from harness.system.markdown import NOTHING, code, plain, table

FIGURE = "budgets"
HOW_TO_READ = """\
Best validation score so far of the confirmation runs, by what was spent; the band holds all \
seeds. *Half* and *whole* are of the budget of the architecture that spent most; one that ended \
before keeps its score. In brackets is the share of resamples of the seeds with the same leader, \
and the 95 % interval of where its lead begins. A run at half of its epochs is no run of half the \
budget: its learning rate was to fall over all of them. *Double* goes on with a power law, and is \
told only where the law of the first two thirds of every curve tells its end: an extrapolation, \
not a result."""


def budget_section(tasks: Mapping[str, Sequence[CellResults]]) -> str:
    """Who leads with how much, of each task with two architectures or more; empty without one."""
    blocks = []
    for task, group in tasks.items():
        found = courses(group)
        if found:
            metric = plain(group[0].objective.metric)
            blocks += [f"On {code(task)}, by {metric} on validation:", _table(group, found)]
    if not blocks:
        return ""
    picture = image("Validation score against epochs, seconds and operations", FIGURE)
    return "\n\n".join([picture, *blocks, HOW_TO_READ])


def courses(group: Sequence[CellResults]) -> list[Course]:
    """Those against the units that are known."""
    return [found for unit in UNITS if (found := course(group, unit)) is not None]


def _table(group: Sequence[CellResults], found: Sequence[Course]) -> str:
    rows = []
    for one in found:
        lead = leads(one)
        twice = _twice(group) if one.unit.name == "epochs" else NOTHING
        rows.append(
            [f"{one.unit.name}, {amount(one.unit, float(one.spent[-1]))}", _lead(lead.half),
             _lead(lead.whole), twice, _begins(one, lead)]
        )  # fmt: skip
    headers = ["whole budget", "leads at half", "at the whole", "at double (extrapolated)",
               "leads from"]  # fmt: skip
    return table(headers, rows)


def _lead(lead: Lead) -> str:
    if math.isnan(lead.share):
        return code(lead.space)
    return f"{code(lead.space)} ({number(100 * lead.share, 0)} %)"


def _begins(one: Course, lead: Leads) -> str:
    """Where the lead of the last leader begins, and who led before."""
    text, first = "the first epoch", float(one.spent[0])
    if lead.before is not None:
        text = amount(one.unit, lead.begins.mean)
    if not math.isnan(lead.begins.low) and not first == lead.begins.low == lead.begins.high:
        low, high = (
            "beyond the end" if math.isinf(end) else amount(one.unit, end)
            for end in (lead.begins.low, lead.begins.high)
        )
        text += f" ({low} to {high})"
    return text if lead.before is None else f"{text}, before it {code(lead.before)}"


def amount(unit: Unit, value: float) -> str:
    """So much of a unit, as a person would say it."""
    if unit.name == "seconds":
        return duration(value)
    if unit.name == "operations":
        return f"{number(value / 1e9)} GFLOP"
    return number(value, 0 if float(value).is_integer() else 1)


def _twice(group: Sequence[CellResults]) -> str:
    expected = after_twice(group)
    if expected is None:
        return "not known"
    choose = max if group[0].objective.direction == "max" else min
    space = choose(expected, key=lambda space: expected[space])
    return f"{code(space)}, {number(expected[space])}"
