"""How much searching helped: the default configuration against the best found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.analysis.cells import CellResults, best_trial
from harness.analysis.statistics import Interval
from harness.journal.record import SweepRecord
from harness.report.text import decimals, duration, number
from harness.system.markdown import NOTHING, code, plain, table
from harness.trial import Asked, TrialResult

Suggestions: TypeAlias = Mapping[tuple[str, str], Mapping[int, Asked]]
"""What the tuner suggested for each cell (task, space), by the number of the trial."""

HOW_TO_READ = """\
Trial 0 of every search is the default configuration, what the author of the architecture would \
try without a search. Scores are those of the validation split, and the gain is positive where \
the search found something better. The best of many validation scores is partly the luckiest (the \
winner's curse): the more trials, the more of a gain is luck, and a small one may be nothing else. \
What the winner is worth is its test score, which played no part in choosing it."""
LONGER = """\
The tuner trains what looks good for longer: a gain holds the further epochs too. The default \
counts with the longest training it was given."""


@dataclass(frozen=True)
class Gain:
    """The default configuration of a cell and the best found, by their validation scores."""

    cell: CellResults
    default: TrialResult | None
    """`None` as long as trial 0 has no result."""
    best: TrialResult | None
    """`None` where no trial has a score."""

    @property
    def gain(self) -> float:
        """How much better the best is, at least 0; NaN without two scores."""
        if self.default is None or self.best is None:
            return math.nan
        difference = self.cell.score(self.best) - self.cell.score(self.default)
        return difference if self.cell.objective.direction == "max" else 0.0 - difference

    @property
    def seconds(self) -> float:
        """Seconds of search, summed over the trials, until the best was found; NaN without."""
        if self.best is None:
            return math.nan
        ended = [result.number for result in self.cell.search].index(self.best.number) + 1
        return math.fsum(result.cost.seconds for result in self.cell.search[:ended])


def suggestions(record: SweepRecord) -> Suggestions:
    """What was suggested, as last written."""
    found: dict[tuple[str, str], dict[int, Asked]] = {}
    for entry in record.history:
        if isinstance(entry, Asked):
            found.setdefault((entry.task, entry.space), {})[entry.number] = entry
    return found


def gain(cell: CellResults, asked: Mapping[int, Asked]) -> Gain:
    """The default against the best of a cell's search.

    A tuner may train the default configuration for longer in later trials: it then counts with
    the best of them, as what is compared is configurations.
    """
    own = {0}
    for later, entry in sorted(asked.items()):
        if entry.parent in own:
            own.add(later)
    defaults = [result for result in cell.search if result.number in own]
    first = next((result for result in defaults if result.number == 0), None)
    default = best_trial(defaults, cell.objective) or first
    return Gain(cell, default, best_trial(cell.search, cell.objective))


def gains(group: Sequence[CellResults], asked: Suggestions) -> str:
    """A table of the cells of a task; empty where no search has a score."""
    found = [gain(cell, asked.get((cell.task, cell.space), {})) for cell in group]
    known = [one for one in found if one.best]
    if not known:
        return ""
    values = [one.cell.score(one.best) for one in known if one.best]
    digits = decimals([Interval(value, value, value) for value in values]) + 1
    rows = [_row(one, digits) for one in found]
    objective = group[0].objective
    arrow = "↑" if objective.direction == "max" else "↓"
    headers = ["architecture", f"default, {plain(objective.metric) or 'score'} {arrow}",
               "best found", "gain", "at trial", "after", "trials", "whole search"]  # fmt: skip
    return table(headers, rows)


def _row(one: Gain, digits: int) -> list[str]:
    cell = one.cell
    best = math.nan if one.best is None else cell.score(one.best)
    return [
        code(cell.space),
        _default(one, digits),
        number(best, digits),
        number(one.gain, digits),
        NOTHING if one.best is None else str(one.best.number),
        duration(one.seconds),
        str(len(cell.search)),
        duration(cell.search_seconds),
    ]


def _default(one: Gain, digits: int) -> str:
    if one.default is None:
        return "no result yet"
    score = one.cell.score(one.default)
    if math.isfinite(score):
        return number(score, digits)
    return "no score" if one.default.status == "completed" else one.default.status
