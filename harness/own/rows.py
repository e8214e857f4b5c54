"""Examples as they stand in files of text, with where each stands: by kind of task."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.kinds.files import text_files
from harness.own import tables
from harness.own.description import Data
from harness.own.places import Place
from harness.own.splits import Rows
from harness.spec import HarnessError, Kind

LARGEST_GRADE = "highest"
"""Option of `sentence_similarity`."""


def read(data: Data, places: tuple[Place, ...]) -> Rows:
    """The examples of one split, or of all of them.

    Args:
        data: what is understood of them.
        places: the file, or the two files of translations.

    Raises:
        HarnessError: a file is not what is expected of it; file, row and column are named.
    """
    return READERS[data.kind](data, places)


def table_rows(data: Data, place: Place, needed: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """A table, and of its rows where they stand and what they are split by.

    Args:
        needed: keys of the columns without which there are no examples.
    """
    for key in needed:
        if key not in data.columns:
            raise HarnessError(
                f"data.{data.name}.{key}: missing; expected the name of a column of {place.name}"
            )
    table = tables.read(place.name, place.path, data.format)
    by: dict[str, Any] = {
        "places": [f"{place.name}, row {row}" for row in range(1, len(table) + 1)]
    }
    if data.cut.group is not None:
        by["group"] = tables.given(place.name, table, data.cut.group, "a group")
    if data.cut.time is not None:
        from harness.own.series import times

        by["time"] = list(times(place.name, table, data.cut.time))
    if data.cut.split is not None:
        by["split"] = tables.given(place.name, table, data.cut.split, "a split")
    return table, by


def no_columns(data: Data, what: str) -> None:
    """Refuses columns to split by, of data that is no table.

    Args:
        what: it is: `a folder of images`.

    Raises:
        HarnessError: one is named.
    """
    for key in ("group", "time", "split"):
        if getattr(data.cut, key) is not None:
            raise HarnessError(f"data.{data.name}.{key}: {what}, without columns; expected a table")


def labelled(data: Data, place: Place, table: Any) -> dict[str, Any]:
    """The column of labels of a table, as fields of `Rows`."""
    column = data.columns["label"]
    values = tables.given(place.name, table, column, "a label")
    return {"label": tables.labels(values), "label_place": f", column {column!r}"}


def _text_classification(data: Data, places: tuple[Place, ...]) -> Rows:
    (place,) = places
    table, by = table_rows(data, place, ("text", "label"))
    by |= labelled(data, place, table)
    sides = [
        tables.texts(place.name, table, data.columns[key])
        for key in ("text", "other") if key in data.columns
    ]  # fmt: skip
    examples = list(zip(*sides, by["label"], strict=True))
    return Rows(examples, texts=[" ".join(row[:-1]) for row in examples], **by)


def _sentence_similarity(data: Data, places: tuple[Place, ...]) -> Rows:
    (place,) = places
    table, by = table_rows(data, place, ("text", "other", "grade"))
    sides = [tables.texts(place.name, table, data.columns[key]) for key in ("text", "other")]
    column = data.columns["grade"]
    grades = tables.numbers(place.name, table, column)
    highest = data.options.get(LARGEST_GRADE, 5.0)
    for where, grade in zip(by["places"], grades, strict=True):
        if not 0 <= grade <= highest:
            raise HarnessError(
                f"{where}, column {column!r}: grade {grade:g}; expected a number from 0 to "
                f"{highest:g} (another scale: highest = ...)"
            )
    examples = list(zip(*sides, grades, strict=True))
    return Rows(examples, texts=[" ".join(row[:2]) for row in examples], **by)


def _translation(data: Data, places: tuple[Place, ...]) -> Rows:
    if len(places) == 2:
        return _two_files(data, places)
    (place,) = places
    table, by = table_rows(data, place, ("source", "target"))
    sides = [
        tables.given(place.name, table, data.columns[key], "a sentence")
        for key in ("source", "target")
    ]
    examples = list(zip(*sides, strict=True))
    return Rows(examples, texts=[row[0] for row in examples], **by)


def _two_files(data: Data, places: tuple[Place, ...]) -> Rows:
    """Two files, line by line."""
    no_columns(data, "two files of lines")
    sides = [lines(place, data.format.encoding) for place in places]
    first, second = places
    if len(sides[0]) != len(sides[1]):
        raise HarnessError(
            f"{first.name} has {len(sides[0]):,} lines and {second.name} {len(sides[1]):,}; "
            "expected as many in both, each the translation of the other"
        )
    for place, side in zip(places, sides, strict=True):
        for number, line in enumerate(side, start=1):
            if not line.strip():
                raise HarnessError(
                    f"{place.name}, line {number}: an empty line; expected a sentence"
                )
    examples = list(zip(*sides, strict=True))
    where = [f"{first.name}, line {number}" for number in range(1, len(examples) + 1)]
    return Rows(examples, where, texts=[row[0] for row in examples])


def _token_classification(data: Data, places: tuple[Place, ...]) -> Rows:
    """Sentences of a file with a word a line, its tag in one of the columns; IOB1 becomes IOB2."""
    (place,) = places
    no_columns(data, "sentences of words with tags")
    word, tag = (_position(data, key, default) for key, default in (("word", 1), ("tag", -1)))
    sentences: list[tuple[list[str], list[str]]] = []
    where: list[str] = []
    width = 0
    begun = False
    for number, line in enumerate(lines(place, data.format.encoding), start=1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            begun = False
            continue
        cells = line.split(data.format.separator)
        here = f"{place.name}, line {number}"
        width = width or len(cells)
        if len(cells) != width or width < 2:
            expected = f"{width}, as in the lines before" if width > 1 else "a word and its tag"
            raise HarnessError(f"{here}: {len(cells)} columns; expected {expected}")
        if max(word, tag) > width:
            raise HarnessError(f"{here}: {len(cells)} columns; expected {max(word, tag)} or more")
        found = cells[tag - 1 if tag > 0 else tag].strip()
        if not text_files.is_tag(found):
            raise HarnessError(f"{here}: found {found!r:.40}; expected a tag: O, B-... or I-...")
        if not begun:
            sentences.append(([], []))
            where.append(here)
            begun = True
        sentences[-1][0].append(cells[word - 1])
        sentences[-1][1].append(found)
    if not sentences:
        raise HarnessError(f"{place.name}: no words; expected a word and its tag in each line")
    examples = [(words, text_files.iob2(tags)) for words, tags in sentences]
    return Rows(examples, where, texts=[" ".join(words) for words, _ in examples])


def _position(data: Data, key: str, default: int) -> int:
    """The number of a column, from 1; the last one is -1."""
    value = data.columns.get(key, str(default))
    if not value.removeprefix("-").isdigit() or int(value) == 0 or int(value) < -1:
        raise HarnessError(
            f"data.{data.name}.{key} = {value!r}: expected the number of a column, from 1"
        )
    return int(value)


def _language_modeling(data: Data, places: tuple[Place, ...]) -> Rows:
    """Lines of running text, each with its line end."""
    found, where = _running(data, places)
    return Rows([f"{line}\n" for line in found], where)


def _masked_language_modeling(data: Data, places: tuple[Place, ...]) -> Rows:
    """Documents between blank lines, a sentence a line; a text of one document is cut in pieces."""
    found, where = _running(data, places)
    documents: list[list[str]] = [[]]
    starts: list[str] = []
    for line, here in zip(found, where, strict=True):
        full = "text" not in data.columns and len(documents[-1]) >= DOCUMENT_LINES
        if (not line.strip() or full) and documents[-1]:
            documents.append([])
        if line.strip():
            if not documents[-1]:
                starts.append(here)
            documents[-1].append(line.strip())
    documents = [document for document in documents if document]
    return Rows(documents, starts, texts=[" ".join(document) for document in documents])


DOCUMENT_LINES = 100
"""Lines after which a document of a file of text ends, if no blank one has ended it."""


def _running(data: Data, places: tuple[Place, ...]) -> tuple[list[str], list[str]]:
    (place,) = places
    if "text" not in data.columns:
        no_columns(data, "a text")
        found = lines(place, data.format.encoding)
        return found, [f"{place.name}, line {number}" for number in range(1, len(found) + 1)]
    table, by = table_rows(data, place, ("text",))
    column = tables.texts(place.name, table, data.columns["text"])
    found, where = [], []
    for text, here in zip(column, by["places"], strict=True):
        parts = [*text.split("\n"), *([""] if data.kind == "masked_language_modeling" else [])]
        found += parts
        where += [here] * len(parts)
    return found, where


def lines(place: Place, encoding: str = "utf-8") -> list[str]:
    """The lines of a file of text, without the empty one at the end."""
    return tables.text(place.name, place.path, encoding).removesuffix("\n").split("\n")


READERS: Mapping[Kind, Callable[[Data, tuple[Place, ...]], Rows]] = {
    "text_classification": _text_classification,
    "sentence_similarity": _sentence_similarity,
    "translation": _translation,
    "token_classification": _token_classification,
    "language_modeling": _language_modeling,
    "masked_language_modeling": _masked_language_modeling,
}
