"""All that is known of one thing: a task, a search space, a shipped sweep, a sweep's winner."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness import registry
from harness.cli.listing import table
from harness.data import cache, download
from harness.kinds.classification import CLASSES
from harness.kinds.text.tags import TAGS
from harness.spec import HarnessError, Kind, Prepared, Preset, SearchSpace, Source, Task, TensorSpec
from harness.system.redact import masked
from harness.system.text import counted, one_line, quoted

SHOWN = 20
"""Names of classes, or tags, that are listed."""


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


# --- a task -------------------------------------------------------------------------


def _task(task: Task) -> str:
    spaces = ", ".join(space.name for space in registry.spaces_for(task))
    reference = task.reference
    rows = [
        ("task", task.name),
        ("kind", task.kind),
        ("from", registry.origin(task).long),
        ("objective", f"{task.objective.metric} ({task.objective.direction})"),
        ("test measure", f"{task.judged_by.metric} ({task.judged_by.direction})"),
        ("spaces", spaces or "none fits"),
        *_data(task),
        ("licence", one_line(task.licence) or "not stated"),
        ("reference", f"{reference.value:g}: {reference.source}" if reference else "none"),
        ("version", str(task.version)),
    ]
    match task.init_from:
        case str(other):
            rows.insert(-3, ("starts from", f"a model of task {other}"))
        case Preset(name):
            rows.insert(-3, ("starts from", f"{one_line(name)}, pretrained by others"))
    for source in task.sources:
        if source.path is not None:
            rows.append(("file", f"{one_line(source.path)}  your own, and may change"))
            continue
        where = masked(source.url) if source.url else "to be brought with --data-dir"
        rows.append(("file", f"{source.dataset}/{source.file}  {where}{_size(source)}"))
        rows.append(("SHA-256", source.sha256 or "none is asked for: it may change"))
    return "\n".join(f"{key:12} {value}" for key, value in rows)


def _data(task: Task) -> Iterator[tuple[str, str]]:
    """What the prepared data say of a task; how to prepare them where they are not."""
    data = cache.peek(task)
    if data is None:
        plugins = ",".join(registry.shown(plugin) for plugin in registry.plugins())
        own = f" --plugins {plugins}" if registry.origin(task).kind == "file" else ""
        command = f"harness prepare {task.name}{own}"
        yield "data", f"not prepared yet; inputs, outputs and sizes are known after: {command}"
        return
    for word, tensors in (("inputs", data.spec.inputs), ("outputs", data.spec.outputs)):
        yield from _labelled(word, (_tensor(name, spec) for name, spec in tensors.items()))
    yield from _classes(data)
    splits = {"train": data.train, "val": data.val, "test": data.test, **data.further}
    yield "examples", ", ".join(f"{name} {len(split):,}" for name, split in splits.items())


def _labelled(label: str, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines):
        yield "" if number else label, line


def _tensor(name: str, spec: TensorSpec) -> str:
    """`image: 28 x 28 x 1, uint8`; `tokens: up to 128, int32, 8,000 values`."""
    longest = f"up to {spec.longest:,}" if spec.longest is not None else "any length"
    shape = " x ".join(longest if length is None else f"{length:,}" for length in spec.shape)
    values = "" if spec.size is None else f", {counted(spec.size, 'value')}"
    return f"{name}: {f'{shape}, ' if shape else ''}{spec.dtype}{values}"


def _classes(data: Prepared) -> Iterator[tuple[str, str]]:
    for asset in (CLASSES, TAGS):
        names = data.assets.get(asset)
        if isinstance(names, list) and names:
            first = ", ".join(quoted(str(name), 40) for name in names[:SHOWN])
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            yield asset, f"{first}{more}"


def _size(source: Source) -> str:
    path = download.downloaded(source)
    return f"  {path.stat().st_size / 1e6:,.1f} MB, downloaded" if path is not None else ""


# --- a search space -----------------------------------------------------------------


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
    first = f"space {space.name}: {', '.join(space.kinds)}\nfrom {registry.origin(space).long}"
    return f"{first}\n{table(header, rows)}"


def _hyperparameters(space: SearchSpace, kind: Kind) -> Iterator[tuple[str, ...]]:
    """What is searched for tasks of a kind: name, values, default, and its condition."""
    from harness.search.space import Space

    for parameter in Space(lambda hp: space.sample(hp, kind)).known.space:
        conditions = "; ".join(
            f"{condition.name} is {' or '.join(map(str, condition.values))}"
            for condition in parameter.conditions
        )
        yield parameter.name, _range(parameter.get_config()), str(parameter.default), conditions


def _range(config: Mapping[str, Any]) -> str:
    if "values" in config:
        return ", ".join(map(str, config["values"]))
    if "min_value" in config:
        scale = "" if config.get("sampling") in (None, "linear") else f", {config['sampling']}"
        return f"{config['min_value']:g} to {config['max_value']:g}{scale}"
    return "false, true"
