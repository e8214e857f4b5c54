"""The file that takes what workers print, however much that is."""

import contextlib
import os
from pathlib import Path

LIMIT = 20_000_000
"""Bytes beyond which a log is cut."""


class Log:
    """A log that several processes append to, and that the driver keeps short.

    Looked at many times a second, it holds at most `limit` bytes and what is printed between two
    looks. Its end is kept: it says how something ended.
    """

    def __init__(self, path: Path | None, limit: int = LIMIT) -> None:
        """Opens the log, or makes it; what is written to `None` is discarded."""
        self._path = Path(path or os.devnull)
        self.file = self._path.open("ab", buffering=0)
        self._limit = limit

    def shorten(self) -> None:
        """Cuts a log that has grown too long, and says so in its first line.

        Processes write on meanwhile, each line at what is the end then. What they write while the
        end is copied is lost, and so may be all of it when the disk is full.
        """
        size = os.fstat(self.file.fileno()).st_size
        if size <= self._limit:
            return
        with contextlib.suppress(OSError):  # a log is not worth a sweep
            with self._path.open("rb") as file:
                file.seek(size - self._limit // 2)
                end = file.read(self._limit // 2)
            end = end[end.find(b"\n") + 1 :]
            line = f"[{size - len(end):,} bytes left out: workers print too much]\n"
            self.file.truncate(0)
            self.file.write(line.encode() + end)

    def close(self) -> None:
        """Closes the driver's side."""
        if not self.file.closed:
            self.shorten()
            self.file.close()
