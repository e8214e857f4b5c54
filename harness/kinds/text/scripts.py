"""Which texts are written without spaces between words."""

import re
from collections.abc import Iterable

SCRIPTS = {
    "Japanese": "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "Chinese": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "Thai": "\u0e01-\u0e5b",
    "Lao": "\u0e81-\u0edf",
    "Burmese": "\u1000-\u109f",
    "Khmer": "\u1780-\u17ff",
    "Tibetan": "\u0f00-\u0fff",
}
"""Characters of scripts without spaces, as the ranges of a regular expression."""
UNSPACED = "".join(SCRIPTS.values())
_ONE = re.compile(f"[{UNSPACED}]")
_ANY = re.compile(f"[{UNSPACED}]|[^\\W_]")


def unspaced(texts: Iterable[str]) -> str | None:
    """The language whose script most characters of texts are of, if it has no spaces.

    Chinese characters are Japanese beside a few of the Japanese syllables.
    """
    joined = " ".join(texts)
    found = _ONE.findall(joined)
    if 2 * len(found) <= len(_ANY.findall(joined)):
        return None
    shares = {
        name: len(re.findall(f"[{ranges}]", joined)) / len(found)
        for name, ranges in SCRIPTS.items()
    }
    if shares["Japanese"] > 0.1:
        return "Japanese"
    return max(shares, key=lambda name: shares[name])
