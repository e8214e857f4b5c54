"""What an exception says of who is at fault: the code, the memory, or the machine."""

import errno
import os

import pytest

from harness.failure import describe_error
from harness.spec import HarnessError


def raised(error, cause=None):
    try:
        raise error from cause
    except type(error) as caught:
        return caught


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO])
def test_a_disk_that_cannot_be_written_is_of_the_machine(number):
    failure = describe_error(raised(OSError(number, os.strerror(number), "model.keras")))
    assert failure.kind == "infrastructure"
    assert os.strerror(number) in failure.message
    assert "test_failure.py" in failure.traceback


@pytest.mark.parametrize(
    "error",
    [
        OSError(f"[HDF5] write failed: errno = 28, error message = '{os.strerror(errno.ENOSPC)}'"),
        raised(ValueError("cannot save"), OSError(errno.ENOSPC, "full")),
        raised(HarnessError("its data cannot be had"), OSError(errno.EIO, "broken")),
    ],
    ids=["quoted", "covered", "explained"],
)
def test_a_library_may_cover_it(error):
    assert describe_error(error).kind == "infrastructure"


@pytest.mark.parametrize("shown, kind", [(True, "infrastructure"), (False, "code")])
def test_what_was_raised_while_another_was_handled_is_seen_unless_it_hides_it(shown, kind):
    error = KeyError("half")
    error.__context__ = OSError(errno.ENOSPC, "full")
    error.__suppress_context__ = not shown
    assert describe_error(error).kind == kind


@pytest.mark.parametrize(
    "error, kind",
    [
        (FileNotFoundError(errno.ENOENT, "no such file"), "code"),
        (PermissionError(errno.EACCES, "not allowed"), "code"),
        (ValueError(os.strerror(errno.ENOSPC)), "code"),
        (MemoryError(), "memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: out of memory"), "memory"),
    ],
)
def test_everything_else_is_not(error, kind):
    assert describe_error(error).kind == kind
