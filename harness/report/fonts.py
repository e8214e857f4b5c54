"""Which fonts draw a text on this machine.

Matplotlib comes with DejaVu Sans, which has the letters of many alphabets, and none of Chinese or
Devanagari. Where it lacks one, another font of the machine is taken, if one has it. From right to
left Matplotlib writes itself, since 3.11.
"""

import functools
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.ft2font import FT2Font

OWN = "DejaVu Sans"
"""The font that comes with Matplotlib, and so is the same on every machine."""
BOXES = "Last Resort"
"""How the name of the font begins that has a box for every character."""
REGULAR = 400
"""The weight of letters that are neither light nor bold."""


def families(text: str) -> list[str]:
    """Names of the fonts that draw a text together, Matplotlib's own first.

    What no font has is not accounted for, see `drawable`.
    """
    others = (family(character) for character in text)
    return [OWN, *dict.fromkeys(name for name in others if name not in (OWN, None) and name)]


def drawable(text: str) -> bool:
    """Whether a font of this machine has each character."""
    return all(family(character) for character in text)


def plain(text: str) -> bool:
    """Whether the font that every machine has draws a text."""
    return all(family(character) == OWN for character in text)


@functools.cache
def family(character: str) -> str | None:
    """The font that draws a character; `None` if none of this machine does."""
    found = (name for name, font in _fonts() if font.get_char_index(ord(character)))
    return next(found, None)


@functools.cache
def _fonts() -> Sequence[tuple[str, FT2Font]]:
    """Fonts by name, in the order in which they are asked: those without serifs first."""
    own = OWN, get_font(findfont(FontProperties(family=OWN)))
    entries = {
        entry.name: entry
        for entry in fontManager.ttflist
        if entry.style == "normal" and entry.weight == REGULAR and not entry.name.startswith(BOXES)
    }
    names = sorted(entries, key=lambda name: ("Sans" not in name, "Mono" in name, name))
    return [own, *((name, get_font(entries[name].fname)) for name in names if name != OWN)]
