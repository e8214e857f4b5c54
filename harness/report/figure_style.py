"""How the static figures of a sweep look."""

import io
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import matplotlib
import numpy as np
import PIL.Image
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL.PngImagePlugin import PngInfo

from harness.journal.folder import DRAWN_BY
from harness.report import fonts
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

Drawing: TypeAlias = Callable[[], Figure]
"""A figure that is not drawn yet."""


def image(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG; each text is in a font of this machine that has it."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    for text in _texts(figure):
        if not fonts.plain(text.get_text()):
            text.set_fontfamily(fonts.families(text.get_text()))
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


def _texts(figure: Figure) -> list[Text]:
    """All that is written in a figure."""
    ticks = [
        tick for axes in figure.axes for tick in (*axes.get_xticklabels(), *axes.get_yticklabels())
    ]
    return [*ticks, *figure.findobj(Text)]


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
    """One line of at most so many characters; what no font here can draw becomes �.

    Dollars need no care: `figures.STYLE` reads no text as mathematics.
    """
    line = "".join(c if fonts.drawable(c) else "�" for c in one_line(text))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def labels(names: Sequence[str], longest: int) -> list[str]:
    """Names that a figure writes beside each other, each as `label`; their numbers, from 1, where
    no font of this machine has one of them. `text.numbered` says in the report which is which."""
    if all(fonts.drawable(one_line(name)) for name in names):
        return [label(name, longest) for name in names]
    return [str(number) for number in range(1, len(names) + 1)]


def breadth(text: str) -> int:
    """Letters that take as much room: those of Chinese, Japanese and Korean take that of two."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


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
