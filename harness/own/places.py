"""The files of data of one's own: which there are, and of which split each is."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.journal.folder import ARTIFACTS, DATABASE, JOURNAL
from harness.kinds.constructor import ELSEWHERE, SPLITS
from harness.own import tables
from harness.spec import HarnessError, Kind, Source
from harness.system.paths import absolute
from harness.system.text import quoted

WHOLE = "all"
"""Stands for the split of files that are still to be cut into splits."""
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
LITTER = ("thumbs.db", "desktop.ini")
"""Files that systems leave in folders of images; hidden ones, too, are left out."""
PAIRED = "translation"
"""The kind that may have two files for a split, line by line."""
_STANDARD = {**ELSEWHERE, **{name: name for name in SPLITS}}


@dataclass(frozen=True)
class Place:
    """A file: how it is called in errors and among a task's sources, and where it lies."""

    name: str
    path: Path


Parts = Mapping[str, tuple[Place, ...]]
"""Files by split; all under `WHOLE` where they are to be cut."""


def standard_split(name: str) -> str | None:
    """`train`, `val` or `test` for what files and folders of splits are called; else `None`."""
    return _STANDARD.get(name.lower())


def located(where: str, kind: Kind, files: Any, base: Path) -> Parts:
    """The files of a table.

    Args:
        where: for the errors: `reviews.toml: data.reviews`.
        kind: of the data.
        files: as they stand in the table: a path; several by split; of translations two each.
        base: the folder that paths are relative to.

    Raises:
        HarnessError: one is not there, or is not what the kind needs.
    """
    if isinstance(files, Mapping) and files:
        found = {
            _split(where, split): _named(where, f"files.{split}", kind, value, base)
            for split, value in files.items()
        }
        if "train" not in found:
            raise HarnessError(f"{where}.files: expected 'train' among {', '.join(files)}")
        _check_apart(where, found)
        if len(found) == 1:
            found = {WHOLE: found["train"]}
    elif isinstance(files, str) and (base / files).is_dir():
        found = _in_folder(where, kind, absolute(base, files))
    else:
        found = {WHOLE: _named(where, "files", kind, files, base)}
        _check_apart(where, found)
    return _short(found)


def sources(parts: Parts) -> tuple[Source, ...]:
    """The files as those of a task."""
    every = {place.name: place.path for places in parts.values() for place in places}
    return tuple(Source("", name, path=str(path)) for name, path in every.items())


def split_files(folder: Path, endings: Sequence[str]) -> dict[str, list[Path]]:
    """Files of a folder that are called as splits are, such as `train.csv`; further ones that
    begin with `test` are further test splits."""
    found: dict[str, list[Path]] = {}
    for path in _visible(folder):
        stem = path.name.lower().removesuffix(".gz").partition(".")[0]
        split = standard_split(stem) or (stem if stem.startswith("test") else None)
        if split and split.isidentifier() and path.is_file():
            if endings and tables.suffix(path.name) not in endings:
                continue
            found.setdefault(split, []).append(path)
    further = next((split for split in found if split.startswith("test")), None)
    if "test" not in found and further is not None:  # as test_2016 is, of test_2016 and test_2017
        found["test"] = found.pop(further)
    return found


def pairs(folder: Path) -> dict[str, list[str]]:
    """Files of translations by split, two each, of a folder that may hold more languages: those
    whose endings come first in the alphabet, named relative to the folder."""
    found = split_files(folder, ())
    endings = sorted({tables.suffix(path.name) for path in found.get("train", ())})[:2]
    named = {
        split: [path.name for path in paths if tables.suffix(path.name) in endings]
        for split, paths in found.items()
    }
    return {split: names for split, names in named.items() if len(names) == len(endings) == 2}


def image_folders(folder: Path) -> dict[str, Path]:
    """The folder of each split, or the whole one."""
    inside = {path.name: path for path in _visible(folder) if path.is_dir()}
    found = {split: path for name, path in inside.items() if (split := standard_split(name))}
    if found and "train" not in found and len(found) == len(inside):
        raise HarnessError(f"{folder}: it has {' and '.join(sorted(inside))}, and no folder train; "
                           "expected the images that are learned from")  # fmt: skip
    return found if "train" in found and len(found) == len(inside) else {WHOLE: folder}


def _in_folder(where: str, kind: Kind, folder: Path) -> dict[str, list[Path]]:
    try:
        if kind == "image_classification":
            found = {split: list(_images(path)) for split, path in image_folders(folder).items()}
        else:
            found = split_files(folder, ())
    except OSError as error:
        raise HarnessError(f"{folder}: cannot be read ({error.strerror})") from None
    if kind != "image_classification" and "train" not in found:
        raise HarnessError(
            f"{where}.files: {quoted(str(folder))} has no file called train; expected files, or "
            "some called train, val and test"
        )
    for split, paths in found.items():
        if not paths:
            raise HarnessError(f"{where}.files: no images in {quoted(str(folder))} ({split})")
        if kind not in (PAIRED, "image_classification") and len(paths) > 1:
            names = tables.listed(path.name for path in paths)
            raise HarnessError(f"{where}.files: {names} are all of {split}; expected one file")
    return found


def _check_apart(where: str, found: Mapping[str, Sequence[Path]]) -> None:
    """Refuses a file that is named for two splits, or twice for one."""
    seen: dict[Path, str] = {}
    for split, paths in found.items():
        for path in paths:
            if path in seen:
                both = f"of {seen[path]} and of {split}" if seen[path] != split else "named twice"
                raise HarnessError(f"{where}.files: {quoted(path.name)} is {both}; expected "
                                   "different files")  # fmt: skip
            seen[path] = split


def _images(folder: Path) -> Iterator[Path]:
    """All files of the folders of classes."""
    for place in _visible(folder):
        if place.is_dir():
            inside = [path for path in sorted(place.rglob("*")) if _counts(path)]
            if not inside:
                raise HarnessError(f"{place}: no images in it; expected some of this class")
            yield from inside
        elif place.name.lower() not in LITTER and tables.suffix(place.name) in IMAGES:
            raise HarnessError(
                f"{place}: an image beside the folders of classes; expected a folder for each class"
            )


def _counts(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.name.lower() not in LITTER


def _visible(folder: Path) -> list[Path]:
    """What of a folder may be data: nothing hidden, and no folder of answers."""
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and not _holds_answers(path)
    )


def _holds_answers(path: Path) -> bool:
    """Whether a folder is that of a sweep, one of several of them, or what MLflow has of them."""
    if not path.is_dir():
        return False
    beside_database = path.name == ARTIFACTS and (path.parent / DATABASE).is_file()
    return beside_database or (path / JOURNAL).is_file() or any(path.glob(f"*/{JOURNAL}"))


def _split(where: str, name: str) -> str:
    split = standard_split(name) or name
    if not split.isidentifier() or split == WHOLE:
        raise HarnessError(f"{where}.files: {quoted(name)}: expected train, val, test, or another "
                           "name of letters and digits for a further test split")  # fmt: skip
    return split


def _named(where: str, key: str, kind: Kind, value: Any, base: Path) -> list[Path]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise HarnessError(f"{where}.{key} = {quoted(repr(value))}: expected the path of a file")
    most = 2 if kind == PAIRED else 1
    if not 1 <= len(names) <= most:
        expected = "one file, or two of as many lines" if most == 2 else "one file"
        raise HarnessError(f"{where}.{key}: {len(names)} files; expected {expected}")
    paths = [absolute(base, name) for name in names]
    for path in paths:
        if path.is_dir() and kind == "image_classification":
            return list(_images(path))
        if not path.is_file():
            raise HarnessError(f"{where}.{key}: {quoted(str(path))}: no such file")
    return paths


def _short(found: Mapping[str, Sequence[Path]]) -> dict[str, tuple[Place, ...]]:
    """Names relative to the folder that all files have in common, by which nothing depends on where
    that lies."""
    every = [path for paths in found.values() for path in paths]
    common = Path(os.path.commonpath([path.parent for path in every]))
    return {
        split: tuple(Place(path.relative_to(common).as_posix(), path) for path in paths)
        for split, paths in found.items()
    }
