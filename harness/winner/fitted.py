"""The model that a sweep has kept of an architecture, with all that is needed to ask it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import registry
from harness.analysis.cells import CellResults, best_trial, by_task, cell_results
from harness.journal.folder import JOURNAL, assets_path, interface_path
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.models import Interface, load_model, read_interface
from harness.spec import HarnessError
from harness.sweep.plugins import remember
from harness.sweep.question import Backend
from harness.system import stdio


@dataclass(frozen=True)
class Fitted:
    """A model that a sweep has kept."""

    task: str
    space: str
    file: Path
    """Of the model."""
    interface: Interface
    assets: Mapping[str, Any]
    backend: Backend
    """On which it was trained."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The `[data.NAME]` table of its task, which names columns; empty of other tasks."""

    def load(self) -> Any:
        """The `keras.Model`, on the backend that it was trained on.

        Raises:
            HarnessError: it cannot be loaded, or this process works with another backend already.
        """
        os.environ["KERAS_BACKEND"] = self.backend
        with stdio.silent_errors():  # else a notebook shows in red that there is no GPU
            import keras

        if keras.backend.backend() != self.backend:
            raise HarnessError(
                f"{self.file}: trained on {self.backend}, and this process has Keras on "
                f"{keras.backend.backend()}; expected KERAS_BACKEND={self.backend}"
            )
        return load_model(self.file)


def find(path: str) -> Fitted:
    """The kept model of an architecture on a task, or of the best architecture on it.

    Of the seeds, that is the model with the best validation score; the best architecture has the
    best mean test score.

    Args:
        path: `DIR/TASK` or `DIR/TASK/SPACE`, DIR the folder of a sweep.

    Raises:
        HarnessError: there is no such sweep, task or architecture, or no model of it.
    """
    folder, names = _parts(path)
    remember([folder])
    record = read_journal(folder)
    if record is None:
        raise HarnessError(f"{folder}: nothing recorded yet")
    _check(folder, "task", names[0], record.sweep.tasks)
    if len(names) > 1:
        _check(folder, "space", names[1], record.sweep.spaces)
    task = names[0]
    cells = by_task(cell_results(record)).get(task, ())
    kept = [(cell, file) for cell in cells if (file := _kept(cell)) is not None]
    chosen = [(cell, file) for cell, file in kept if cell.space in names[1:] or len(names) == 1]
    if not chosen:
        raise HarnessError(f"{folder}: no model of {' x '.join(names)} is kept yet")
    cell, file = chosen[0]
    return _fitted(folder, record, cell, file)


def _fitted(folder: Path, record: SweepRecord, cell: CellResults, file: str) -> Fitted:
    model = folder / file
    try:
        assets = json.loads(assets_path(model).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HarnessError(f"{assets_path(model)}: cannot be read ({error})") from None
    return Fitted(
        cell.task, cell.space, model, read_interface(interface_path(model)), assets,
        record.sweep.backend, record.sweep.data.get(cell.task, {}),
    )  # fmt: skip


def _parts(path: str) -> tuple[Path, list[str]]:
    """The folder of the sweep, and the names behind it: a task, or a task and an architecture."""
    whole = Path(path)
    for folder, names in ((whole.parent, [whole.name]),
                          (whole.parent.parent, [whole.parent.name, whole.name])):  # fmt: skip
        if (folder / JOURNAL).is_file() and all(names):
            return folder, names
    if (whole / JOURNAL).is_file():
        raise HarnessError(f"{path}: expected a task behind it, {path}/TASK or {path}/TASK/SPACE")
    raise HarnessError(f"{path}: no folder of a sweep; expected DIR/TASK or DIR/TASK/SPACE")


def _check(folder: Path, noun: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise HarnessError(f"{folder}: no {noun} {name!r}; {registry.suggestion(name, known)}")


def _kept(cell: CellResults) -> str | None:
    """The file of the cell's model."""
    best = best_trial((result for result in cell.confirm if result.model), cell.objective)
    return None if best is None else best.model
