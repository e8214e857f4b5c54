"""Which cells of a sweep start from the model of another one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from harness import registry
from harness.spec import HarnessError, Sweep
from harness.sweep import Cell, pretraining

Starts: TypeAlias = Mapping[tuple[str, str], tuple[str, str]]
"""From a cell (task, space) to the one whose model it starts from; others are left out."""
NO_STARTS: Starts = MappingProxyType({})


def read_starts(sweep: Sweep) -> Starts:
    """What the installed tasks and architectures say of it, as the journal does not.

    Those that are not installed any more start from nothing: a report can still be written.
    """
    pairs = [(task, space) for task in sweep.tasks for space in sweep.spaces]
    found = {pair: before for pair in pairs if (before := _before(*pair)) is not None}
    return {pair: before for pair, before in found.items() if before in pairs}


def _before(task: str, space: str) -> tuple[str, str] | None:
    try:
        cell = Cell(registry.task(task), registry.space(space))
    except HarnessError:
        return None
    return pretraining(cell) if cell.task.kind in cell.space.kinds else None
