"""Scores by class, from the confusion matrices of the exhibits."""

from collections.abc import Mapping

from harness.analysis.exhibits import Exhibit
from harness.report.text import number
from harness.system.markdown import NOTHING, code, table

MOST = 40
"""Classes up to which each has a row."""


def by_class(shown: Mapping[str, Exhibit]) -> str:
    """Recall and precision of each class in percent, a column for each architecture; the rarest
    class first. Empty where there are no classes, or too many for a table.

    Args:
        shown: exhibits of one task by architecture.
    """
    found = {space: e.confusion for space, e in shown.items() if e.confusion}
    named = {confusion.classes for confusion in found.values()}
    if len(named) != 1 or len(classes := next(iter(named))) > MOST:
        return ""
    first = next(iter(found.values()))
    rows = [
        (sum(first.counts[place]), name, [_scores(c.counts, place) for c in found.values()])
        for place, name in enumerate(classes)
    ]
    cells = [[code(name, 40), f"{count:,}", *scores] for count, name, scores in sorted(rows)]
    headers = ["recall / precision, %", "examples", *map(code, found)]
    return table(headers, cells, left=1)


def _scores(counts: tuple[tuple[int, ...], ...], place: int) -> str:
    right, true = counts[place][place], sum(counts[place])
    told = sum(row[place] for row in counts)
    return f"{_percent(right, true)} / {_percent(right, told)}"


def _percent(part: int, of: int) -> str:
    return number(100 * part / of, 1) if of else NOTHING
