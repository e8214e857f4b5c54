"""Names of a task's data that its figures may not be able to write, in the words of the report."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.analysis.exhibits import Exhibit, Forecast
from harness.report import fonts
from harness.report.text import numbered
from harness.system.markdown import code
from harness.system.text import one_line


def classes_key(shown: Mapping[str, Exhibit]) -> str:
    """The classes of confusion matrices by their numbers, where some machine lacks their letters;
    empty where none does, as the figure names them then."""
    found = dict.fromkeys(tuple(e.confusion.classes) for e in shown.values() if e.confusion)
    keys = [numbered(classes) for classes in found if not _all(fonts.plain, classes)]
    return "\n\n".join(f"Classes in the order of the figure: {key}." for key in keys)


def channels_key(shown: Mapping[str, Exhibit]) -> str:
    """The channels of forecasts, from left to right, where no font here has their letters."""
    names = channels(e.forecasts for e in shown.values())
    if _all(fonts.drawable, names):
        return ""
    return f"Channels from left to right: {numbered(names)}."


def tokens_key(shown: Mapping[str, Exhibit]) -> str:
    """The tokens of attention maps, where no font here has their letters."""
    keys = [
        f"Tokens of map {place} of {code(space)}, {side}: {numbered(tokens)}."
        for space, exhibit in shown.items()
        for place, attention in enumerate(exhibit.attention, start=1)
        for side, tokens in (("source", attention.source), ("translation", attention.target))
        if not _all(fonts.drawable, tokens)
    ]
    return "\n\n".join(keys)


def channels(forecasts: Iterable[Sequence[Forecast]]) -> list[str]:
    """The channel of each window that architectures forecast."""
    rows = list(forecasts)
    return [
        next(windows[column].channel for windows in rows if len(windows) > column)
        for column in range(max(map(len, rows), default=0))
    ]


def _all(known: Callable[[str], bool], names: Iterable[str]) -> bool:
    return all(known(one_line(name)) for name in names)
