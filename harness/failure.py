"""Turns an exception into the record of a failure."""

import errno
import os
import traceback

from harness import cause
from harness.system.redact import masked
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
    """The record of an exception: why, in one line, and the whole traceback, without passwords
    and tokens of the addresses they name."""
    message = _kept(masked(_kept(cause.reason(error), TRACEBACK)), MESSAGE)
    trace = masked(_kept("".join(traceback.format_exception(error)), TRACEBACK))
    if any(_of_the_machine(one) for one in cause.causes(error)):
        return Failure("infrastructure", message, trace)
    memory = type(error).__name__ in OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in cause.said(error)
    return Failure("memory" if memory else "code", message, trace)  # the latter is XLA's


def _kept(text: str, longest: int) -> str:
    """The text as every file can hold it: not without end, and no half of a surrogate pair."""
    if len(text) > longest:
        half = longest // 2
        left_out = f" [{len(text) - 2 * half:,} characters left out] "
        text = text[:half] + left_out + text[-half:]
    return text.encode(errors="backslashreplace").decode()


def _of_the_machine(error: BaseException) -> bool:
    if not isinstance(error, OSError):
        return False
    # HDF5 quotes the system's words and passes no number on.
    return error.errno in OF_THE_MACHINE or any(
        os.strerror(number) in cause.said(error) for number in OF_THE_MACHINE
    )
