"""Data of one's own in a sweep: taken from its file, and written down in its folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.kinds import presets
from harness.own import file as data_file
from harness.own import guess
from harness.own.description import STARTED
from harness.spec import HarnessError, Preset
from harness.sweep.question import Sweep
from harness.system.paths import absolute

Tables = Mapping[str, Mapping[str, Any]]


def taken(fields: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The fields of a sweep file with what its data leaves to be guessed.

    The file becomes one of the sweep's plugins, by which every process finds its tasks; they are
    those of the sweep if it names none.

    Args:
        fields: of the file.
        path: where it lies.

    Raises:
        HarnessError: `data` is not what it should be; the key is named.
    """
    if data_file.KEY not in fields:
        return dict(fields)
    base = path.absolute().parent
    tables = {
        name: guess.completed(name, table, base, path.name)
        for name, table in data_file.checked(fields[data_file.KEY], path.name).items()
    }
    data_file.tasks(path.absolute())  # what is wrong with one is told as what it is
    asked = fields.get("tasks", list(fields[data_file.KEY]))
    if isinstance(asked, list):  # pydantic refuses what is none
        asked = [task for name in asked for task in _splits_of(name, fields[data_file.KEY])]
    plugins = fields.get("plugins", [])
    return {
        **fields,
        "tasks": asked,
        data_file.KEY: moved(
            {name: _with_place_of_preset(table, base) for name, table in tables.items()},
            lambda file: str(absolute(base, file)),
        ),
        "plugins": [*plugins, path.name] if isinstance(plugins, list) else plugins,
    }


def _with_place_of_preset(table: Mapping[str, Any], base: Path) -> Mapping[str, Any]:
    """A table whose preset, if it is a folder, is named by its absolute path."""
    if STARTED not in table:
        return table
    return {**table, STARTED: presets.located("", Preset(table[STARTED]), base).name}


def _splits_of(name: Any, written: Mapping[str, Any]) -> tuple[Any, ...]:
    """The tasks that a name stands for: all splits of a table that asks for several."""
    table = written.get(name, {}) if isinstance(name, str) else {}
    if data_file.SPLITS not in table:
        return (name,)
    return data_file.names_of_splits(name, table[data_file.SPLITS])


def families(sweep: Sweep) -> dict[str, tuple[str, ...]]:
    """The tasks that are splits of the same data, in order, by the name of the first; those of
    which the sweep has two at least."""
    found: dict[str, list[str]] = {}
    for task in sweep.tasks:
        fold = sweep.data.get(task, {}).get(data_file.FOLD)
        if fold is not None:
            found.setdefault(task if not fold else task.rpartition("-")[0], []).append(task)
    return {name: tuple(tasks) for name, tasks in found.items() if len(tasks) > 1}


def moved(tables: Tables, place: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    """Tables whose files, and presets that are folders, are named as `place` says."""

    def of(files: Any) -> Any:
        if isinstance(files, Mapping):
            return {split: of(value) for split, value in files.items()}
        return place(files) if isinstance(files, str) else [of(value) for value in files]

    def lies(key: str, value: Any) -> bool:
        return key == "files" or (key == STARTED and presets.is_path(value))

    return {
        name: {key: of(value) if lies(key, value) else value for key, value in table.items()}
        for name, table in tables.items()
    }


def without_files(tables: Tables) -> dict[str, dict[str, Any]]:
    """What tables say of their data but where it, and the preset that is part of it, lie."""
    return {
        name: {key: value for key, value in table.items() if key not in ("files", STARTED)}
        for name, table in tables.items()
    }


def other_plugins(sweep: Sweep) -> list[str]:
    """The plugins of a sweep without the file that its own data stands in."""
    return [plugin for plugin in sweep.plugins if not _says_the_same(Path(plugin), sweep.data)]


def is_in(question: Path) -> bool:
    """Whether a sweep file that may be damaged, or gone, has data."""
    try:
        return question.is_file() and bool(data_file.tables(question))
    except (OSError, HarnessError):
        return False


def _says_the_same(plugin: Path, known: Tables) -> bool:
    return plugin.suffix == data_file.SUFFIX and set(data_file.tables(plugin)) <= set(known)
