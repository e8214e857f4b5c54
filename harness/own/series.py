"""Series of numbers in a table with a column of times: in order, each step once."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.own import tables
from harness.own.description import Data
from harness.own.places import WHOLE, Parts, Place
from harness.spec import HarnessError

if TYPE_CHECKING:
    import pandas as pd

_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])")
"""A date of eight digits."""


def times(name: str, table: "pd.DataFrame", column: str) -> "pd.Series":
    """A column of times: dates, or numbers.

    Raises:
        HarnessError: a value that is neither, or is missing, named by its row.
    """
    import pandas as pd

    found = tables.given(name, table, column, "a time")
    numbers = [tables.as_number(value) for value in found]
    digits = all(_DAY.fullmatch(value) for value in found)
    if all(number is not None for number in numbers) and not digits:
        return pd.Series(numbers, dtype="float64")
    form = "%Y%m%d" if digits else "mixed"
    parsed = pd.to_datetime(
        pd.Series(found), errors="coerce", format=form, utc=True, dayfirst=_day_first(found)
    )
    if parsed.isna().any():
        row = int(parsed.isna().to_numpy().argmax())
        raise HarnessError(
            f"{name}, row {row + 1}, column {column!r}: found {found[row]!r:.40}; expected a date "
            "or a number"
        )
    return parsed.dt.tz_localize(None)


def _day_first(found: Sequence[str]) -> bool:
    """Whether dates such as 3/4/2024 begin with the day: with dots, where a first number is above
    12, or where that way alone they are in order."""
    parts = [match.groups() for value in found if (match := _NUMBERED.match(value))]
    if not parts or len(parts) < len(found):
        return False
    firsts, seconds, years = ([int(row[n]) for row in parts] for n in (0, 2, 3))
    if max(firsts) > MONTHS or max(seconds) > MONTHS:
        return max(firsts) > MONTHS
    if parts[0][1] == ".":
        return True
    month_first = list(zip(years, firsts, seconds, strict=True))
    day_first = list(zip(years, seconds, firsts, strict=True))
    return month_first != sorted(month_first) and day_first == sorted(day_first)


_NUMBERED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)\b")
"""A date that begins with its day or its month."""
MONTHS = 12


def read(data: Data, parts: Parts) -> tuple[Any, dict[str, Any]]:
    """A table of numbers by split, or of all steps, and what is to be said of it.

    Raises:
        HarnessError: times are out of order, twice there or missing; a value is no number.
    """
    facts: dict[str, Any] = {}
    found = {split: _table(data, place, facts) for split, (place,) in parts.items()}
    look_back = data.options["look_back"]
    if WHOLE not in found:
        missing = [name for name in ("val", "test") if name not in found]
        if missing:
            shares = {name: getattr(data.cut, name) for name in missing}
            cut = _cut(found.pop("train"), shares, look_back, data.cut.fold)
            found = {**cut, **found}
        return found, facts
    shares = {"val": data.cut.val, "test": data.cut.test}
    return _cut(found[WHOLE], shares, look_back, data.cut.fold), facts


def _table(data: Data, place: Place, facts: dict[str, Any]) -> "pd.DataFrame":
    import pandas as pd

    table = tables.read(place.name, place.path, data.format)
    time = data.columns.get("time")
    named = data.columns.get("values") or [name for name in table.columns if name != time]
    index = None if time is None else _checked(data, place, times(place.name, table, time), time)
    if data.gaps is None or index is None:
        return pd.DataFrame({name: tables.numbers(place.name, table, name) for name in named})
    there = {
        name: [tables.as_number(v) for v in tables.column(place.name, table, name)]
        for name in named
    }
    frame = pd.DataFrame(there, index=index, dtype="float64")
    return _filled(place, frame, facts)


def check_order(name: str, found: "pd.Series", column: str) -> None:
    """Refuses times that are not each later than the one before.

    Args:
        name: of the file, for the errors.
        found: of `times`.
        column: that they stand in.

    Raises:
        HarnessError: names the first row that is not.
    """
    steps = np.diff(found.to_numpy())
    zero = np.zeros(1, steps.dtype)[0]
    for word, wrong in (("earlier than", steps < zero), ("the same as", steps == zero)):
        if wrong.any():
            row = int(wrong.argmax()) + 2
            raise HarnessError(
                f"{name}, row {row}, column {column!r}: {_shown(found.iloc[row - 1])} is "
                f"{word} in the row before; expected each step once, in order of time"
            )


def _checked(data: Data, place: Place, found: "pd.Series", column: str) -> "pd.Series":
    """Times in order, each once, and without gaps unless those are filled in."""
    import pandas as pd

    check_order(place.name, found, column)
    steps = np.diff(found.to_numpy())
    if len(steps) < 2 or data.gaps is not None:
        return found
    common = pd.Series(steps).mode()[0]
    long = steps > common * LONGEST_STEP
    if long.any() and not _calendar(found):
        row = int(long.argmax()) + 2
        raise HarnessError(
            f"{place.name}, row {row}, column {column!r}: a gap from "
            f"{_shown(found.iloc[row - 2])} to {_shown(found.iloc[row - 1])}; expected steps of "
            f"{_step(common)} (gaps = 'interpolate' fills them in)"
        )
    return found


LONGEST_STEP = 1.5
"""Times the commonest step; beyond is a gap."""


def _calendar(found: "pd.Series") -> bool:
    """Whether times are regular by the calendar: business days, months, quarters, years."""
    import pandas as pd

    return found.dtype.kind == "M" and pd.infer_freq(pd.DatetimeIndex(found)) is not None


def _filled(place: Place, frame: "pd.DataFrame", facts: dict[str, Any]) -> "pd.DataFrame":
    """Steps that are missing, and values, by straight lines between those that are there."""
    import pandas as pd

    steps = pd.Series(np.diff(frame.index.to_numpy()))
    common = steps.mode()[0]
    places = np.rint((frame.index - frame.index[0]) / common).astype("int64")
    if len(set(places)) != len(places):
        raise HarnessError(f"{place.name}: steps shorter than {_step(common)}; expected none")
    count = int(places[-1]) + 1
    if count > 2 * len(places):
        raise HarnessError(
            f"{place.name}: {count - len(places):,} of {count:,} steps are missing; expected fewer "
            "than there are (a date may be wrong)"
        )
    whole = frame.set_axis(places, axis=0).reindex(range(count))
    missing = int(whole.isna().any(axis=1).sum())
    filled = whole.interpolate(limit_direction="both").reset_index(drop=True)
    if filled.isna().any().any():
        column = str(filled.columns[filled.isna().any()][0])
        raise HarnessError(f"{place.name}, column {column!r}: no number in it; expected some")
    facts["filled"] = facts.get("filled", 0) + missing
    return filled


def _cut(
    table: "pd.DataFrame", shares: Mapping[str, float], look_back: int, fold: int
) -> dict[str, Any]:
    """The last rows for the test, those before them for validation; each begins with `look_back`
    steps of the split before. Of another fold, so many stretches at the end are left out."""
    found: dict[str, Any] = {}
    lengths = {name: max(1, round(share * len(table))) for name, share in shares.items()}
    end = len(table) - fold * lengths.get("test", 0)
    for name in ("test", "val"):
        if name in shares:
            start = max(0, end - lengths[name])
            found[name] = table.iloc[max(0, start - look_back) : end]
            end = start
    return {"train": table.iloc[:end], **found}


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _step(value: Any) -> str:
    import pandas as pd

    if isinstance(value, np.timedelta64 | pd.Timedelta):
        return str(pd.Timedelta(value)).replace("0 days ", "").replace(" 00:00:00", "")
    return f"{value:g}"
