"""One entry of the cache, as it lies on the disk: one `.npy` file an array, and `meta.json`.

The second knows the SHA-256 of each of the first, the data's specification and assets, and what it
was made from.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from harness.data.download import sha256
from harness.data.ingredients import stated
from harness.data.prepare import FORMAT, META, SPLITS, digest
from harness.spec import Array, DataSpec, Prepared, Split, Windows

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading an entry raises that is damaged, in whatever way."""


@dataclass(frozen=True)
class Entry:
    """A task's prepared data on disk."""

    folder: Path
    digest: str
    """SHA-256 over specification, assets and arrays: the same data has the same digest,
    wherever and from whatever code it was made."""


def name(key: str, meta: Any) -> str:
    """How the folder of an entry is called: what it is looked for under, and what shows when it
    is found. Errors as of `described`."""
    return f"{key}-{stated(meta).sign()}"


def described(folder: Path) -> Any:
    """The description of an entry.

    Raises:
        Exception: one of `UNREADABLE` where there is none.
    """
    return json.loads((folder / META).read_text(encoding="utf-8"))


def is_current(folder: Path, key: str) -> bool:
    """Whether what an entry was made from is now as it was then; false where it is damaged."""
    try:
        meta = described(folder)
        return folder.name == name(key, meta) and stated(meta).hold()
    except UNREADABLE:
        return False


def verified(folder: Path) -> Entry | None:
    """The entry of a folder, or `None` when any part of it is missing or altered."""
    try:
        meta = described(folder)
        for array, expected in meta["arrays"].items():
            path = folder / f"{array}.npy"
            if path.stat().st_size != expected["bytes"] or sha256(path) != expected["sha256"]:
                return None
        expected = (FORMAT, folder.parent.name, digest(meta))
        found = (meta["format"], meta["task"], meta["digest"])
        return Entry(folder, meta["digest"]) if found == expected else None
    except UNREADABLE:
        return None  # whatever is wrong with it, it is made anew


def read(folder: Path) -> Prepared:
    """The data of an entry, its arrays memory-mapped read-only.

    Raises:
        Exception: one of `UNREADABLE` where something is missing.
    """
    meta = described(folder)
    stored: dict[str, np.ndarray] = {
        array: np.load(folder / f"{array}.npy", mmap_mode="r", allow_pickle=False)
        for array in meta["arrays"]
    }
    windows = {
        array: Windows(stored[parts["series"]], stored[f"{array}.starts"], parts["length"])
        for array, parts in meta.get("windows", {}).items()
    }
    arrays = {**stored, **windows}
    splits = {split: _split(arrays, split) for split in SPLITS}
    further = {split: _split(arrays, split) for split in meta.get("further", ())}
    return Prepared(
        pydantic.TypeAdapter(DataSpec).validate_python(meta["spec"]),
        assets=meta["assets"],
        further=further,
        **splits,
    )


def _split(arrays: Mapping[str, Any], split: str) -> Split:
    def side(letter: str) -> dict[str, Array]:
        prefix = f"{split}.{letter}."
        # Names of inputs and outputs hold no dot: what has one is a part of windows.
        named = {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}
        return {key: array for key, array in named.items() if "." not in key}

    return Split(x=side("x"), y=side("y"), weight=arrays.get(f"{split}.weight"))
