"""What a check says: the only word the checks and the command share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.failure import describe_error

Level: TypeAlias = Literal["ok", "warning", "error"]
"""`error` where a sweep would fail, `warning` where it would run with less than it could have."""


@dataclass(frozen=True)
class Finding:
    """One line about the surroundings of a sweep."""

    name: str
    """What was looked at."""
    level: Level
    message: str
    """What was found, and why it matters where that is not plain. It may hold text from outside,
    which is shown as it is and never as markup."""
    remedy: str = ""
    """What to do about it; empty where nothing need be done."""


def guarded(name: str, check: Callable[[], Finding | Iterable[Finding]]) -> Iterator[Finding]:
    """What a check finds; one that fails in a way nobody foresaw is a finding as well."""
    try:
        found = check()
        yield from (found,) if isinstance(found, Finding) else found
    except Exception as error:  # noqa: BLE001 - the other checks still have something to say
        message = f"could not be checked ({describe_error(error).message})"
        yield Finding(name, "error", message, "set right what the message names and ask again")


def gigabytes(count: float) -> str:
    """A number of bytes in units of 10^9, or of 10^6 below one of them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
