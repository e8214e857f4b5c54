"""Lines of a journal as values that are what they should be; what is damaged is named.

A disk, an editor or a merge may have altered any byte of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.spec import HarnessError
from harness.system.json_values import loaded, readable, why

LATEST = 253_402_300_800.0
"""Unix seconds at the end of the year 9999, the last that a date can be made of."""


def events(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers (from 1) and events of all complete lines."""
    with readable(path), path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                event = loaded(line)
            except (ValueError, RecursionError) as error:
                raise damaged(path, number, error) from error
            if not isinstance(event, dict):
                raise damaged(path, number, ValueError("not an object"))
            yield number, event


def damaged(path: Path, number: int, error: Exception) -> HarnessError:
    """What is wrong with a line of a journal, and what can be done."""
    reason = why(error)
    way = "restore the line from a copy, or start anew with --fresh"
    if number > 1:
        way = (
            "restore the line from a copy, or delete it and all below it and carry on from "
            "there, or start anew with --fresh"
        )
    return HarnessError(f"{path}, line {number}: not a journal event ({reason}); {way}")


def check_time(seconds: Any) -> None:
    """Raises `ValueError` where a date cannot be made of it."""
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < LATEST:
        raise ValueError(f"no time: {seconds!r}")
