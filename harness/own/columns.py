"""What the columns of a table hold, as far as one can see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.own import places, tables
from harness.own.places import IMAGES
from harness.system.text import counted

LABELS = ("label", "class", "category", "target", "sentiment", "y", "tag", "topic", "intent")
TIMES = ("date", "time", "datetime", "timestamp", "ds", "day", "month", "year")
LOOKED_AT = 2000
"""Rows of which a guess is made."""
FEW = 200
"""Different values that a column of classes has at most."""
LEAST_WORDS = 3.0
"""Of a value on average, from which on a column is one of texts."""
LEAST_TIMES = 50
"""Values that are read as dates to see whether a column holds some."""


@dataclass(frozen=True)
class Column:
    """What a column holds, as far as one can see."""

    name: str
    count: int
    """Of its values that are there."""
    different: int
    words: float
    """Of a value, on average."""
    numbers: bool
    whole: bool
    images: bool
    times: bool


def look(table: Any, name: str) -> Column:
    """What a column of a table holds."""
    values = [v for v in table[name].head(LOOKED_AT).tolist() if isinstance(v, str) and v.strip()]
    found = [tables.as_number(value) for value in values]
    numbers = [number for number in found if number is not None]
    are_numbers = bool(values) and len(numbers) >= 0.9 * len(values)
    return Column(
        name=name,
        count=len(values),
        different=len(set(values)),
        words=sum(len(value.split()) for value in values) / max(1, len(values)),
        numbers=are_numbers,
        whole=are_numbers and all(number.is_integer() for number in numbers),
        images=bool(values) and all(tables.suffix(value) in IMAGES for value in values),
        times=bool(values) and _are_times(name, values, are_numbers),
    )


def _are_times(name: str, values: Sequence[str], numbers: bool) -> bool:
    if numbers:
        return name.lower() in TIMES
    import pandas as pd

    if not all(any(letter.isdigit() for letter in value) for value in values[:LEAST_TIMES]):
        return False
    parsed = pd.to_datetime(pd.Series(values[:LEAST_TIMES]), errors="coerce", format="mixed",
                            utc=True)  # fmt: skip
    return bool(parsed.notna().mean() >= 0.9)


def is_split(table: Any, column: Column) -> bool:
    """Whether it says of each row which split it belongs to."""
    return all(
        places.standard_split(str(value)) for value in table[column.name].dropna().map(str).unique()
    )


def label_of(columns: Sequence[Column]) -> Column | None:
    """The column of classes: by its name, or the one that has few values, each several times."""
    named = [c for c in columns if c.name.lower() in LABELS]
    few = [
        c for c in columns
        if 2 <= c.different <= min(FEW, max(2, c.count // 3)) and c.words < LEAST_WORDS
        and not c.times and (c.whole or not c.numbers)
    ]  # fmt: skip
    return next(iter([*named, *few]), None)


def texts_of(columns: Sequence[Column]) -> list[Column]:
    """Columns of texts, those of most words first where their names do not tell."""
    return [c for c in columns if not c.numbers and not c.times and not c.images
            and c.words > 1 and c.different > 1]  # fmt: skip


def said(column: Column) -> str:
    """What it holds, in a word or two."""
    if column.images:
        return "images"
    if column.times:
        return "times"
    if column.numbers:
        return "numbers"
    return "texts" if column.words >= LEAST_WORDS else counted(column.different, "value")
