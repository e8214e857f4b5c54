"""A task from what is understood of data of one's own, by the constructor of its kind."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import kinds
from harness.kinds import presets
from harness.own import duplicates, images, rows, series, splits, tables
from harness.own.description import STARTED, Data, parse
from harness.own.places import WHOLE, Parts, Place, located, sources
from harness.own.splits import Rows
from harness.spec import HarnessError, Prepared, Preset, Source, Task

FACTS = "own_data"
"""The asset: what is to be said of the data, beside what the contract of its kind asks for."""
Names = Mapping[str, tuple[str, ...]]
"""Names of files by split."""


def task(name: str, table: Mapping[str, Any], base: Path, origin: str = "") -> Task:
    """The task of a `[data.NAME]` table.

    Args:
        name: of the task.
        table: what stands there, whole: see `harness.own.guess.completed`.
        base: the folder that its files are relative to.
        origin: the file that it stands in, for the errors.

    Raises:
        HarnessError: the table says something that cannot be, or a file is not there. What is in
            the files is looked at by `Task.prepare`.
    """
    data = parse(name, table, origin)
    where = f"{origin}: data.{name}" if origin else f"data.{name}"
    if "files" not in table:
        raise HarnessError(f"{where}.files: missing; expected the path of a file or a folder")
    if STARTED in data.options:
        preset = presets.located(where, Preset(data.options[STARTED]), base)
        data = replace(data, options={**data.options, STARTED: preset})
    parts = located(where, data.kind, table["files"], base)
    if "fold" in table and ("test" in parts or data.cut.split is not None):
        raise HarnessError(
            f"{where}.splits: its {'files say' if 'test' in parts else 'column says'} which "
            "examples are for the test; expected data of which the test is cut off here"
        )
    names = {split: tuple(place.name for place in places) for split, places in parts.items()}
    made = _constructed(data, None)
    return replace(
        made,
        prepare=functools.partial(_prepared, data=data, names=names),
        sources=sources(parts) + _named_by_tables(data, parts) + made.sources,
    )


def description(task: Task) -> tuple[Data, Names] | None:
    """What is understood of a task's data and the names of its files; `None` where a person has
    written `prepare`."""
    made = task.prepare
    if isinstance(made, functools.partial) and made.func is _prepared:
        return made.keywords["data"], made.keywords["names"]
    return None


def alike(first: Any, other: Any) -> bool:
    """Whether two tasks are of one description and of the same files, whichever table says so."""
    if not (isinstance(first, Task) and isinstance(other, Task)):
        return False
    known = description(first)
    return known is not None and known == description(other) and first.sources == other.sources


def _named_by_tables(data: Data, parts: Parts) -> tuple[Source, ...]:
    """Images that tables name, whose contents matter as those of the tables do.

    A table that cannot be read names none here: `Task.prepare` says why.
    """
    if data.kind != "image_classification":
        return ()
    found: list[Source] = []
    for place, *_ in parts.values():
        if tables.suffix(place.name) not in tables.SUFFIXES:
            continue
        try:
            paths = images.listed(data, place)
        except HarnessError:
            continue
        found += (Source("", str(path), path=str(path)) for path in dict.fromkeys(paths))
    return tuple(dict.fromkeys(found))


def _constructed(data: Data, examples: Any) -> Task:
    """The task as its constructor makes it of examples by split."""
    make = kinds.of(data.kind).task
    made: Task = make(data.name, lambda files: examples, **data.options)
    return made


def _prepared(files: Mapping[str, Path], data: Data, names: Names) -> Prepared:
    parts = {
        split: tuple(Place(name, files[name]) for name in found) for split, found in names.items()
    }
    examples, facts = read(data, parts)
    prepared = _constructed(data, examples).prepare(files)
    return replace(prepared, assets={**prepared.assets, FACTS: facts})


def read(data: Data, parts: Parts) -> tuple[Any, dict[str, Any]]:
    """Examples by split, as the constructor of the kind takes them; and what is to be said of them.

    Raises:
        HarnessError: a file, a row or a value is not what is expected.
    """
    match data.kind:
        case "time_series_forecasting":
            return series.read(data, parts)
        case "language_modeling":
            return _running_text(data, parts)
    found = {split: _rows(data, places) for split, places in parts.items()}
    divided = splits.divided(found, data.cut)
    facts = _facts(divided)
    if data.kind == "image_classification":
        arrays, more = images.loaded(data, divided)
        return arrays, {**facts, **more}
    return {split: list(part.examples) for split, part in divided.items()}, facts


def _rows(data: Data, places: tuple[Place, ...]) -> Rows:
    read_rows = images.read if data.kind == "image_classification" else rows.read
    return read_rows(data, places)


def _facts(divided: Mapping[str, Rows]) -> dict[str, Any]:
    texts = {split: part.texts for split, part in divided.items() if part.texts is not None}
    return {"duplicates": duplicates.counted(texts)} if "train" in texts else {}


def _running_text(data: Data, parts: Parts) -> tuple[dict[str, str], dict[str, Any]]:
    """A text by split; what is cut off is its end, between lines."""
    found = {split: rows.read(data, places).examples for split, places in parts.items()}
    if WHOLE in found:
        found = {"train": found[WHOLE]}
    missing = [name for name in ("test", "val") if name not in found]
    train = found["train"]
    for _ in range(data.cut.fold):
        train, _later = _parted(train, data.cut.test, sum(map(len, found["train"])))
    if len(train) <= len(missing):  # one long line: the constructor cuts it between words
        return {split: "".join(lines) for split, lines in found.items()}, {}
    total = sum(map(len, found["train"]))
    for name in missing:
        train, found[name] = _parted(train, getattr(data.cut, name), total)
    return {split: "".join(lines) for split, lines in {**found, "train": train}.items()}, {}


def _parted(lines: Sequence[str], share: float, total: int) -> tuple[Sequence[str], Sequence[str]]:
    """Lines without their end, and that: as many as have a share of so many characters."""
    length, start = 0, len(lines)
    while start > 1 and length < share * total:
        start -= 1
        length += len(lines[start])
    return lines[:start], lines[start:]
