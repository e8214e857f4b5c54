"""The legend below a figure, which says what the architectures look like."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

LINE = 66
"""Characters that fit into a line of 5.2 inches, of which a key and its gaps take seven."""


def legend(figure: Figure, spaces: Sequence[str], styles: Mapping[str, Mapping[str, Any]]) -> None:
    """Puts a key of each architecture below a figure 5.2 inches wide, in as few lines as fit."""
    keys = [Line2D([], [], linewidth=2, label=space, **styles[space]) for space in spaces]
    entries = [len(space) + 7 for space in spaces]
    columns = len(keys) if sum(entries) <= LINE else max(1, LINE // max(entries))
    figure.legend(handles=keys, loc="outside lower center", ncols=columns, frameon=False)
