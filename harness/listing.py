"""Answers about what is there: tasks, spaces and sweeps."""

import importlib
import importlib.resources
import keyword
import symtable
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import rich.box
import rich.console
import rich.table
import rich.text

from harness import registry
from harness.addresses import masked
from harness.lines import quoted
from harness.spec import HarnessError, Kind, SearchSpace, Task


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
        from harness import sweep

        sweeps = [
            (name, text.partition("\n")[0].lstrip("# ")) for name, text in sweep.shipped().items()
        ]
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
        from harness.winner import winner

        return winner(name)
    from harness import sweep

    known = {**registry.tasks(), **registry.spaces(), **sweep.shipped()}
    found = known.get(name)
    if isinstance(found, Task):
        return _task(found)
    if isinstance(found, SearchSpace):
        return _space(found)
    if isinstance(found, str):
        return found.rstrip()
    raise HarnessError(f"nothing is called {name!r}; {registry.suggestion(name, known)}")


def new(noun: str, name: str) -> Path:
    """Writes a complete example of a task or a space under a new name.

    Raises:
        HarnessError: the name is taken, or cannot be that of a task or a space and of a variable.
    """
    package, known = (
        ("tasks", registry.tasks()) if noun == "task" else ("search_spaces", registry.spaces())
    )
    if not (registry.allowed(name) and name.isidentifier()) or keyword.iskeyword(name):
        raise HarnessError(
            f"name {quoted(repr(name))}: expected a Python name of at most "
            f"{registry.LONGEST_NAME} plain letters, digits and '_', such as my_{noun}"
        )
    folder = Path(importlib.import_module(package).__path__[0])
    for other in (*known, *(path.stem for path in folder.iterdir())):
        if other.casefold() == name.casefold():  # the same file where cases are not told apart
            raise HarnessError(f"{noun} {other!r} exists already")
    template = importlib.resources.files("harness") / "templates" / f"{noun}.py.txt"
    text = template.read_text(encoding="utf-8")
    if name in _used(text):
        raise HarnessError(f"name {name!r}: the example has another use for it; try my_{name}")
    path = folder / f"{name}.py"
    try:
        path.write_text(text.replace("NAME", name), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _used(text: str) -> set[str]:
    """Names that the text of a module gives to its own, and those that it takes from outside."""
    tables = [symtable.symtable(text, "example", "exec")]
    names: set[str] = set()
    for table in tables:
        tables += table.get_children()
        names.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    return names - {"NAME"}


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
    from harness import oracles

    for parameter in oracles.explore(lambda hp: space.sample(hp, kind)).space:
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
