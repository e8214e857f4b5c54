"""The process in which a task's `prepare` runs, so that TensorFlow never enters this one."""

import importlib.util
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import registry
from harness.data import download, prepare_function
from harness.own import file as data_file
from harness.own.task import description
from harness.spec import HarnessError, Preset, Task
from harness.system import atomic_files, isolation

FAILED = "failed.txt"
"""The traceback of the last `prepare` of a task that failed, beside its entries: there one finds it
again, where a temporary folder is another each time; the next that succeeds removes it."""


def prepare(task: Task, folder: Path, files: Mapping[str, Path]) -> None:
    """Has a task's data prepared, and written to a folder.

    Args:
        task: a registered task.
        folder: an empty one, in that of the task's entries.
        files: path of each source by name.

    Raises:
        HarnessError: it fails, or the data is unsound.
    """
    child = subprocess.run(
        [*isolation.PYTHON, "-m", "harness.data.prepare"],
        input=json.dumps(_order(task, folder, files)),
        env=_variables(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if child.returncode == 0:
        return
    try:
        failure = json.loads(child.stdout.strip().splitlines()[-1])
        message, said = failure["message"], failure["traceback"]
    except (ValueError, IndexError):  # it could not even say why
        last = (child.stderr.strip().splitlines() or ["no message"])[-1]
        message = (
            f"task {task.name!r}: preparing it ended with exit code {child.returncode} ({last})"
        )
        said = child.stderr
    raise HarnessError(_with_traceback(message, said, folder.parent / FAILED))


def _order(task: Task, folder: Path, files: Mapping[str, Path]) -> dict[str, Any]:
    """What `harness.data.prepare` is told."""
    origin = registry.origin(registry.task(task.name))
    homes = [Path.cwd(), origin.path, prepare_function.home(task.prepare)]
    sources = [path.absolute() for path in files.values()]
    tables = [path for path in registry.plugins() if path.suffix == data_file.SUFFIX]
    if description(task) is not None:
        # Their sources are all that their folders hold; a file with several is read as a whole.
        described = [one for one in registry.tasks().values() if description(one) is not None]
        tables += [place for one in described for place in looked_into(one)]
    return {
        "task": task.name,
        "module": origin.module,
        "attribute": origin.attribute,
        "folder": str(folder),
        "files": {name: str(path.absolute()) for name, path in files.items()},
        "plugins": [str(path) for path in registry.plugins()],
        "homes": [str(home) for home in homes if home is not None and home.is_dir()],
        "not_own": [str(path) for path in (*sources, *tables, download.cache_root())],
    }


def looked_into(task: Task) -> list[Path]:
    """The files and folders that are read to make a task of data of one's own."""
    preset = task.init_from
    start = Path(preset.name).absolute() if isinstance(preset, Preset) else None
    files = [Path(source.path) for source in task.sources if source.path is not None]
    own = [path for path in files if start is None or not path.is_relative_to(start)]
    folders = {_common(own), *(path.parent for path in own)}
    return [*own, *folders, *([start] if start is not None else [])]


def _common(files: Sequence[Path]) -> Path:
    """The folder that all files lie in."""
    return Path(os.path.commonpath([path.parent for path in files]))


def _variables() -> dict[str, str]:
    variables = {**isolation.variables(), "CUDA_VISIBLE_DEVICES": "-1"}
    if importlib.util.find_spec("tensorflow") is not None:
        variables.setdefault("KERAS_BACKEND", "tensorflow")  # not what a file of the person's says
    return variables


def _with_traceback(message: str, traceback: str | None, file: Path) -> str:
    """The message, with the file that has the traceback if there is one."""
    if not traceback:
        return message
    try:
        atomic_files.write(file, traceback.encode(errors="backslashreplace"))
    except HarnessError:  # a disk that is full, of which the message tells
        return message
    return f"{message}; traceback: {file}"
