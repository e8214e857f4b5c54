"""Names of tasks and search spaces: which are allowed, and which one may have been meant."""

import difflib
import re
from collections.abc import Iterable

LONGEST_NAME = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""Names become parts of file names, between dots."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever comes behind the dot."""


def allowed(name: str) -> bool:
    """Whether a task or a space may be called so."""
    return bool(_NAME.fullmatch(name)) and portable(name)


def portable(name: str) -> bool:
    """Whether files and folders may be called so on every system, as far as letters go."""
    return len(name) <= LONGEST_NAME and not name.endswith(".") and not _DEVICES.fullmatch(name)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` where something is close, else the known names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"did you mean {' or '.join(repr(match) for match in close)}?"
    return f"expected one of {', '.join(known)}"
