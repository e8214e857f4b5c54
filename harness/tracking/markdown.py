"""Text from data inside the Markdown that MLflow shows: it formats nothing and adds no line."""

import re
from collections.abc import Iterable, Sequence

LONGEST = 200
"""Characters of one piece of text."""


def plain(value: object, longest: int = LONGEST) -> str:
    """A value as prose in which no character means anything to Markdown or HTML."""
    return re.sub(r"[\\`*_\[\]<>|~&]", lambda found: f"&#{ord(found[0])};", _line(value, longest))


def code(value: object, longest: int = LONGEST) -> str:
    """A value as a code span; a dash where there is nothing."""
    # A span ends at a back quote, and a cell at a bar wherever it stands.
    line = _line(value, longest).replace("`", "'").replace("|", "¦")
    return f"`{line}`" if line else "–"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; its cells are ready Markdown."""
    return [
        f"| {' | '.join(headers)} |",
        f"|{'---|' * len(headers)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _line(value: object, longest: int) -> str:
    text = "".join(c if c.isprintable() else " " for c in str(value))
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
