"""The lines of a journal, each of them once; what is damaged is named.

A disk, an editor or a merge may have altered any byte of it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.spec import HarnessError
from harness.system.json_values import loaded, readable, why


class Lines:
    """The complete lines of a journal that have not been given yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        """Lines that were given."""
        self._file: tuple[int, int] | None = None
        """Device and number of the file that they are from."""
        self._end = 0
        """Bytes of all of them."""
        self._last = b""

    def goes_on(self) -> bool:
        """Whether the file begins with what was given of it. One that was replaced, or cut and
        written anew, does not: it is to be read from its beginning, by other `Lines`.

        Raises:
            HarnessError: it cannot be looked at.
        """
        if self._file is None:
            return True
        with readable(self.path), self.path.open("rb") as file:
            state = os.fstat(file.fileno())
            file.seek(self._end - len(self._last))
            return (state.st_dev, state.st_ino) == self._file and (
                file.read(len(self._last)) == self._last
            )

    def new(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Numbers (from 1) and events of the lines that were completed since.

        A last line without its newline is what a killed driver leaves behind, or one that is being
        written. A line counts as given once the next one is asked for: one of which the caller
        finds that it is damaged is given again.

        Raises:
            HarnessError: the file cannot be read, or a line of it is damaged.
        """
        with readable(self.path), self.path.open("rb") as file:
            state = os.fstat(file.fileno())
            self._file = state.st_dev, state.st_ino
            file.seek(self._end)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield self.count + 1, self._event(line)
                self.count, self._last = self.count + 1, line
                self._end += len(line)

    def _event(self, line: bytes) -> dict[str, Any]:
        try:
            event = loaded(line)
            if not isinstance(event, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError) as error:
            raise damaged(self.path, self.count + 1, error) from error
        return event


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
