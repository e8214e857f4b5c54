"""Tables in files, read by pandas: every error is a line that names the file, row and column.

Rows count from 1, the first below the header. Values are texts, as they stand in the file.
"""

import csv
import gzip
import io
import json
import math
import re
import warnings
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.own.description import Format
from harness.spec import HarnessError
from harness.system.text import quoted

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".jsonl", ".ndjson")
"""Of tables, compressed by gzip or not."""
NO_TABLES = {
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".numbers"),
                    "a spreadsheet; expected CSV, as which it can be saved"),
    **dict.fromkeys((".zip", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst"),
                    "an archive; expected what is in it, or .gz of one table"),
    ".json": "one JSON value; expected JSON lines (.jsonl), an object a line",
}  # fmt: skip
"""Why files of these endings are no tables."""
_TABS = (".tsv", ".tab")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte order marks of what is no UTF-8."""
PLAIN = Format()
"""UTF-8 with a header, and values between quotation marks."""
SHOWN = 20
"""Columns that an error lists."""


def suffix(name: str) -> str:
    """The last suffix of a file's name, in small letters; that before `.gz` if it is compressed."""
    return Path(name.lower().removesuffix(".gz")).suffix


def content(name: str, path: Path) -> bytes:
    """The bytes of a file, unpacked if it ends in `.gz`.

    Raises:
        HarnessError: it cannot be read, is empty, or is not what its ending says.
    """
    try:
        found = path.read_bytes()
        if name.lower().endswith(".gz"):
            found = gzip.decompress(found)
    except OSError as error:  # of gzip, too, which gives it no number
        raise HarnessError(f"{name}: cannot be read ({error.strerror or error})") from None
    except (EOFError, zlib.error) as error:
        raise HarnessError(f"{name}: not a whole gzip file ({error})") from None
    if not found.strip():
        raise HarnessError(f"{name}: an empty file; expected examples")
    return found


def text(name: str, path: Path, encoding: str = "utf-8") -> str:
    """The text of a file, line ends as `\\n`, without a byte order mark.

    Raises:
        HarnessError: it cannot be read, is empty, or is of another encoding: named by its line.
    """
    found = content(name, path)
    if encoding == "utf-8":
        encoding = _MARKS.get(found[:2], "utf-8-sig")
    try:
        decoded = found.decode(encoding)
    except LookupError:
        raise HarnessError(f"{name}: encoding {encoding!r}: there is none of that name") from None
    except UnicodeDecodeError as error:
        line = found[: error.start].count(b"\n") + 1
        wrong = found[error.start : error.start + 1].hex()
        shown = encoding.removesuffix("-sig").upper()
        raise HarnessError(
            f"{name}, line {line}: byte 0x{wrong} is not {shown}; expected one encoding in all of "
            "the file (another one: encoding = 'latin-1')"
        ) from None
    if "\0" in decoded:
        line = decoded[: decoded.index("\0")].count("\n") + 1
        raise HarnessError(f"{name}, line {line}: a character of number 0; expected text (of "
                           "UTF-16 without a mark: encoding = 'utf-16-le')")  # fmt: skip
    return decoded.replace("\r\n", "\n").replace("\r", "\n")


def read(name: str, path: Path, format: Format = PLAIN) -> "pd.DataFrame":
    """A table, its values as texts; what is empty is missing.

    Args:
        name: of the file, for the errors.
        path: of the file.
        format: how it is written.

    Raises:
        HarnessError: it is no table, or one without rows; a row has more values than there are
            columns; a quotation mark never closes.
    """
    import pandas as pd

    ending = suffix(name)
    if ending in NO_TABLES:
        raise HarnessError(f"{name}: {NO_TABLES[ending]}")
    if ending in (".parquet", ".pq"):
        table = _parquet(name, path)
    elif ending in (".jsonl", ".ndjson"):
        table = pd.DataFrame(_records(name, text(name, path, format.encoding)))
    else:
        table = _separated(name, text(name, path, format.encoding), ending, format)
    table.columns = pd.Index([str(column).strip() for column in table.columns])
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise HarnessError(f"{name}: two columns are called {twice[0]!r}; expected one")
    if table.empty:
        raise HarnessError(f"{name}: no rows; expected examples below the header")
    return table


def _separated(name: str, found: str, ending: str, format: Format) -> "pd.DataFrame":
    import pandas as pd

    separator = format.separator or ("\t" if ending in _TABS else _separator(found))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(found),
                sep=separator,
                dtype=str,
                keep_default_na=False,
                na_values=[""],
                index_col=False,
                header=0 if format.header else None,
                quoting=csv.QUOTE_MINIMAL if format.quotes else csv.QUOTE_NONE,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, csv.Error, ValueError) as error:
        raise HarnessError(f"{name}{_broken(str(error), format.header)}") from None
    if format.header:
        first = _first_row(found, separator)
        twice = {column for column in first if first.count(column) > 1}
        if twice:
            raise HarnessError(f"{name}: two columns are called {sorted(twice)[0]!r}; expected one")
    else:
        table.columns = pd.Index([str(number + 1) for number in range(table.shape[1])])
    return table


def _first_row(found: str, separator: str) -> list[str]:
    """The names of columns as they stand there; pandas numbers those that are the same."""
    limit = csv.field_size_limit(max(csv.field_size_limit(), len(found)))
    try:
        return next(csv.reader(io.StringIO(found), delimiter=separator), [])
    finally:
        csv.field_size_limit(limit)


def _separator(found: str) -> str:
    """Semicolons or tabs where the first line has them and no comma."""
    first = found.partition("\n")[0]
    return max(",;\t", key=first.count) if any(map(first.count, ",;\t")) else ","


def _broken(message: str, header: bool) -> str:
    """Why pandas could not read a table, in the words of this module."""
    if found := re.search(r"EOF inside string starting at row (\d+)", message):
        row = int(found[1]) + (not header)
        return (
            f", row {row}: a quotation mark that never closes; expected another one (quotes = "
            "false, where they are characters like any other)"
        )
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        expected, line, saw = found.groups()
        return (
            f", line {line}: {saw} values; expected {expected}, one for each column (a separator "
            "within a value stands between quotation marks)"
        )
    if "Length of header" in message:
        return ": rows of more values than columns; expected a name for each column in the header"
    return f": not a table ({quoted(message)})"


def _records(name: str, found: str) -> list[dict[str, Any]]:
    """The objects of JSON lines, their values as texts."""
    rows = []
    for number, line in enumerate(found.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise HarnessError(f"{name}, line {number}: no JSON ({error})") from None
        if not isinstance(row, dict):
            raise HarnessError(f"{name}, line {number}: found {line!r:.40}; expected an object")
        rows.append({key: as_text(value) for key, value in row.items()})
    return rows


def _parquet(name: str, path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        table = pd.read_parquet(io.BytesIO(content(name, path)))
    except ImportError as error:
        raise HarnessError(
            f"{name}: reading Parquet needs pyarrow ({quoted(str(error))})"
        ) from None
    except (ValueError, OSError) as error:
        raise HarnessError(f"{name}: not a Parquet file ({quoted(str(error))})") from None
    return table.map(as_text)


def as_text(value: Any) -> Any:
    """A value as it would stand in a file; `None` if it is missing or empty. Lists and objects are
    left as they are, to be refused where they are asked for."""
    if isinstance(value, dict | list | tuple | np.ndarray):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) == "NaT":
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) or None


# --- columns --------------------------------------------------------------------


def column(name: str, table: "pd.DataFrame", wanted: str) -> list[str | None]:
    """The values of a column, `None` where they are missing.

    Raises:
        HarnessError: there is no such column, or a value in it is made of several.
    """
    if wanted not in table.columns:
        found = listed(table.columns)
        raise HarnessError(f"{name}: no column {wanted!r}; its columns are {found}")
    values = table[wanted].tolist()
    for row, value in enumerate(values, start=1):
        if isinstance(value, dict | list | tuple | np.ndarray):
            raise HarnessError(f"{name}, row {row}, column {wanted!r}: found {value!r:.40}; "
                               "expected a text or a number")  # fmt: skip
    return [value if isinstance(value, str) else None for value in values]


def texts(name: str, table: "pd.DataFrame", wanted: str) -> list[str]:
    """A column of texts, of which some may be empty, but not all.

    Raises:
        HarnessError: all are.
    """
    found = [value or "" for value in column(name, table, wanted)]
    if not any(value.strip() for value in found):
        raise HarnessError(f"{name}, column {wanted!r}: all of its texts are empty")
    return found


def given(name: str, table: "pd.DataFrame", wanted: str, what: str) -> list[str]:
    """A column of which no value may be missing.

    Args:
        what: a value is, for the error: `a label`.

    Raises:
        HarnessError: one is, named by its row.
    """
    found = column(name, table, wanted)
    for row, value in enumerate(found, start=1):
        if value is None or not value.strip() or value.strip().lower() == "nan":
            raise HarnessError(
                f"{name}, row {row}, column {wanted!r}: found {value or 'nothing'}; expected {what}"
            )
    return [str(value).strip() for value in found]


def numbers(name: str, table: "pd.DataFrame", wanted: str) -> list[float]:
    """A column of finite numbers.

    Raises:
        HarnessError: another value, named by its row.
    """
    found = given(name, table, wanted, "a number")
    values = []
    for row, value in enumerate(found, start=1):
        number = as_number(value)
        if number is None:
            raise HarnessError(
                f"{name}, row {row}, column {wanted!r}: found {value!r:.40}; expected a number "
                f"of at most {LARGEST:.1e}"
            )
        values.append(number)
    return values


LARGEST = float(np.finfo("float32").max)


def as_number(value: str | None) -> float | None:
    """A number that a text says, or `None`; one of 32 bits can hold it."""
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if abs(number) <= LARGEST else None


def labels(values: Sequence[str]) -> list[str] | list[int]:
    """Labels as whole numbers where all of them are such, so that 10 comes after 9."""
    found = [as_number(value) for value in values]
    whole = [int(number) for number in found if number is not None and number.is_integer()]
    alike = len(whole) == len(values) and all(
        value in (str(number), f"{number}.0") for value, number in zip(values, whole, strict=True)
    )
    return whole if alike else list(values)


def listed(names: Iterable[object]) -> str:
    """Names for an error, not all of them if they are many."""
    every = [str(name) for name in names]
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more
