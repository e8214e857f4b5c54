"""What the cells of a written table are worth, so that a column can be sorted by size."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.report.words import NOTHING

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
