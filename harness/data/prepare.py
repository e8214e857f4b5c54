"""Calls a task's `prepare` and writes what it returns; runs in a process of its own.

The order arrives on standard input, see `harness.data.child`. Only the module that defines the task
is imported, so that what there is afterwards is what preparing it needs. The folder receives one
`.npy` file an array and, last, `meta.json`; of `Windows` the starts and, once for all that are cut
from it, the series. Where that fails the exit code is 1 and standard output ends with a line
`{"message", "traceback"}`, the latter `null` where the message says all.
"""

import contextlib
import hashlib
import importlib
import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness import cause, registry
from harness.data import download
from harness.data.imports import gathered
from harness.data.ingredients import Ingredients
from harness.data.reads import Reads
from harness.data.validate import validate
from harness.spec import Array, DataSpec, HarnessError, Prepared, Split, Task, Windows
from harness.system import keras_settings
from harness.system.redact import masked

FORMAT = 1
"""Version of the layout of an entry."""
META = "meta.json"
SPLITS = ("train", "val", "test")


def main() -> int:
    """Prepares the task named on standard input; says on standard output why it cannot."""
    order = json.load(sys.stdin)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a task prints is not the answer
            _obey(order)
    except Exception as error:  # noqa: BLE001 (a task's code can fail in any way)
        foreseen = isinstance(error, HarnessError)  # then the message says all
        trace = None if foreseen else masked(traceback.format_exc())
        print(json.dumps({"message": _explain(order["task"], error), "traceback": trace}))
        return 1
    return 0


def _obey(order: Mapping[str, Any]) -> None:
    files = {name: Path(path) for name, path in order["files"].items()}
    registry.use(order["plugins"])
    _settle_keras()
    before = set(sys.modules)
    with Reads(map(Path, order["homes"]), map(Path, order["not_own"])) as reads:
        module = importlib.import_module(order["module"])
        task = _defined(order["task"], module, order["attribute"])
        prepared = task.prepare(files)
    write(task, prepared, Path(order["folder"]), gathered(module, task.prepare, before, reads))


def _defined(name: str, module: ModuleType, attribute: Sequence[str]) -> Task:
    """The task of that name in a module, or in what an attribute of it names."""
    value: Any = module
    for part in attribute:
        value = getattr(value, part)
    found = [*vars(value).values()] if isinstance(value, ModuleType) else [value]
    for task in found:
        if type(task) is Task and task.name == name:
            return task
    raise HarnessError(f"task {name!r}: {module.__name__} defines it no more")


def _settle_keras() -> None:
    """Gives Keras the harness's own settings, where a file of the person's gives it others.

    To import it takes seconds, which most tasks need not spend.
    """
    if keras_settings.file_differs():
        keras_settings.settle()


def _explain(name: str, error: Exception) -> str:
    if isinstance(error, HarnessError):
        return str(error)
    at_fault = "prepare function failed" if cause.own_place(error) else "data cannot be prepared"
    return f"task {name!r}: its {at_fault}: {cause.reason(error)}"


def write(task: Task, prepared: Prepared, folder: Path, made_from: Ingredients) -> None:
    """Checks data and writes one array a file, then `meta.json`.

    Args:
        task: whose data it is.
        prepared: what `prepare` has returned.
        folder: an empty one.
        made_from: what it was made from.

    Raises:
        HarnessError: the data is unsound.
    """
    validate(task, prepared)
    assets = json.loads(json.dumps(dict(prepared.assets)))
    meta: dict[str, Any] = {"format": FORMAT, "task": task.name, "made_from": asdict(made_from)}
    meta |= {"spec": _spec(prepared.spec), "assets": assets, "arrays": {}}
    arrays, windows = _stored(prepared)
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        # Open for reading as well, it is written by Python and not by NumPy's own code, whose error
        # does not say that the disk is full.
        with path.open("w+b") as file:
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        meta["arrays"][name] = {"bytes": path.stat().st_size, "sha256": download.sha256(path)}
    if windows:
        meta["windows"] = windows
    if prepared.further:
        meta["further"] = list(prepared.further)
    meta["digest"] = digest(meta)
    (folder / META).write_text(json.dumps(meta), encoding="utf-8")


def _spec(spec: DataSpec) -> dict[str, Any]:
    """As JSON; fields that say nothing are left out, so that digests outlive new ones."""
    content = asdict(spec)
    for side in ("inputs", "outputs"):
        for tensor in content[side].values():
            for name in ("longest", "aligned", "vocabulary"):
                if tensor[name] is None:
                    del tensor[name]
    return content


def _stored(prepared: Prepared) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays to write, and of what each name of a `Windows` is made: `series`, `length`."""
    arrays: dict[str, np.ndarray] = {}
    windows: dict[str, Any] = {}
    series: dict[int, str] = {}
    for name, array in _named(prepared):
        if isinstance(array, Windows):
            origin = series.setdefault(id(array.series), f"{name}.series")
            arrays |= {origin: array.series, f"{name}.starts": array.starts}
            windows[name] = {"series": origin, "length": array.length}
        else:
            arrays[name] = array
    return arrays, windows


def _named(prepared: Prepared) -> Iterator[tuple[str, Array]]:
    splits: dict[str, Split] = {name: getattr(prepared, name) for name in SPLITS}
    for name, split in {**splits, **prepared.further}.items():
        yield from ((f"{name}.x.{key}", array) for key, array in sorted(split.x.items()))
        yield from ((f"{name}.y.{key}", array) for key, array in sorted(split.y.items()))
        if split.weight is not None:
            yield f"{name}.weight", split.weight


def digest(meta: Mapping[str, Any]) -> str:
    """SHA-256 over the specification, the assets and all that arrays are known by."""
    content = {
        name: meta[name]
        for name in ("spec", "assets", "arrays", "windows", "further")
        if name in meta
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
