"""Raw input of a model from files, tables, folders and standard input, by kind of task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.kinds.image_classification import IMAGE
from harness.kinds.text import encoding as encodings
from harness.own import images, series, tables
from harness.own.description import Format
from harness.own.places import IMAGES, Place
from harness.spec import HarnessError, Kind
from harness.winner.fitted import Fitted

STDIN = "-"


@dataclass(frozen=True)
class Inputs:
    """What a model is asked about."""

    raw: list[Any]
    """As `encode` of the kind takes it."""
    shown: list[dict[str, str]]
    """What stands beside each answer: columns of a table, a text, the name of a file."""


def read(fitted: Fitted, names: Sequence[str], stdin: Callable[[], str]) -> Inputs:
    """The input that files hold.

    Args:
        fitted: the model.
        names: files and folders; `-` is standard input.
        stdin: returns what that holds.

    Raises:
        HarnessError: a file cannot be read, or is not what the model takes.
    """
    kind = fitted.interface.spec.kind
    reader = _READERS.get(kind)
    if reader is None:
        raise HarnessError(f"a model of {kind} takes no raw input here; expected one of "
                           f"{', '.join(sorted(_READERS))}")  # fmt: skip
    parts = [reader(fitted, name, stdin) for name in names]
    return Inputs([raw for part in parts for raw in part.raw],
                  [row for part in parts for row in part.shown])  # fmt: skip


def _texts(fitted: Fitted, name: str, stdin: Callable[[], str]) -> Inputs:
    """Texts, a line each, or columns of a table; of pairs two, between tabs in a line."""
    keys = _text_keys(fitted)
    if name != STDIN and tables.suffix(name) in tables.SUFFIXES:
        table = _table(fitted, name)
        columns = _columns(fitted, name, list(table.columns), keys)
        sides = [[value or "" for value in tables.column(name, table, c)] for c in columns]
        raw = sides[0] if len(sides) == 1 else list(zip(*sides, strict=True))
        return Inputs(list(raw), _rows(table))
    encoding = fitted.data.get("encoding", "utf-8")
    text = stdin() if name == STDIN else tables.text(name, Path(name), encoding)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise HarnessError(f"{name}: no lines; expected a text in each")
    if len(keys) == 1:
        return Inputs(list(lines), [{keys[0]: line} for line in lines])
    pairs = [tuple(line.split("\t")) for line in lines]
    for number, pair in enumerate(pairs, start=1):
        if len(pair) != len(keys):
            raise HarnessError(f"{name}, line {number}: {len(pair)} texts; expected two, with a "
                               "tab between them")  # fmt: skip
    return Inputs(list(pairs), [dict(zip(keys, pair, strict=True)) for pair in pairs])


def _text_keys(fitted: Fitted) -> tuple[str, ...]:
    """What the texts of an example are called in a `[data.NAME]` table."""
    kind, spec = fitted.interface.spec.kind, fitted.interface.spec
    if kind == "translation":
        return ("source",)
    if kind in ("text_classification", "sentence_similarity"):
        pairs = len(encodings.of(spec, fitted.assets).columns or ("text",)) > 1
        return ("text", "other") if pairs else ("text",)
    return ("text",)


def _table(fitted: Fitted, name: str) -> Any:
    keys = ("encoding", "separator", "quotes", "header")
    format = Format(**{key: fitted.data[key] for key in keys if key in fitted.data})
    return tables.read(name, Path(name), format)


def _columns(fitted: Fitted, name: str, known: Sequence[str], keys: Sequence[str]) -> Sequence[str]:
    """The columns of a table that hold the texts: those of the task's own data, those called as the
    keys are, or all, if there are no more than texts."""
    own = [str(fitted.data.get(key, key)) for key in keys]
    if set(own) <= set(known):
        return own
    if len(known) == len(keys):
        return known
    raise HarnessError(
        f"{name}: no column {next(c for c in own if c not in known)!r}; its columns are "
        f"{tables.listed(known)}"
    )


def _rows(table: Any) -> list[dict[str, str]]:
    """The rows of a table as texts."""
    return [
        {column: value if isinstance(value, str) else "" for column, value in row.items()}
        for row in table.to_dict("records")
    ]


def _images(fitted: Fitted, name: str, stdin: Callable[[], str]) -> Inputs:
    """Image files, all of a folder, or those that a table names."""
    path = Path(name)
    shown: list[dict[str, str]]
    if tables.suffix(name) in tables.SUFFIXES:
        table = _table(fitted, name)
        (column,) = _columns(fitted, name, list(table.columns), (IMAGE,))
        named = tables.given(name, table, column, "the path of an image")
        places = [
            Place(f"{name}, row {row}: {n}", path.parent / n) for row, n in enumerate(named, 1)
        ]
        shown = _rows(table)
    elif path.is_dir():
        found = sorted(p for p in path.rglob("*") if tables.suffix(p.name) in IMAGES)
        if not found:
            raise HarnessError(f"{name}: no images in it; expected some of {', '.join(IMAGES)}")
        places = [Place(str(p), p) for p in found]
        shown = [{IMAGE: str(p)} for p in found]
    else:
        places, shown = [Place(name, path)], [{IMAGE: name}]
    height, width, channels = fitted.interface.spec.inputs[IMAGE].shape
    assert height is not None
    assert width is not None
    assert channels is not None
    return Inputs([images.array(p, (height, width), channels) for p in places], shown)


def _series(fitted: Fitted, name: str, stdin: Callable[[], str]) -> Inputs:
    """A table, of which the last steps are read."""
    import pandas as pd

    table = _table(fitted, name)
    time = fitted.data.get("time")
    if time is not None and time in table.columns:
        series.check_order(name, series.times(name, table, time), time)
    channels = fitted.assets["channels"]
    values = {channel: tables.numbers(name, table, channel) for channel in channels}
    return Inputs([pd.DataFrame(values)], [{"file": name}])


_READERS: Mapping[Kind, Callable[[Fitted, str, Callable[[], str]], Inputs]] = {
    "text_classification": _texts,
    "sentence_similarity": _texts,
    "token_classification": _texts,
    "translation": _texts,
    "language_modeling": _texts,
    "masked_language_modeling": _texts,
    "image_classification": _images,
    "time_series_forecasting": _series,
}
