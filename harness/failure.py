"""Turns an exception into the record of a failure."""

import traceback

from harness.spec import Failure

OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")
"""Names of the exceptions by which Python, Torch and TensorFlow say that memory is used up."""


def describe_error(error: BaseException) -> Failure:
    """The record of an exception: its type and first line, and the whole traceback."""
    name = type(error).__name__
    lines = str(error).strip().splitlines()
    message = f"{name}: {lines[0]}" if lines else name
    memory = name in OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in message  # the latter is XLA's
    trace = "".join(traceback.format_exception(error))
    return Failure("memory" if memory else "code", message, trace)
