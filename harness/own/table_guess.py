"""What a table leaves out, guessed from its columns: the kind of task, which column is which."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.own import tables
from harness.own.columns import LEAST_WORDS, Column, is_split, label_of, look, said, texts_of
from harness.own.description import Format
from harness.spec import HarnessError

GRADES = ("grade", "score", "similarity", "rating")
SPLITS = ("split", "fold", "subset", "partition", "set")
IDENTIFIERS = ("id", "index", "unnamed: 0", "idx", "guid", "uuid")
USUAL_HIGHEST = 5.0
_ORDERED = ("time_series_forecasting", "language_modeling")
_NAMING = ("text", "other", "label", "grade", "image", "source", "target", "time", "group", "split")


def of_table(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What can be seen of a table: `kind`, columns, options.

    Args:
        path: its file.
        given: what a person has said already, that is not guessed against.

    Raises:
        HarnessError: nothing can be made of it.
    """
    format = Format(**{key: given[key] for key in ("encoding", "separator", "quotes", "header")
                       if key in given})  # fmt: skip
    table = tables.read(path.name, path, format)
    used = {value for key, value in given.items() if key in _NAMING and isinstance(value, str)}
    columns = [look(table, name) for name in table.columns]
    split = next((c.name for c in columns if c.name.lower() in SPLITS and is_split(table, c)), "")
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


def _as_images(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    if given.get("kind", "image_classification") != "image_classification":
        return {}
    image = given.get("image") or next((c.name for c in free if c.images), None)
    label = given.get("label") or _name(label_of([c for c in free if c.name != image]))
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
    label = label_of([c for c in free if c is not grade])
    texts = [c for c in texts_of(free) if c is not label]
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


def _as_classes(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    if given.get("kind", "text_classification") != "text_classification":
        return {}
    label = given.get("label") or _name(label_of(free))
    texts = sorted((c for c in texts_of(free) if c.name != label), key=lambda c: -c.words)
    text = given.get("text") or (texts[0].name if texts else None)
    found = {"kind": "text_classification", "text": text, "label": label}
    return found if text and label else {}


def _as_text(path: Path, free: Sequence[Column], given: Any, table: Any) -> dict[str, Any]:
    kind = given.get("kind", "language_modeling")
    texts = sorted(texts_of(free), key=lambda c: -c.words)
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
    found = tables.listed(f"{c.name} ({said(c)})" for c in columns)
    what = f"of kind {given['kind']}" if "kind" in given else "by itself"
    return (
        f"{path.name}: its columns are {found}; {what} nothing is understood of them; expected "
        "texts with labels, pairs of texts, paths of images with labels, or numbers with a column "
        "of times (a [data.NAME] table of a sweep file can say which is which)"
    )
