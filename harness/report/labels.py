"""Text from data as figures show it."""

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font

from harness.lines import one_line


def label(text: str, longest: int) -> str:
    """One line of at most so many characters; what the font cannot draw becomes �.

    Dollars need no care: `figures.STYLE` reads no text as mathematics.
    """
    line = "".join(c if _font().get_char_index(ord(c)) else "�" for c in one_line(text))
    return line if len(line) <= longest else line[: longest - 1] + "…"


@cache
def _font() -> FT2Font:
    """The font that comes with Matplotlib, and so is the same on every machine."""
    return get_font(findfont(FontProperties(family="DejaVu Sans")))
