"""What a `[data.NAME]` table leaves out, guessed from its files: kind of task, columns, lengths."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.kinds.files import text_files
from harness.own import tables
from harness.own.columns import LOOKED_AT
from harness.own.description import COLUMNS, known_kind
from harness.own.places import IMAGES, PAIRED, image_folders, split_files
from harness.own.table_guess import of_table
from harness.spec import HarnessError, Kind
from harness.system.paths import absolute
from harness.system.text import quoted

NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "text_classification": ("text", "label"),
    "sentence_similarity": ("text", "other", "grade"),
    "time_series_forecasting": ("look_back", "horizon"),
}
"""What a table must say in the end, beside its files."""
WORDS = 50_000
"""Of a text, from which on a model predicts words; characters of a shorter one."""


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
    try:
        there = path.exists()
    except OSError as error:
        raise HarnessError(f"{where}.files: {quoted(str(path))}: {error.strerror}") from None
    if not there:
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
        return of_table(path, given)
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
