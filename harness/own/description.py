"""What a `[data.NAME]` table of a sweep file says, checked key by key."""

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from harness import kinds
from harness.kinds import presets
from harness.own import types
from harness.spec import HarnessError, Kind
from harness.system.text import quoted

KINDS: tuple[Kind, ...] = (
    "image_classification",
    "language_modeling",
    "masked_language_modeling",
    "sentence_similarity",
    "text_classification",
    "time_series_forecasting",
    "token_classification",
    "translation",
)
"""Kinds of which data can be described so."""
COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "image_classification": ("image", "label"),
    "language_modeling": ("text",),
    "masked_language_modeling": ("text",),
    "sentence_similarity": ("text", "other", "grade"),
    "text_classification": ("text", "other", "label"),
    "time_series_forecasting": ("time", "values"),
    "token_classification": ("word", "tag"),
    "translation": ("source", "target"),
}
"""Keys that name the columns of a table, by kind."""
IN_ORDER: tuple[Kind, ...] = ("language_modeling", "time_series_forecasting")
"""Kinds that are split in the order of their files, always."""
MEASURED: tuple[Kind, ...] = ("image_classification", "text_classification")
"""Kinds whose objective may be named: see `harness.kinds.imbalance`."""
FURTHER = ("batch_sizes", "learning_rate", "licence")
"""Parts of a task that may stand in the table, beside the options of its kind's constructor."""
STARTED = "init_from"
"""The key of a preset, of kinds that can start from one: see `harness.kinds.presets`."""
LARGEST_IMAGE = 1024
"""Pixels of a side."""


@dataclass(frozen=True)
class Cut:
    """Which examples are for training, for validation and for the test, where no files say so."""

    val: float = 0.1
    """Share of validation."""
    test: float = 0.1
    seed: int = 0
    group: str | None = None
    """A column: all rows of one value are on one side."""
    time: str | None = None
    """A column: the latest rows are for the test, those before them for validation."""
    split: str | None = None
    """A column that says it of each row: train, val or test."""
    fold: int = 0
    """Which of several splits of the same data this is: cut with another seed, or, in order of
    time, off what is left without so many stretches at the end, each as long as the test."""

    @property
    def randomness(self) -> int:
        """The seed of this split."""
        return (self.seed + 1000 * self.fold) % 2**32


@dataclass(frozen=True)
class Format:
    """How the files of a table are written."""

    encoding: str = "utf-8"
    separator: str | None = None
    """Between columns; by the name of the file if absent."""
    quotes: bool = True
    """Whether quotation marks hold a value together; else they are characters like any other."""
    header: bool = True
    """Whether the first line names the columns; else they are called 1, 2, ..."""


@dataclass(frozen=True)
class Data:
    """What is understood of data of one's own."""

    name: str
    kind: Kind
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Names of columns by key: see `COLUMNS`."""
    cut: Cut = Cut()
    format: Format = Format()
    size: tuple[int, int] | None = None
    """Height and width of images; the median of training if absent."""
    gaps: str | None = None
    """`interpolate`: missing steps of a series are filled in by straight lines."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the constructor of the kind."""


_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "val": ((float,), "a share, such as 0.1"),
    "test": ((float,), "a share, such as 0.1"),
    "seed": ((int,), "a whole number from 0"),
    "fold": ((int,), "a whole number from 0"),
    "group": ((str,), "the name of a column"),
    "time": ((str,), "the name of a column"),
    "split": ((str,), "the name of a column"),
    "encoding": ((str,), "the name of an encoding, such as 'utf-8' or 'latin-1'"),
    "separator": ((str,), "the character between columns, such as ';'"),
    "quotes": ((bool,), "true or false"),
    "header": ((bool,), "true or false"),
    "size": ((int, list, tuple), "[height, width] in pixels, or one number for both"),
    "gaps": ((str,), "'interpolate'"),
    STARTED: ((str,), "a folder, or the name of a preset of KerasHub"),
}


def keys(kind: Kind) -> tuple[str, ...]:
    """What may stand in a table of data of a kind."""
    own = {"image_classification": ("size",), "time_series_forecasting": ("gaps",)}
    general = [name for name in _TYPES if name not in ("size", "gaps", STARTED)]
    if kind in IN_ORDER:
        general = [name for name in general if name not in ("seed", "group", "split")]
    every = ("kind", "files", *COLUMNS[kind], *general, *own.get(kind, ()), *_options(kind))
    return tuple(dict.fromkeys(every))


def parse(name: str, table: Mapping[str, Any], origin: str = "") -> Data:
    """A table that says all, as a value.

    Args:
        name: of the task.
        table: as it stands in the file; `files` is read by `harness.own.places`.
        origin: the file, for the errors.

    Raises:
        HarnessError: a key that there is not, or a value of another type or out of range.
    """
    where = f"{origin}: data.{name}" if origin else f"data.{name}"
    kind = known_kind(where, table.get("kind"))
    known = keys(kind)
    for key, value in table.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"
            raise HarnessError(f"{where}.{quoted(key)}: unknown key for {kind}; {hint}")
        if key in _TYPES and key not in COLUMNS[kind]:
            _check(where, key, value)
    columns = {key: _column(where, key, table[key]) for key in COLUMNS[kind] if key in table}
    cut = Cut(**{key: table[key] for key in _fields(Cut, kind) if key in table})
    if cut.val + cut.test >= 1:
        raise HarnessError(f"{where}: val = {cut.val:g} and test = {cut.test:g}: expected to leave "
                           "something for training")  # fmt: skip
    _check_different(where, columns)
    options = {key: _frozen(table[key]) for key in _options(kind) if key in table}
    types.check(where, kinds.of(kind).task, {k: v for k, v in options.items() if k != STARTED})
    chosen = [key for key in ("group", "time", "split") if getattr(cut, key) is not None]
    if len(chosen) > 1:
        both = " and ".join(chosen)
        raise HarnessError(f"{where}: {both} both say how to split; expected one of them")
    return Data(
        name=name,
        kind=kind,
        columns=columns,
        cut=cut,
        format=Format(**{key: table[key] for key in _fields(Format, kind) if key in table}),
        size=_size(table.get("size")),
        gaps=table.get("gaps"),
        options=options,
    )


def _check_different(where: str, columns: Mapping[str, Any]) -> None:
    """Refuses a column that is named for two things."""
    seen: dict[str, str] = {}
    for key, value in columns.items():
        for name in value if isinstance(value, tuple) else (value,):
            if name in seen:
                both = f"{seen[name]} and {key}" if seen[name] != key else f"{key}, twice,"
                raise HarnessError(f"{where}: {both} are column {name!r}; expected different ones")
            seen[name] = key


def known_kind(where: str, kind: Any) -> Kind:
    """A kind of which data can be described, or an error that lists them."""
    if kind not in KINDS:
        raise HarnessError(
            f"{where}.kind = {quoted(repr(kind))}: expected one of {', '.join(KINDS)}"
        )
    return cast(Kind, kind)


def _options(kind: Kind) -> tuple[str, ...]:
    parameters = inspect.signature(kinds.of(kind).task).parameters.values()
    own = (p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)
    measured = ("objective",) if kind in MEASURED else ()
    return (*own, *FURTHER, *measured, *((STARTED,) if kind in presets.KINDS else ()))


def _fields(noun: type, kind: Kind) -> list[str]:
    """Fields that are keys of their own; the `time` of a series names its column."""
    names = inspect.signature(noun).parameters
    return [name for name in names if name in keys(kind) and name not in COLUMNS[kind]]


def _check(where: str, key: str, value: Any) -> None:
    types, expected = _TYPES[key]
    fits = bool in types if isinstance(value, bool) else isinstance(value, types)
    if fits:
        match key:
            case "val" | "test":
                fits = 0 < value < 1
            case "seed" | "fold":
                fits = 0 <= value < 2**32
            case "separator":
                fits = len(value) == 1
            case "gaps":
                fits = value == "interpolate"
            case "size":
                fits = _size(value) is not None
    if not fits:
        raise HarnessError(f"{where}.{key} = {quoted(repr(value))}: expected {expected}")


def _column(where: str, key: str, value: Any) -> Any:
    """The name of a column, or of several."""
    several = key == "values"
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # of a file without a header
    if several and isinstance(value, list | tuple) and value:
        return tuple(_column(where, f"{key}[]", name) for name in value)
    if not isinstance(value, str) or not value:
        expected = "the names of columns" if several else "the name of a column"
        raise HarnessError(f"{where}.{key} = {quoted(repr(value))}: expected {expected}")
    return (value,) if several else value


def _size(value: Any) -> tuple[int, int] | None:
    sides = (value, value) if isinstance(value, int) else value
    if not isinstance(sides, list | tuple) or len(sides) != 2:
        return None
    whole = all(type(side) is int and 1 <= side <= LARGEST_IMAGE for side in sides)
    return (sides[0], sides[1]) if whole else None


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
