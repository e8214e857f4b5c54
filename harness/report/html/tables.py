"""What the cells of a written table are worth, so that a column can be sorted by size."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from harness.system.markdown import NOTHING

UNITS = {
    "": 1.0,
    "%": 1.0,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
}
"""How many of its kind's smallest unit a unit is: seconds, bytes, or plain numbers."""
_NUMBER = r"[+\-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+\-]?\d+)?"
_PART = re.compile(rf"({_NUMBER})\s*({'|'.join(filter(None, UNITS))})?(?![\w%])")
_TAIL = re.compile(r"\s*(?:$|\(.*\)$|(?:to|of|±)\s.*$|(?:×|times)$)")
_NONE = frozenset({"", "-", "—", NOTHING})


@dataclass(frozen=True)
class Keys:
    """What a column is sorted by: a key for each of its cells."""

    kind: Literal["number", "text"]
    values: tuple[str, ...]
    """Empty for a cell that holds nothing, which stands last whichever way is sorted."""


def quantity(text: str) -> float | None:
    """The number that a cell begins with, in the smallest unit; `None` if it is not a number.

    It may be followed by an interval, a total or a deviation: `0.98 (0.97 to 0.99)`, `2 of 3`,
    `0.97 to 0.99`, `1 min 20 s`. What is said to be below or above a number stands beside it:
    `< 0.001` comes before `0.001`.
    """
    text = text.strip()
    side = {"<": -math.inf, ">": math.inf}.get(text[:1])
    rest = text if side is None else text[1:].lstrip()
    total, last = None, math.inf
    while match := _PART.match(rest):
        unit = match[2] or ""
        # `1 min 20 s` goes on with a smaller unit; anything else is no sum.
        if total is not None and not (unit and UNITS[unit] < last):
            break
        value = float(match[1].replace(",", "").replace("−", "-")) * UNITS[unit]
        total = value if total is None else total + math.copysign(value, total)
        rest, last = rest[match.end() :].lstrip(), UNITS[unit]
    if total is None or not math.isfinite(total) or not _TAIL.match(rest):
        return None
    return total if side is None else math.nextafter(total, side)


def keys(cells: Sequence[str]) -> Keys:
    """The keys of a column: numbers, if its cells are numbers but for those of one other text.

    That text, such as `not reached`, then counts as nothing.
    """
    texts = ["" if text.strip() in _NONE else text.strip() for text in cells]
    worth = {text: quantity(text) for text in texts}
    others = sum(value is None for text, value in worth.items() if text)
    if others > 1 or all(value is None for value in worth.values()):
        return Keys("text", tuple(text.casefold() for text in texts))
    known = (worth[text] for text in texts)
    return Keys("number", tuple("" if value is None else repr(value) for value in known))


LONG = 36
"""Characters from which a column holds prose, which is broken into lines."""
NARROW = 24
"""Characters up to which the first column stays in sight while the others scroll."""
VERDICTS = {
    "best mean": "good",
    "different": "sure",
    "not distinguishable": "unsure",
    "unknown": "unsure",
}
"""Words of the leaderboard that are marked, and how."""


@dataclass(frozen=True)
class Entry:
    """One cell: its HTML and its words."""

    html: str
    words: str
    right: bool
    strong: bool
    """Whether something in it is bold."""


@dataclass(frozen=True)
class _Column:
    """How the cells of a column look and what they are sorted by."""

    classes: tuple[str, ...]
    keys: Keys | None
    """`None` if the table cannot be sorted by it."""


def sheet(rows: Sequence[Sequence[Entry]]) -> str:
    """A table, whose first row is its head.

    It can be sorted by any column of short cells, unless its rows belong together: where a
    first cell is empty because it is that of the row above, or where the head does not say
    what the rows are.
    """
    head, body = rows[0], rows[1:]
    grouped = not head[0].words or any(not row[0].words for row in body)
    sortable = len(body) > 1 and not grouped
    columns = [
        _column(number, [row[number] for row in body], sortable) for number in range(len(head))
    ]
    heads = "".join(map(_head, head, columns))
    lines = "\n".join(
        f"<tr{_class(first)}>{''.join(_cell(row[i], columns[i], number) for i in range(len(row)))}"
        "</tr>"
        for number, (row, first) in enumerate(zip(body, _firsts(body, grouped), strict=True))
    )
    return (
        f'<div class="scroll"><table{_class(["grouped"] if grouped else [])}>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table></div>"
    )


def _firsts(body: Sequence[Sequence[Entry]], grouped: bool) -> list[tuple[str, ...]]:
    """The class of each row: whether it is the first of those that belong together."""
    bold = any(row[0].strong for row in body)
    return [
        ("first",) if grouped and (row[0].strong if bold else row[0].words) else () for row in body
    ]


def _column(number: int, cells: Sequence[Entry], sortable: bool) -> _Column:
    longest = max((len(cell.words) for cell in cells), default=0)
    classes = ["right"] if cells and cells[0].right else []
    if longest > LONG:
        classes.append("long")
    if number == 0 and longest <= NARROW:
        classes.append("name")
    found = keys([cell.words for cell in cells]) if sortable and longest <= LONG else None
    return _Column(tuple(classes), found)


def _head(cell: Entry, column: _Column) -> str:
    if column.keys is None:
        return f'<th scope="col"{_class(column.classes)}>{cell.html}</th>'
    # An arrow up says that more is better: the best come first at the first click.
    first = "descending" if "↑" in cell.words else "ascending"
    return (
        f'<th scope="col"{_class(column.classes)} data-kind="{column.keys.kind}" '
        f'data-first="{first}"><button type="button">{cell.html}</button></th>'
    )


def _cell(cell: Entry, column: _Column, row: int) -> str:
    key = f' data-sort="{escape(column.keys.values[row])}"' if column.keys else ""
    verdict = VERDICTS.get(cell.words)
    written = f'<span class="verdict {verdict}">{cell.html}</span>' if verdict else cell.html
    return f"<td{_class(column.classes)}{key}>{written}</td>"


def _class(names: Sequence[str]) -> str:
    return f' class="{" ".join(names)}"' if names else ""
