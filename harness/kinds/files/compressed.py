"""Compressed files, read whole: no more than fits."""

import gzip
import zlib
from pathlib import Path

from harness.spec import HarnessError

LARGEST = 1 << 28
"""Bytes; ten thousand zeros compress to ten bytes, and so might a disk of them. The largest file
that is read here has 47 million."""


def unpacked(path: Path, expected: str, largest: int = LARGEST) -> bytes:
    """What a gzip file holds.

    Args:
        expected: what the file should be, for the error.
        largest: bytes that are accepted.

    Raises:
        HarnessError: it is no such file, is cut short or holds more.
    """
    try:
        with gzip.open(path, "rb") as file:
            content = file.read(largest + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise HarnessError(f"{path}: not {expected} ({error})") from None
    if len(content) > largest:
        raise HarnessError(f"{path}: not {expected} (more than {largest:,} bytes)")
    return content
