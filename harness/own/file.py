"""The `[data.NAME]` tables of a sweep file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.own import guess
from harness.own.task import task
from harness.spec import HarnessError, Task
from harness.system.text import quoted

SUFFIX = ".toml"
KEY = "data"
SPLITS, FOLD = "splits", "fold"
"""Keys: in how many ways data is split, and which of them a table stands for."""
MOST = 50
"""Splits of one table."""


def tables(path: Path) -> dict[str, Mapping[str, Any]]:
    """The tables of a file, by the name of their task; none where it has none.

    Raises:
        HarnessError: it cannot be read, is no TOML, or has something else there.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: of TOML and of UTF-8
        raise HarnessError(f"{path}: cannot be read ({quoted(str(error))})") from None
    return checked(fields.get(KEY, {}), path.name)


def checked(found: Any, origin: str) -> dict[str, Mapping[str, Any]]:
    """What stands under `data`, if it is tables by name.

    Raises:
        HarnessError: it is something else.
    """
    if not isinstance(found, Mapping):
        raise HarnessError(f"{origin}: data = {quoted(repr(found))}: expected tables, [data.NAME]")
    for name, table in found.items():
        if not isinstance(table, Mapping):
            raise HarnessError(
                f"{origin}: data.{quoted(name)} = {quoted(repr(table))}: expected a table"
            )
    return spelled_out(found, origin)


def names_of_splits(name: str, splits: int) -> tuple[str, ...]:
    """The tasks of so many splits of the data of a table."""
    return (name, *(f"{name}-{number}" for number in range(2, splits + 1)))


def spelled_out(
    found: Mapping[str, Mapping[str, Any]], origin: str
) -> dict[str, Mapping[str, Any]]:
    """Tables, and in the place of one with `splits` one for each split of its data: `NAME`,
    `NAME-2`, `NAME-3`, each of its `fold`.

    Raises:
        HarnessError: `splits` is no number of splits, or another table has such a name.
    """
    every: dict[str, Mapping[str, Any]] = {}
    for name, table in found.items():
        if SPLITS not in table:
            every[name] = table
            continue
        splits, where = table[SPLITS], f"{origin}: data.{quoted(name)}.{SPLITS}"
        if not isinstance(splits, int) or isinstance(splits, bool) or not 2 <= splits <= MOST:
            raise HarnessError(f"{where} = {quoted(repr(splits))}: expected 2 to {MOST}")
        plain = {key: value for key, value in table.items() if key != SPLITS}
        for fold, own in enumerate(names_of_splits(name, splits)):
            if fold and own in found:
                raise HarnessError(f"{where}: {quoted(own)} is a table, too; expected another name")
            every[own] = {**plain, FOLD: fold}
    return every


def tasks(path: Path) -> dict[str, Task]:
    """The tasks of a file by name.

    Args:
        path: absolute; files are relative to its folder.

    Raises:
        HarnessError: as of `tables` and `harness.own.task.task`.
    """
    return {
        name: task(name, guess.completed(name, table, path.parent, path.name), path.parent,
                   path.name)
        for name, table in tables(path).items()
    }  # fmt: skip
