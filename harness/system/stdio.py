"""Standard streams that outlast whoever reads them, and one that says nothing for a moment."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator

_GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ENOSPC, errno.EDQUOT)


class _Lasting(io.FileIO):
    """A descriptor that may be written to when nobody reads it any more, and when its disk is
    full."""

    def write(self, content: bytes, /) -> int:  # type: ignore[override]
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return len(content)


def outlast_readers() -> None:
    """Makes printing safe: a sweep of days does not end because its terminal or the program it
    was piped into has, nor because a name cannot be written in the encoding of the terminal.

    Descriptors that were closed at the start are opened on nothing, so that no file takes their
    place and with it what libraries print. Streams that somebody replaced are left as they are.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and stream is getattr(sys, f"__{name}__"):
            raw = getattr(stream.buffer, "raw", stream.buffer)
            if type(raw) is io.FileIO:  # what writes to a console of Windows is something else
                setattr(sys, name, _lasting(stream, raw))


def _lasting(stream: io.TextIOWrapper, raw: io.FileIO) -> io.TextIOWrapper:
    stream.flush()
    lasting = _Lasting(raw.fileno(), "wb", closefd=False)
    unbuffered = stream.write_through
    return io.TextIOWrapper(
        lasting if unbuffered else io.BufferedWriter(lasting),  # type: ignore[type-var]
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=unbuffered,
    )


@contextlib.contextmanager
def silent_errors() -> Iterator[None]:
    """Sends the process's standard error to nowhere.

    TensorFlow greets with its processor features on import, beneath Python and regardless
    of its own log level. Errors of an import are exceptions and are not lost.
    """
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
