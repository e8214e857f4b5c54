"""Turns an exception into the record of a failure."""

import errno
import os
import traceback
from collections.abc import Iterator

from harness.system.redact import masked
from harness.system.text import one_line
from harness.trial import Failure

OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")
"""Names of the exceptions by which Python, Torch and TensorFlow say that memory is used up."""
MESSAGE, TRACEBACK = 1_000, 100_000
"""Characters of a message and of a traceback that are kept; the middle of longer ones is not."""
OF_THE_MACHINE = tuple(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "ESTALE")
    if hasattr(errno, name)
)
"""Errors of a disk that is full, may only be read, fails or is gone: no code is at fault."""


def describe_error(error: BaseException) -> Failure:
    """The record of an exception: its type and first line, and the whole traceback, without
    passwords and tokens of the addresses they name."""
    name = type(error).__name__
    lines = _said(error).strip().splitlines()
    first = _kept(f"{name}: {lines[0]}" if lines else name, TRACEBACK)
    message = _kept(one_line(masked(first)), MESSAGE)
    trace = masked(_kept("".join(traceback.format_exception(error)), TRACEBACK))
    if any(_of_the_machine(cause) for cause in _causes(error)):
        return Failure("infrastructure", message, trace)
    memory = name in OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in message  # the latter is XLA's
    return Failure("memory" if memory else "code", message, trace)


def _said(error: BaseException) -> str:
    """The text of an exception, which is made by its own code."""
    try:
        return str(error)
    except Exception as fault:  # noqa: BLE001 - told in its place
        return f"its text cannot be had ({type(fault).__name__})"


def _kept(text: str, longest: int) -> str:
    """The text as every file can hold it: not without end, and no half of a surrogate pair."""
    if len(text) > longest:
        half = longest // 2
        left_out = f" [{len(text) - 2 * half:,} characters left out] "
        text = text[:half] + left_out + text[-half:]
    return text.encode(errors="backslashreplace").decode()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from; a library may cover the one with another."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # they may go in a circle
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _of_the_machine(error: BaseException) -> bool:
    if not isinstance(error, OSError):
        return False
    # HDF5 quotes the system's words and passes no number on.
    return error.errno in OF_THE_MACHINE or any(
        os.strerror(number) in _said(error) for number in OF_THE_MACHINE
    )
