"""How the static figures of a sweep look."""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import matplotlib
import numpy as np
import PIL.Image
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL.PngImagePlugin import PngInfo

from harness.journal.folder import DRAWN_BY
from harness.report.text import number
from harness.system.text import one_line

PALETTE = [c for i, c in enumerate(matplotlib.color_sequences["petroff10"]) if i not in (3, 8)]
"""Colours told apart with any colour vision, without the greys: Petroff, arXiv:2107.02270."""
STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "text.parse_math": False,
}
DPI = 144
COLOURS = 64
"""Of a file. Lines and letters on white have few, and the file is a third as large: a report
with its figures lies in a repository, twice (in the folder and within the page)."""
WIDTH = 4.8
"""Inches of one panel."""
DASHES = ("-", "--", "-.", ":")
INK, FAINT = "#333333", "#8a8a8a"


def image(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(drawn, format="png", dpi=DPI)
    origin = PngInfo()
    origin.add_text("Software", DRAWN_BY)
    # No colour is far from one of those kept, however few pixels have it: that of a name counts.
    few = (
        PIL.Image.open(drawn)
        .convert("RGB")
        .quantize(COLOURS, PIL.Image.Quantize.MAXCOVERAGE, kmeans=2, dither=PIL.Image.Dither.NONE)
    )
    few.save(packed, "PNG", optimize=True, dpi=(DPI, DPI), pnginfo=origin)
    return packed.getvalue()


Styles: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Colour and dashes of each architecture's lines, in words of Matplotlib."""


def line_styles(spaces: Sequence[str]) -> dict[str, dict[str, Any]]:
    """An architecture has one style in all figures of a sweep; dashes tell the ninth and on.

    Args:
        spaces: all architectures of the sweep, in the order of its question.
    """
    return {
        name: {
            "color": PALETTE[i % len(PALETTE)],
            "linestyle": DASHES[i // len(PALETTE) % len(DASHES)],
        }
        for i, name in enumerate(spaces)
    }


def number_decades(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 of each decade, or at 1 alone where there are many."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())


def time_unit(seconds: float) -> tuple[float, str]:
    """Seconds of the unit that a person would choose for an axis of such a length, its name."""
    if seconds < 300:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")


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


LINE = 66
"""Characters that fit into a line of 5.2 inches, of which a key and its gaps take seven."""


def legend(figure: Figure, spaces: Sequence[str], styles: Styles) -> None:
    """Puts a key of each architecture below a figure 5.2 inches wide, in as few lines as fit."""
    keys = [Line2D([], [], linewidth=2, label=space, **styles[space]) for space in spaces]
    entries = [len(space) + 7 for space in spaces]
    columns = len(keys) if sum(entries) <= LINE else max(1, LINE // max(entries))
    figure.legend(handles=keys, loc="outside lower center", ncols=columns, frameon=False)


DARKEST = (0.36, -0.025, -0.17)
"""Dark blue in Oklab: lightness, green to red, blue to yellow."""
UNKNOWN = "#d9d9d9"
"""Where there is no number: a grey, which no shade is."""


def blues() -> Colormap:
    """A straight line from white to dark blue in Oklab (Ottosson 2020), where distance is looks."""
    oklab = np.linspace((1.0, 0.0, 0.0), DARKEST, 256)
    cones = oklab @ [
        [1.0, 1.0, 1.0],
        [0.3963377774, -0.1055613458, -0.0894841775],
        [0.2158037573, -0.0638541728, -1.2914855480],
    ]
    linear = cones**3 @ [
        [4.0767416621, -1.2684380046, -0.0041960863],
        [-3.3077115913, 2.6097574011, -0.7034186147],
        [0.2309699292, -0.3413193965, 1.7076147010],
    ]
    curved = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    )
    return ListedColormap(np.clip(curved, 0, 1), "blues").with_extremes(bad=UNKNOWN)
