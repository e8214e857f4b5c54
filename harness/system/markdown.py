"""Text from data inside Markdown, of the report as of MLflow: it formats nothing, adds no line."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from harness.system.text import one_line

NOTHING = "–"
"""What stands where there is nothing."""
LONGEST = 300
"""Characters of a code span, unless told; whatever is cut elsewhere has as many."""
_ISOLATE, _POP = "\u2068", "\u2069"


def plain(value: object, longest: int | None = None) -> str:
    """A value as prose: one line in which no character means anything to Markdown or HTML.

    It is cut to so many characters, if that is told.
    """
    line = one_line(str(value))
    if longest is not None and len(line) > longest:
        line = f"{line[: longest - 1]}…"
    # Entities, as a backslash is no escape everywhere. An underscore within a word formats
    # nothing, and names are easier to read as they are.
    found = re.sub(r"[\\`*\[\]<>|&~]|(?<!\w)_|_(?!\w)", lambda c: f"&#{ord(c[0])};", line)
    return isolated(found)


def code(value: object, longest: int = LONGEST, in_table: bool = True) -> str:
    """A value as a code span: one line, cut when long; a dash where there is nothing.

    A bar is escaped, as it would end an entry of a table. Outside of tables the backslash would
    show: `in_table=False` where the text may hold bars.
    """
    line = one_line(str(value)).replace("`", "'")
    line = line.replace("|", "\\|") if in_table else line
    if len(line) > longest:
        line = line[: longest - 1].rstrip("\\") + "…"
    return isolated(f"`{line}`") if line else NOTHING


def isolated(text: str) -> str:
    """The text; between Unicode's isolates where some of it is read from right to left.

    Else what follows a name in Arabic or Hebrew, such as its score, would be drawn on its other
    side (Unicode Standard Annex 9, "Unicode Bidirectional Algorithm").
    """
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text):
        return f"{_ISOLATE}{text}{_POP}"
    return text


def bullets(sentences: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table of ready entries; the first `left` columns are aligned left."""
    align = ["left" if i < left else "right" for i in range(len(headers))]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def narrow_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table whose columns are not padded, for where characters are counted."""
    return [
        f"| {' | '.join(headers)} |",
        f"|{'---|' * len(headers)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
