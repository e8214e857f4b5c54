"""`harness run --data PATH`: a sweep file for data of one's own, from what is seen of it."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import tomli_w

from harness import registry
from harness.journal.folder import ARTIFACTS
from harness.own import file as data_file
from harness.own import guess, places
from harness.own.description import COLUMNS, IN_ORDER, Data, parse
from harness.spec import HarnessError
from harness.sweep.question import Sweep
from harness.system import atomic_files
from harness.system.json_values import readable
from harness.system.text import counted

Say = Callable[[str], None]
BUDGET = {"trials": 6, "epochs": 10, "seconds": 600}
"""Of each architecture, where nothing else is said."""
SEEDS = 3


@contextlib.contextmanager
def asked_about(sweep: str | None, data: Path | None, say: Say) -> Iterator[str]:
    """The sweep that a person names, or a sweep file that is written for their data.

    It is taken away again where its data turns out to be unsound.

    Args:
        sweep: a shipped name or a TOML file.
        data: a file or a folder in its place.
        say: receives each line of what is understood.

    Raises:
        click.UsageError: both are given, or neither is.
        HarnessError: nothing is understood of the data.
    """
    if (sweep is None) == (data is None):
        raise click.UsageError("expected SWEEP or --data PATH, one of both")
    if data is None:
        assert sweep is not None
        yield sweep
        return
    file, new = _sweep_file(data, say)
    try:
        yield str(file)
    except HarnessError:
        if new:
            file.unlink(missing_ok=True)
        raise


def _sweep_file(data: Path, say: Say) -> tuple[Path, bool]:
    """The sweep file of some data, and whether it is new."""
    with readable(data):
        there = data.exists()
    if not there:
        raise HarnessError(f"--data {data}: no such file or folder")
    name = _name(data)
    file = Path(f"{name}{data_file.SUFFIX}")
    table = {"files": _files(data, file), **guess.understood(data)}
    if table["kind"] == places.PAIRED and data.is_dir():
        table["files"] = {
            split: [f"{_files(data, file)}/{part}" for part in parts]
            for split, parts in places.pairs(data).items()
        }
    if file.exists():
        _check_same(file, name, table)
        say(f"{file}: is there already, and used as it stands")
        return file, False
    understood = parse(name, table)
    parts = places.located(name, understood.kind, table["files"], Path())
    for line in _told(data, understood, parts):
        say(line)
    atomic_files.write(file, _text(name, table).encode())
    say(f"wrote {file}: what is not right may be changed there; then: harness run {file}")
    return file, True


def _name(data: Path) -> str:
    """A name for the task and the sweep: that of the file, if no other task has it."""
    stem = data.resolve().name.partition(".")[0] if data.is_file() else data.resolve().name
    name = re.sub(r"[^0-9A-Za-z]+", "_", stem).strip("_").lower() or "data"
    known = {task.casefold() for task in registry.tasks()} | {ARTIFACTS.casefold()}
    if name in known or not registry.allowed(name):
        name = f"my_{name}"
    return name[: registry.LONGEST_NAME]


def _files(data: Path, file: Path) -> str:
    """A path as it stands in a sweep file of the current folder."""
    here = Path.cwd()
    whole = data.absolute()
    return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()


def _check_same(file: Path, name: str, table: Mapping[str, Any]) -> None:
    """Raises `HarnessError` where a file that is there already is not of this data."""
    known = data_file.tables(file).get(name)
    if known is None or known.get("files") != table["files"]:
        raise HarnessError(
            f"{file}: is there already, and of other data; expected another folder, or none of "
            "that name"
        )


def _told(data: Path, understood: Data, parts: places.Parts) -> Iterator[str]:
    """What is understood, a line each."""
    columns = ", ".join(f"{key} = {_shown(value)}" for key, value in understood.columns.items())
    options = ", ".join(f"{key} = {_shown(value)}" for key, value in understood.options.items())
    kind = understood.kind.replace("_", " ")
    yield f"{data}: {'; '.join(filter(None, (kind, columns, options)))}"
    yield f"splits: {_splits(understood, parts)}"


def to_do(sweep: Sweep) -> str:
    """What a sweep on data of one's own will do, in a line."""
    (task,) = sweep.tasks[:1]
    budget = sweep.budget_of(task)
    limit = f" and {budget.seconds:g} s" if budget.seconds is not None else ""
    trials = f"up to {counted(budget.trials, 'trial')} of {counted(budget.epochs, 'epoch')}{limit}"
    if sweep.minutes is not None:
        trials = f"an equal share of {sweep.minutes:g} min, trials of {budget.epochs} epochs"
    return (
        f"to do: {', '.join(sweep.spaces)}: {trials} each, then the best of each on "
        f"{counted(len(sweep.first_seeds_of(task)), 'seed')} and the test split"
        f"{f', on up to {len(sweep.seeds_of(task))} where that is unclear' if sweep.looks else ''}"
    )


def _splits(understood: Data, parts: places.Parts) -> str:
    cut = understood.cut
    if places.WHOLE not in parts:
        given = ", ".join(parts)
        missing = [name for name in ("val", "test") if name not in parts]
        return f"{given} as given" + (f"; {' and '.join(missing)} cut off train" if missing else "")
    if cut.split is not None:
        return f"as column {cut.split} says"
    how = (
        "its end, in order" if understood.kind in IN_ORDER
        else "at random by a seed, with the shares of the classes" if "label" in COLUMNS[
            understood.kind]
        else "at random by a seed"
    )  # fmt: skip
    return f"val {cut.val:.0%}, test {cut.test:.0%}: {how}"


def _shown(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)


def _text(name: str, table: Mapping[str, Any]) -> str:
    """The text of the sweep file."""
    budget = "".join(f"{key} = {value}\n" for key, value in BUDGET.items())
    return (
        f'name = "{name}"\ntasks = ["{name}"]\nspaces = "all"  # every architecture that fits\n'
        f"seeds = {SEEDS}\n\n[budget]  # for each architecture\n{budget}\n"
        f"{tomli_w.dumps({data_file.KEY: {name: table}})}"
    )
