"""Compares two folders for `harness report A B`: prints the page, and judges it."""

import sys
from pathlib import Path

import rich.console
import rich.markdown

from harness.journal.read import read_journal
from harness.report.two_sweeps.page import Side, markdown
from harness.report.two_sweeps.per_cell import contrasts, judged, regressions
from harness.spec import HarnessError


def compare(a: Path, b: Path, file: Path | None = None, strict: bool = False) -> int:
    """Prints what changed from the sweep in one folder to that in another.

    Args:
        file: where the Markdown is written as well.
        strict: whether a cell that got worse is an error.

    Returns:
        The exit code: 1 with `strict` if a cell of B is worse, or lost its confirmed result,
        else 0.

    Raises:
        HarnessError: a folder holds no journal, or a damaged or an empty one; the file cannot be
            written; or, with `strict`, no cell can be judged, so that nothing could ever fail.
    """
    before, after = _side(a), _side(b)
    found = contrasts(before.record, after.record)
    text = markdown(before, after, found)
    if file is not None:
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise HarnessError(f"{file}: cannot be written ({error.strerror})") from None
    console = rich.console.Console()
    if console.is_terminal:
        console.print(rich.markdown.Markdown(text))
    else:
        sys.stdout.write(text)
    if strict and not judged(found):
        raise HarnessError(
            f"{a} and {b}: no cell can be judged; that takes one that both have, on the same "
            "data, with two seeds of each"
        )
    return int(strict and bool(regressions(found)))


def _side(folder: Path) -> Side:
    record = read_journal(folder)
    if record is None:
        raise HarnessError(f"{folder}: the journal is empty; expected one that a run has begun")
    return Side(str(folder), record)
