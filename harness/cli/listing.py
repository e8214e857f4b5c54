"""Answers about what is there: tasks, spaces and sweeps."""

from collections.abc import Iterable, Iterator
from typing import Any

import rich.box
import rich.console
import rich.table
import rich.text

from harness import registry
from harness.spec import HarnessError, Kind, SearchSpace, Task
from harness.system.redact import masked


def overview(what: str | None) -> str:
    """The registered tasks and spaces and the shipped sweeps, one table each."""
    parts = []
    if what in (None, "tasks"):
        rows = [
            (t.name, t.kind, f"{t.objective.metric} ({t.objective.direction})", _origin(t))
            for t in registry.tasks().values()
        ]
        parts.append(_table(("task", "kind", "objective", "data"), rows))
    if what in (None, "spaces"):
        spaces = [(s.name, ", ".join(s.kinds)) for s in registry.spaces().values()]
        parts.append(_table(("space", "fits"), spaces))
    if what in (None, "sweeps"):
        from harness.sweep.load import shipped

        sweeps = [(name, text.partition("\n")[0].lstrip("# ")) for name, text in shipped().items()]
        parts.append(_table(("sweep", "question"), sweeps))
    return "\n".join(parts)


def describe(name: str) -> str:
    """All that is known of a task, a search space, a shipped sweep, or a sweep's winner.

    Args:
        name: a registered name, or `folder/task/space`; names hold no slash.

    Raises:
        HarnessError: nothing has that name.
    """
    if "/" in name:
        from harness.cli.describe_cell import winner

        return winner(name)
    from harness.sweep.load import shipped

    known = {**registry.tasks(), **registry.spaces(), **shipped()}
    found = known.get(name)
    if isinstance(found, Task):
        return _task(found)
    if isinstance(found, SearchSpace):
        return _space(found)
    if isinstance(found, str):
        return found.rstrip()
    raise HarnessError(
        f"nothing is called {name!r}; {registry.suggestion(name, known)}{registry.left_out()}"
    )


def _origin(task: Task) -> str:
    if not task.sources:
        return "embedded"
    return "download" if all(source.url for source in task.sources) else "bring your own"


def _task(task: Task) -> str:
    spaces = ", ".join(space.name for space in registry.spaces_for(task))
    reference = task.reference
    rows = [
        ("task", task.name),
        ("kind", task.kind),
        ("objective", f"{task.objective.metric} ({task.objective.direction})"),
        ("test measure", f"{task.judged_by.metric} ({task.judged_by.direction})"),
        ("spaces", spaces or "none fits"),
        ("licence", task.licence or "not stated"),
        ("reference", f"{reference.value:g}: {reference.source}" if reference else "none"),
        ("version", str(task.version)),
    ]
    for source in task.sources:
        where = masked(source.url) if source.url else "to be brought with --data-dir"
        rows.append(("file", f"{source.dataset}/{source.file}  {where}"))
        rows.append(("SHA-256", source.sha256))
    return "\n".join(f"{key:10} {value}" for key, value in rows)


def _space(space: SearchSpace) -> str:
    kinds: dict[tuple[str, ...], list[Kind]] = {}
    for kind in space.kinds:
        for row in _hyperparameters(space, kind):
            kinds.setdefault(row, []).append(kind)
    rows = [
        (*row, "" if len(found) == len(space.kinds) else ", ".join(found))
        for row, found in kinds.items()
    ]
    header = ["hyperparameter", "values", "default", "only if", "only for"]
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return f"space {space.name}: {', '.join(space.kinds)}\n{_table(header, rows)}"


def _hyperparameters(space: SearchSpace, kind: Kind) -> Iterator[tuple[str, ...]]:
    """What is searched for tasks of a kind: name, values, default, and its condition."""
    from harness.search.space import Space

    for parameter in Space(lambda hp: space.sample(hp, kind)).known.space:
        conditions = "; ".join(
            f"{condition.name} is {' or '.join(map(str, condition.values))}"
            for condition in parameter.conditions
        )
        yield parameter.name, _range(parameter.get_config()), str(parameter.default), conditions


def _range(config: dict[str, Any]) -> str:
    if "values" in config:
        return ", ".join(map(str, config["values"]))
    if "min_value" in config:
        scale = "" if config.get("sampling") in (None, "linear") else f", {config['sampling']}"
        return f"{config['min_value']:g} to {config['max_value']:g}{scale}"
    return "false, true"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    for heading in header:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(rich.text.Text(str(cell)) for cell in row))
    console = rich.console.Console()
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
