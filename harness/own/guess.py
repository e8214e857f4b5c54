"""What a table leaves out, guessed from the files: the kind of task, columns, lengths."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.kinds.files import text_files
from harness.own import places, tables
from harness.own.description import COLUMNS, Format, known_kind
from harness.own.places import IMAGES, PAIRED, image_folders, split_files
from harness.spec import HarnessError, Kind
from harness.system.paths import absolute
from harness.system.text import quoted

LABELS = ("label", "class", "category", "target", "sentiment", "y", "tag", "topic", "intent")
GRADES = ("grade", "score", "similarity", "rating")
SPLITS = ("split", "fold", "subset", "partition", "set")
TIMES = ("date", "time", "datetime", "timestamp", "ds", "day", "month", "year")
IDENTIFIERS = ("id", "index", "unnamed: 0", "idx", "guid", "uuid")
LOOKED_AT = 2000
"""Rows of which a guess is made."""
FEW = 200
"""Different values that a column of classes has at most."""
NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "text_classification": ("text", "label"),
    "sentence_similarity": ("text", "other", "grade"),
    "time_series_forecasting": ("look_back", "horizon"),
}
"""What a table must say in the end, beside its files."""
WORDS = 50_000
"""Of a text, from which on a model predicts words; characters of a shorter one."""


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


def completed(
    name: str, table: Mapping[str, Any], base: Path, origin: str = ""
) -> Mapping[str, Any]:
    """A `[data.NAME]` table that says all.

    Args:
        name: of the task.
        table: as it stands in the file.
        base: the folder that its files are relative to.
        origin: the file, for the errors.

    Raises:
        HarnessError: nothing can be guessed of the files, which then must be said.
    """
    where = f"{origin}: data.{name}" if origin else f"data.{name}"
    files = table.get("files")
    kind = known_kind(where, table["kind"]) if "kind" in table else None
    if kind is not None and all(key in table for key in _needed(kind, files)):
        return table
    first = _first(where, files, base)
    return {**understood(first, table), **table}


def _needed(kind: Kind, files: Any) -> tuple[str, ...]:
    """Keys that must be there; of a table of translations or of images its columns."""
    while isinstance(files, Mapping) and files:
        files = next(iter(files.values()))
    is_table = isinstance(files, str) and tables.suffix(files) in tables.SUFFIXES
    if kind in ("translation", "image_classification") and is_table:
        return COLUMNS[kind]
    return NEEDED.get(kind, ())


def _first(where: str, files: Any, base: Path) -> Path:
    """What a guess is made of: the training file, or the folder."""
    named = files.get("train") if isinstance(files, Mapping) else files
    if isinstance(named, list) and named:
        named = named[0]
    if not isinstance(named, str):
        raise HarnessError(f"{where}.files = {quoted(repr(files))}: expected the path of a file or "
                           "a folder, or of several by split, train among them")  # fmt: skip
    path = absolute(base, named)
    if not path.exists():
        raise HarnessError(f"{where}.files: {quoted(str(path))}: no such file")
    return path


def understood(path: Path, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What can be seen of files: `kind`, columns, options; all but `files`.

    Args:
        path: a file, or a folder.
        given: what a person has said already, that is not guessed against.

    Raises:
        HarnessError: nothing can be made of them.
    """
    given = given or {}
    if path.is_dir():
        return _folder(path, given)
    if tables.suffix(path.name) in tables.SUFFIXES or "separator" in given:
        return _table(path, given)
    if tables.suffix(path.name) in tables.NO_TABLES:
        raise HarnessError(f"{path.name}: {tables.NO_TABLES[tables.suffix(path.name)]}")
    if tables.suffix(path.name) in IMAGES:
        raise HarnessError(f"{path}: one image; expected a folder, with one for each class in it")
    return _text(path, given)


def _folder(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        kind = given.get("kind")
        if kind == "image_classification" or (kind is None and _has_images(folder)):
            return {"kind": "image_classification"}
        files = split_files(folder, ())
    except OSError as error:
        raise HarnessError(f"{folder}: cannot be read ({error.strerror})") from None
    train = files.get("train", [])
    if len(train) == 1:
        return understood(train[0], given)
    if len(train) > 1 and kind in (None, PAIRED):
        return {"kind": PAIRED}
    raise HarnessError(
        f"{folder}: nothing is understood of it; expected a folder of images for each class, or "
        "files called train, val and test, of the same ending, or of two languages (train.de, "
        "train.en)"
    )


def _has_images(folder: Path) -> bool:
    found = image_folders(folder)
    some = next(iter(found.values()))
    return any(tables.suffix(path.name) in IMAGES for path in some.glob("*/*"))


# --- a file of lines ------------------------------------------------------------


def _text(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    found = tables.text(path.name, path, given.get("encoding", "utf-8"))
    kind = given.get("kind")
    if kind == "token_classification" or (kind is None and _is_tagged(found)):
        return {"kind": "token_classification"}
    if kind not in (None, "language_modeling"):
        return {}
    words = len(found.split())
    if "tokens" in given or words >= WORDS:
        return {"kind": "language_modeling", "tokens": "word"}
    return {"kind": "language_modeling", "tokens": "character"}


def _is_tagged(found: str) -> bool:
    """Whether lines end in a tag, as those of a CoNLL file do."""
    lines = [line for line in found.split("\n", LOOKED_AT)[:LOOKED_AT] if line.strip()]
    lines = [line for line in lines if not line.startswith("-DOCSTART-")]
    cells = [line.split() for line in lines]
    return len(cells) > 1 and all(len(row) > 1 and text_files.is_tag(row[-1]) for row in cells)


# --- a table --------------------------------------------------------------------


def _table(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    format = Format(**{key: given[key] for key in ("encoding", "separator", "quotes", "header")
                       if key in given})  # fmt: skip
    table = tables.read(path.name, path, format)
    used = {value for key, value in given.items() if key in _NAMING and isinstance(value, str)}
    columns = [look(table, name) for name in table.columns]
    split = next((c.name for c in columns if c.name.lower() in SPLITS and _is_split(table, c)), "")
    free = [c for c in columns if c.name not in used and c.name != split]
    free = [c for c in free if c.count and c.name.lower() not in IDENTIFIERS]
    found: dict[str, Any] = {}
    for guess in _GUESSES:
        found = guess(path, free, given, table)
        if found:
            break
    else:
        raise HarnessError(_nothing(path, columns, given))
    if split and not {"split", "group", "time"} & set(given) and found["kind"] not in _ORDERED:
        found["split"] = split
    return found


_ORDERED = ("time_series_forecasting", "language_modeling")
_NAMING = ("text", "other", "label", "grade", "image", "source", "target", "time", "group", "split")


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


LEAST_TIMES = 50
"""Values that are read as dates to see whether a column holds some."""


def _is_split(table: Any, column: Column) -> bool:
    return all(
        places.standard_split(str(value)) for value in table[column.name].dropna().map(str).unique()
    )


def _label(columns: Sequence[Column], names: Sequence[str] = LABELS) -> Column | None:
    """The column of classes: by its name, or the one that has few values, each several times."""
    named = [c for c in columns if c.name.lower() in names]
    few = [
        c for c in columns
        if 2 <= c.different <= min(FEW, max(2, c.count // 3)) and c.words < LEAST_WORDS
        and not c.times and (c.whole or not c.numbers)
    ]  # fmt: skip
    return next(iter([*named, *few]), None)


LEAST_WORDS = 3.0
"""Of a value on average, from which on a column is one of texts."""


def _texts(columns: Sequence[Column]) -> list[Column]:
    """Columns of texts, those of most words first where their names do not tell."""
    return [c for c in columns if not c.numbers and not c.times and not c.images
            and c.words > 1 and c.different > 1]  # fmt: skip


def _as_images(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    if given.get("kind", "image_classification") != "image_classification":
        return {}
    image = given.get("image") or next((c.name for c in free if c.images), None)
    label = given.get("label") or getattr(_label([c for c in free if c.name != image]), "name", 0)
    found = {"kind": "image_classification", "image": image, "label": label}
    return found if image and label else {}


def _as_series(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    kind = given.get("kind")
    if kind not in (None, "time_series_forecasting"):
        return {}
    time = given.get("time") or next((c.name for c in free if c.times), None)
    values = [c.name for c in free if c.numbers and c.name != time]
    texts = [c for c in free if c.words >= LEAST_WORDS and not c.times]
    if kind is None and (time is None or not values or texts):
        return {}
    from harness.own.season import lengths

    found = {"kind": "time_series_forecasting", **({"time": time} if time else {})}
    found |= {"values": values} if "values" not in given else {}
    return found | lengths(path.name, table, time, given)


def _as_pairs(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    kind = given.get("kind")
    grade = next((c for c in free if c.numbers and c.name.lower() in GRADES), None)
    label = _label([c for c in free if c is not grade])
    texts = [c for c in _texts(free) if c is not label]
    if label is None and grade is None:
        grade = next((c for c in free if c.numbers), None)
    several = len(texts) >= 2 and texts[1].words >= 2
    first, other = (given.get(k) or texts[n].name if len(texts) > n else given.get(k)
                    for n, k in enumerate(("text", "other")))  # fmt: skip
    if kind == "sentence_similarity" or (kind is None and several and grade and not label):
        found = {"text": first, "other": other, "grade": given.get("grade") or _name(grade)}
        highest = _highest(table, found["grade"])
        found |= {"highest": highest} if highest else {}
        return {"kind": "sentence_similarity", **found} if all(found.values()) else {}
    if kind in (None, "translation") and several and label is None and grade is None:
        return {"kind": "translation", "source": texts[0].name, "target": texts[1].name}
    if kind is None and several and label is not None and len(texts) == 2:
        found = {"text": first, "other": other, "label": given.get("label") or label.name}
        return {"kind": "text_classification", **found}
    return {}


def _highest(table: Any, column: str | None) -> float | None:
    """The highest grade that there is, where it is above the usual 5."""
    if column not in table.columns:
        return None
    numbers = [n for v in table[column].tolist() if (n := tables.as_number(v)) is not None]
    return max(numbers) if numbers and max(numbers) > USUAL_HIGHEST else None


USUAL_HIGHEST = 5.0


def _as_classes(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    if given.get("kind", "text_classification") != "text_classification":
        return {}
    label = given.get("label") or _name(_label(free))
    texts = sorted((c for c in _texts(free) if c.name != label), key=lambda c: -c.words)
    text = given.get("text") or (texts[0].name if texts else None)
    found = {"kind": "text_classification", "text": text, "label": label}
    return found if text and label else {}


def _as_text(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    kind = given.get("kind", "language_modeling")
    texts = sorted(_texts(free), key=lambda c: -c.words)
    text = given.get("text") or (texts[0].name if texts else None)
    if kind not in ("language_modeling", "masked_language_modeling") or not text:
        return {}
    return {"kind": kind, "text": text}


_GUESSES: Sequence[Callable[..., dict[str, Any]]] = (
    _as_images, _as_series, _as_pairs, _as_classes, _as_text,
)  # fmt: skip


def _name(column: Column | None) -> str | None:
    return column.name if column is not None else None


def _nothing(path: Path, columns: Sequence[Column], given: Mapping[str, Any]) -> str:
    found = tables.listed(f"{c.name} ({_said(c)})" for c in columns)
    what = f"of kind {given['kind']}" if "kind" in given else "by itself"
    return (
        f"{path.name}: its columns are {found}; {what} nothing is understood of them; expected "
        "texts with labels, pairs of texts, paths of images with labels, or numbers with a column "
        "of times (a [data.NAME] table of a sweep file can say which is which)"
    )


def _said(column: Column) -> str:
    if column.images:
        return "images"
    if column.times:
        return "times"
    if column.numbers:
        return "numbers"
    return "texts" if column.words >= LEAST_WORDS else re.sub(
        "^1 values", "1 value", f"{column.different} values"
    )  # fmt: skip
