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
    return dict(found)


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
