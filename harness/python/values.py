"""Data that a person has in Python, as files that a `[data.NAME]` table names."""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np

from harness.spec import HarnessError
from harness.system import atomic_files
from harness.system.paths import absolute

EXPECTED = (
    "images of shape (n, height, width) or (n, height, width, channels), a list of texts or of "
    "pairs of texts, a DataFrame, or the path of a file or a folder, with labels where they are "
    "not in it"
)
TIME = "time"
"""What the index of a table is called that has times and no name."""
Say = Callable[[str], None]


def written(x: Any, y: Any, kind: str | None, folder: Path, say: Say) -> dict[str, Any]:
    """Writes data into a folder.

    Args:
        x: what `EXPECTED` says.
        y: labels, grades or translations; `None` where `x` holds all.
        kind: of the task, where it is not clear.
        folder: where the files go.
        say: receives what was understood of labels.

    Returns:
        What a `[data.NAME]` table says of it: `files`, absolute, and what is known beyond.

    Raises:
        HarnessError: it is something else, named by its row.
    """
    if isinstance(x, str | Path) and y is None:
        return {"files": str(absolute(Path.cwd(), x))}
    if hasattr(x, "columns") and hasattr(x, "to_dict"):
        return _frame(x, y, folder)
    if kind == "time_series_forecasting" or (y is None and _is_numbers(x) and np.ndim(x) <= 2):
        return _series(x, folder)
    if y is None:
        raise HarnessError(f"compare: found {type(x).__name__} and no y; expected {EXPECTED}")
    if isinstance(x, str | Path | Mapping | Set) or not hasattr(x, "__len__"):
        raise HarnessError(f"compare: x is {x!r:.60}; expected {EXPECTED}")
    _check_as_many(len(x), y)
    if not len(x):
        raise HarnessError("compare: x is empty; expected examples")
    if _is_numbers(x):
        if kind not in (None, "image_classification"):
            raise HarnessError(f"compare: kind {kind!r} of arrays with y; expected "
                               "image_classification")  # fmt: skip
        return _images(_of_one_shape(x), labels(y, say), folder)
    return _texts(list(x), y, kind, folder, say)


def _check_as_many(count: int, y: Any) -> None:
    if isinstance(y, str | Mapping | Set) or not hasattr(y, "__len__"):
        raise HarnessError(f"compare: y is {y!r:.60}; expected a label for each example")
    if count != len(y):
        raise HarnessError(f"compare: {count:,} examples in x and {len(y):,} in y; expected as "
                           "many in both")  # fmt: skip


def _of_one_shape(x: Any) -> np.ndarray:
    """Images in an array or a list as one array."""
    if hasattr(x, "shape"):
        return np.asarray(x)
    images = [np.asarray(image) for image in x]
    for row, image in enumerate(images):
        if image.shape != images[0].shape:
            raise HarnessError(
                f"compare: x, row {row}: an image of shape {image.shape}; expected "
                f"{images[0].shape}, as in row 0 (a folder of image files may have several sizes)"
            )
    return np.stack(images)


def labels(y: Any, say: Say) -> list[Any]:
    """Labels as strings or integers; whole floats and one-hot rows become integers, which is said.

    Raises:
        HarnessError: they are something else, named by their row.
    """
    values = np.asarray(y, object) if np.ndim(y) == 0 else np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        one = np.isin(values, (0, 1)).all(axis=1) & (values.sum(axis=1) == 1)
        if not one.all():
            row = int(np.argmin(one))
            raise HarnessError(f"compare: y, row {row}: found {values[row].tolist()!r:.60}; "
                               "expected one label an example, or one-hot rows")  # fmt: skip
        say(f"y: one-hot rows of {values.shape[1]} classes, read as their numbers")
        return [int(number) for number in values.argmax(axis=1)]
    if values.ndim != 1:
        raise HarnessError(f"compare: y has the shape {values.shape}; expected one label an "
                           "example, or one-hot rows")  # fmt: skip
    if values.dtype.kind == "f":
        wrong = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)))
        if wrong.size:
            raise HarnessError(f"compare: y, row {wrong[0]}: found {values[wrong[0]]!r}; expected "
                               "labels that are strings or whole numbers")  # fmt: skip
        say("y: floats that are whole numbers, read as integers")
        return [int(value) for value in values]
    found = [value.item() if isinstance(value, np.generic) else value for value in values]
    for row, value in enumerate(found):
        if not isinstance(value, str | int):
            raise HarnessError(f"compare: y, row {row}: found {value!r:.60}; expected a string or "
                               "an integer")  # fmt: skip
    return [int(value) if isinstance(value, bool) else value for value in found]


def _is_numbers(x: Any) -> bool:
    try:
        return np.asarray(x[:1] if hasattr(x, "shape") else list(x[:1])).dtype.kind in "buif"
    except (ValueError, TypeError, KeyError):
        return False


def _images(images: np.ndarray, names: Sequence[Any], folder: Path) -> dict[str, Any]:
    file = folder / "images.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_files.whole(file) as part:
        np.savez(part, images=images, labels=np.asarray([str(name) for name in names]))
    return {"kind": "image_classification", "files": str(file.absolute())}


def _texts(x: Sequence[Any], y: Any, kind: str | None, folder: Path, say: Say) -> dict[str, Any]:
    pairs = not isinstance(x[0], str)
    for row, value in enumerate(x):
        parts = value if pairs and isinstance(value, list | tuple) else (value,)
        if len(parts) != 1 + pairs or not all(isinstance(part, str) for part in parts):
            expected = "a pair of texts" if pairs else "a text"
            raise HarnessError(f"compare: x, row {row}: found {value!r:.60}; expected {expected}")
    if kind == "sentence_similarity" and not pairs:
        raise HarnessError(f"compare: x, row 0: found {x[0]!r:.60}; expected a pair of texts")
    sides = {"text": [value[0] if pairs else value for value in x]}
    if pairs:
        sides["other"] = [value[1] for value in x]
    said: dict[str, Any] = {key: key for key in sides}
    match kind:
        case "translation":
            sides = {"source": list(x), "target": list(y)}
            said = {key: key for key in sides}
        case "sentence_similarity":
            sides["grade"] = [_grade(row, value) for row, value in enumerate(y)]
            said["grade"] = "grade"
        case None | "text_classification":
            kind = "text_classification"
            sides["label"] = labels(y, say)
            said["label"] = "label"
        case _:
            raise HarnessError(
                f"compare: kind {kind!r} of texts with y; expected text_classification, "
                "sentence_similarity or translation"
            )
    rows = (dict(zip(sides, values, strict=True)) for values in zip(*sides.values(), strict=True))
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    return {"kind": kind, "files": _written(folder / "texts.jsonl", lines.encode()), **said}


def _grade(row: int, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise HarnessError(
            f"compare: y, row {row}: found {value!r:.60}; expected a number"
        ) from None


def _frame(table: Any, y: Any, folder: Path) -> dict[str, Any]:
    """A table; `y` is the name of its column of labels, or that column."""
    said: dict[str, Any] = {}
    if isinstance(y, str | int):
        said["label"] = str(y)
    elif y is not None:
        _check_as_many(len(table), y)
        table = table.assign(label=list(y))
        said["label"] = "label"
    timed = hasattr(table.index, "to_timestamp") or hasattr(table.index, "tz_localize")
    named = table.index.name is not None
    text = table.to_csv(index=named or timed, index_label=None if named or not timed else TIME)
    return {"files": _written(folder / "table.csv", text.encode()), **said}


def _series(x: Any, folder: Path) -> dict[str, Any]:
    import pandas as pd

    values = np.asarray(x)
    if values.ndim not in (1, 2) or values.dtype.kind not in "uif":
        raise HarnessError(f"compare: an array of shape {values.shape}; expected a series of shape "
                           "(steps,) or (steps, channels)")  # fmt: skip
    table = pd.DataFrame(values.reshape(len(values), -1))
    table.columns = pd.Index([f"channel {number}" for number in range(table.shape[1])])
    files = _written(folder / "series.csv", table.to_csv(index=False).encode())
    return {"kind": "time_series_forecasting", "files": files}


def _written(file: Path, content: bytes) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write(file, content)
    return str(file.absolute())


def known_columns(table: Mapping[str, Any]) -> str:
    """The columns of a table that were understood, for a line."""
    return ", ".join(f"{key} = {value}" for key, value in table.items() if key != "files")
