"""Lists of what is there: tasks, spaces and sweeps."""

from collections.abc import Iterable, Iterator

import rich.box
import rich.console
import rich.table
import rich.text

from harness import registry
from harness.spec import Task


def overview(what: str | None) -> str:
    """The registered tasks and spaces and the shipped sweeps, one table each."""
    parts = []
    if what in (None, "tasks"):
        parts.append(table(("task", "objective", "data", "from"), _tasks()))
    if what in (None, "spaces"):
        spaces = [
            (space.name, ", ".join(space.kinds), registry.origin(space).short)
            for space in registry.spaces().values()
        ]
        parts.append(table(("space", "fits", "from"), spaces))
    if what in (None, "sweeps"):
        from harness.sweep.load import shipped

        sweeps = [(name, text.partition("\n")[0].lstrip("# ")) for name, text in shipped().items()]
        parts.append(table(("sweep", "question"), sweeps))
    return "\n".join(parts)


def _tasks() -> Iterator[tuple[str, ...]]:
    """A row for each kind of task, with its tasks below it."""
    tasks = registry.tasks().values()
    for kind in sorted({task.kind for task in tasks}):
        yield (kind, "", "", "")
        for task in tasks:
            if task.kind == kind:
                objective = f"{task.objective.metric} ({task.objective.direction})"
                yield f"  {task.name}", objective, _data(task), registry.origin(task).short


def _data(task: Task) -> str:
    if not task.sources:
        return "embedded"
    if all(source.path for source in task.sources):
        return "your own file"
    return "download" if all(source.url for source in task.sources) else "bring your own"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Text as wide as the terminal, or of 80 columns where there is none."""
    shown = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for heading in header:
        shown.add_column(heading, overflow="fold")
    for row in rows:
        shown.add_row(*(rich.text.Text(str(cell)) for cell in row))
    console = rich.console.Console()
    with console.capture() as capture:
        console.print(shown)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())
