"""Trials that read their prepared data, which somebody damages while the sweep runs.

Each damage happens once, in the trial of its number.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.data import cache
from tests.faults import fake

FLAGS = "FAKE_FLAGS"
"""Variable that names a folder to note in what has been done."""

_rest = fake.run


def befall() -> None:
    """Has a driver run such trials."""
    fake.run = run


def run(job: Any, report: Any) -> Any:
    """Damages the data if it is this trial's turn, reads it, and ends with a score of its own."""
    task = registry.task(job.task)
    damage = DAMAGES.get(job.number) if (job.space, job.phase) == ("good", "search") else None
    if damage is not None and _first(damage):
        damage(cache.entry(task).folder)
    _check(cache.load(task), task.prepare({}))
    return _rest(job, report)


def _first(damage: Callable[..., None]) -> bool:
    try:
        Path(os.environ[FLAGS], damage.__name__).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _check(found: Any, expected: Any) -> None:
    for name in ("train", "val", "test"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(ours.x["image"], theirs.x["image"])
        np.testing.assert_array_equal(ours.y["label"], theirs.y["label"])


def removed(folder: Path) -> None:
    """All of it is gone."""
    shutil.rmtree(folder)


def missing(folder: Path) -> None:
    """One array is gone."""
    (folder / "val.y.label.npy").unlink()


def short(folder: Path) -> None:
    """An array ends early."""
    path = folder / "train.x.image.npy"
    os.truncate(path, path.stat().st_size - 1)


def empty(folder: Path) -> None:
    """The description is empty."""
    os.truncate(folder / "meta.json", 0)


def cut(folder: Path) -> None:
    """An array is cut under the trial that has it mapped, which ends the process."""
    path = folder / "train.x.image.npy"
    mapped = np.load(path, mmap_mode="r")
    os.truncate(path, 0)
    print(mapped.sum(), "is never reached")


DAMAGES = dict(enumerate((removed, missing, short, empty, cut)))
