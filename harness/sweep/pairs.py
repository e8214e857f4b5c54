"""The cells of a sweep: each task with each architecture, and what starts from what."""

import dataclasses

from harness import registry
from harness.spec import SearchSpace, Task
from harness.sweep.question import Sweep

NO_MODEL = "there is no model to start from"
"""How the reason begins for which the search of a cell ended that another one was to begin."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One task paired with one architecture."""

    task: Task
    space: SearchSpace

    @property
    def key(self) -> tuple[str, str]:
        return (self.task.name, self.space.name)


def cells(sweep: Sweep) -> tuple[Cell, ...]:
    """Every pair of a task and a space that fit each other, task by task."""
    spaces = [registry.space(name) for name in sweep.spaces]
    return tuple(
        Cell(task, space)
        for task in map(registry.task, sweep.tasks)
        for space in spaces
        if registry.fits(task, space)
    )


def pretraining(cell: Cell) -> tuple[str, str] | None:
    """The cell (task, space) whose model this one starts from, if it starts from one."""
    task, space = cell.task, cell.space
    if not space.pretrained or not isinstance(task.init_from, str):
        return None
    return task.init_from, space.name
