"""Paths as people write them."""

import os
from pathlib import Path

from harness.spec import HarnessError
from harness.system.text import quoted


def absolute(base: str | Path, name: str | Path) -> Path:
    """A path from the root on. Links are not followed.

    Args:
        base: the folder that it is relative to, if it is.
        name: as written; `~` stands for a home.

    Raises:
        HarnessError: it begins with the home of a user who is none.
    """
    try:
        whole = Path(base, Path(name).expanduser())
    except RuntimeError:
        raise HarnessError(f"{quoted(str(name))}: there is no such home") from None
    return Path(os.path.abspath(whole))  # noqa: PTH100 - `resolve` would follow links
