"""Loads the question: a sweep file, checked once, with every default spelled out."""

import dataclasses
import datetime
import importlib.resources
import itertools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pydantic
import tomli_w

from harness import registry
from harness.journal.folder import ARTIFACTS, DATABASE
from harness.spec import HarnessError
from harness.sweep import budgets, own_data, plugins, starts
from harness.sweep.pairs import cells, pretraining
from harness.sweep.question import AUTO_LOOKS, SEEDS_APART, Budget, Sweep
from harness.system.text import quoted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST_SEEDS = 10_000
_MOST_SEARCHES = 1000
_MOST_MINUTES = 1_000_000
_BITS = 64
"""Of the integers of TOML."""
_DEEPEST = 10
"""Tables within tables that are looked into; a sweep has two."""


def shipped() -> dict[str, str]:
    """The sweep files that come with the harness: text by name."""
    folder = importlib.resources.files("harness.sweep") / "shipped"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in files
        if file.name.endswith(".toml")
    }


def load_sweep(name_or_path: str, overrides: Mapping[str, Any] | None = None) -> Sweep:
    """Reads a shipped sweep or a TOML file and checks all of it.

    Args:
        name_or_path: Name of a shipped sweep, or path of a file that ends in `.toml`.
        overrides: Fields to replace; those of the budget, of every task, under `budget`.

    Raises:
        HarnessError: it does not exist, is no TOML, or something in it is unknown, of the
            wrong type, out of range, or fits nothing; the key and value are named.
    """
    base = Path()
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        base = path.parent
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # no such file, no UTF-8, no path
            raise HarnessError(f"{path}: cannot be read ({error})") from None
    else:
        files = shipped()
        if name_or_path not in files:
            raise HarnessError(
                f"unknown sweep {name_or_path!r}; {registry.suggestion(name_or_path, files)} "
                "(or give the path of a .toml file)"
            )
        text = files[name_or_path]
    try:
        fields = tomllib.loads(text)
    except RecursionError:
        raise HarnessError(f"{name_or_path}: not valid TOML (nested too deeply)") from None
    except tomllib.TOMLDecodeError as error:
        raise HarnessError(f"{name_or_path}: not valid TOML ({quoted(str(error))})") from None
    except ValueError:  # Python converts no number of thousands of digits
        raise HarnessError(f"{name_or_path}: not valid TOML (a number is too long)") from None
    if name_or_path.endswith(".toml"):
        fields = own_data.taken(fields, path)
    return from_fields(fields, overrides or {}, origin=name_or_path, base=base)


def from_fields(
    fields: Mapping[str, Any], overrides: Mapping[str, Any], origin: str, base: Path = Path()
) -> Sweep:
    """Builds a checked sweep from the fields of a sweep file.

    Its plugins take the place of those that the registry has in use.

    Args:
        fields: the content of the file.
        overrides: fields to replace; `plugins` are added to those of the file.
        origin: what errors begin with.
        base: what the plugins of the file are relative to.
    """
    merged = {**fields, **overrides, **budgets.merged(fields, overrides)}
    if "plugins" in fields:
        own = fields["plugins"]  # pydantic refuses what is no list
        more = overrides.get("plugins", ())
        merged["plugins"] = [*own, *more] if isinstance(own, list) else own
    for key, value, expected in _foreign("", merged):
        raise HarnessError(f"{origin}: {quoted(key)} = {value}: expected {expected}")
    if "seeds" in overrides:
        merged.pop("looks", None)  # they were those of other seeds
    merged |= _counted_seeds(merged, origin)
    for key, value, expected in starts.shape_faults(merged.get("first", ())):
        _refuse(origin, key, value, expected)
    every_space = merged.get("spaces") in ("all", ["all"])  # the latter is `--spaces all`
    if every_space:
        merged["spaces"] = []
    try:
        # JSON is where pydantic is strict about types and still turns arrays into tuples.
        sweep = pydantic.TypeAdapter(Sweep).validate_json(json.dumps(merged), strict=True)
    except pydantic.ValidationError as error:
        raise HarnessError(f"{origin}: {_explain(error.errors()[0])}") from None
    try:
        sweep = starts.located(plugins.resolved(sweep, base), base)
    except HarnessError as error:
        raise HarnessError(f"{origin}: {error}") from None
    if every_space:
        known = [registry.task(name) for name in sweep.tasks]
        fitting = {s.name for task in known for s in registry.spaces_for(task)}
        sweep = dataclasses.replace(sweep, spaces=tuple(sorted(fitting)))
    sweep = dataclasses.replace(sweep, budgets=budgets.used(sweep, fields, origin))
    _check(sweep, origin)
    return sweep


def _counted_seeds(fields: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Seeds given as a number, or as "auto", spelled out; what is neither is passed on, for
    pydantic to refuse."""
    seeds = fields.get("seeds")
    if isinstance(seeds, str):
        if seeds != "auto":
            _refuse(origin, "seeds", seeds, "a number of seeds, a list of them or 'auto'")
        looks = fields.get("looks", AUTO_LOOKS)
        last = looks[-1] if isinstance(looks, (list, tuple)) and looks else None
        seeds = last if isinstance(last, int) else AUTO_LOOKS[-1]
        return {"looks": looks} | _counted_seeds({"seeds": seeds}, origin)
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        if seeds > _MOST_SEEDS:
            raise HarnessError(f"{origin}: seeds = {seeds}: expected at most {_MOST_SEEDS:,}")
        return {"seeds": list(range(seeds))}
    return {}


def toml(sweep: Sweep) -> str:
    """The sweep as a TOML file that asks the same question, defaults included."""
    top = dataclasses.asdict(sweep)
    budget, own_budgets = top.pop("budget"), top.pop("budgets")
    for absent in ("plugins", "first", "data", "minutes", "looks"):
        if not top[absent]:
            del top[absent]
    if "first" in top and not isinstance(top["first"], str):
        top["first"] = [
            {name: part for name, part in start.items() if part is not None}
            for start in top["first"]
        ]
    given = {name: value for name, value in budget.items() if value is not None}
    text = tomli_w.dumps({**top, "budget": given})
    text += "".join(
        f"# {name}: no limit\n"
        for name, value in budget.items()
        if value is None and name not in ("confirm_epochs", "seeds", "searches")
    )
    for task, own in own_budgets.items():
        differing = {name: value for name, value in own.items() if value != budget[name]}
        text += "\n" + tomli_w.dumps({"budgets": {task: differing}})
    return text


def differences(old: Sweep, new: Sweep) -> dict[str, str]:
    """What is asked differently, one `key: old, now new` each, by its key in a sweep file.

    Plugins and files of data may move: what they hold is known by its name, and data by its digest.
    """
    own = {**old.budgets, **new.budgets}
    before, after = _flat(old, own), _flat(new, own)
    return {
        name: f"{name}: {before[name]!r}, now {after[name]!r}"
        for name in before
        if before[name] != after[name]
    }


def _flat(sweep: Sweep, tasks: Iterable[str]) -> dict[str, Any]:
    """Every field by its key in a sweep file; `tasks` are those whose budgets are spelled out."""
    fields = dataclasses.asdict(sweep)
    del fields["budget"], fields["budgets"], fields["plugins"], fields["keep_minutes"]
    fields["data"] = own_data.without_files(sweep.data)
    every = {"budget": sweep.budget}
    every |= {f"budgets.{task}": sweep.budget_of(task) for task in tasks}
    return fields | {
        f"{key}.{name}": value
        for key, budget in every.items()
        for name, value in dataclasses.asdict(budget).items()
    }


def _foreign(key: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Values that TOML, or Python, has and JSON has not: key, value, what was expected."""
    if depth > _DEEPEST:
        yield key, "…", "no tables so deep"
        return
    inside: Iterable[tuple[object, Any]] = ()
    match value:
        case Mapping():
            inside = value.items()
        case list() | tuple():
            inside = enumerate(value)
        case int() if value.bit_length() >= _BITS:
            yield key, f"{hex(value)[:20]}…", f"a number of at most {_BITS} bits"
        case datetime.date() | datetime.time():
            yield key, str(value), "no date; text stands in quotes"
    for name, part in inside:
        yield from _foreign(f"{key}.{name}" if key else str(name), part, depth + 1)


def _explain(error: Any) -> str:
    """One line of a pydantic error: the key, the value, what was expected."""
    key = quoted(".".join(str(part) for part in error["loc"])) or "the file"
    match error["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            noun = Budget if error["loc"][0] in ("budget", "budgets") else Sweep
            names = [field.name for field in dataclasses.fields(noun)]
            return f"{key}: unknown key; {registry.suggestion(str(error['loc'][-1]), names)}"
        case "missing" | "missing_argument":
            return f"{key}: missing"
    message = error["msg"].removeprefix("Input should be ")
    return f"{key} = {quoted(repr(error['input']))}: expected {message}"


def _check(sweep: Sweep, origin: str) -> None:
    """Everything a type cannot say."""

    def refuse(key: str, value: Any, expected: str) -> NoReturn:
        _refuse(origin, key, value, expected)

    if not _NAME.fullmatch(sweep.name):
        refuse("name", sweep.name, "letters, digits, '.', '_' and '-'")
    if not registry.portable(sweep.name) or sweep.name.lower() in (DATABASE, ARTIFACTS):
        expected = f"at most {registry.LONGEST_NAME} characters, no device and no file of MLflow"
        refuse("name", sweep.name, expected)
    for key in ("tasks", "spaces", "seeds"):
        values = getattr(sweep, key)
        if not values or len(set(values)) != len(values):
            refuse(key, list(values), "one or more, each once")
    for seed in (*sweep.seeds, sweep.search_seed):
        if not 0 <= seed < 2**32:
            refuse("seed", seed, "0 to 4294967295")
    for fault in budgets.faults(sweep):
        refuse(*fault)
    for fault in starts.name_faults(sweep):
        refuse(*fault)
    if sweep.minutes is not None and not 0 < sweep.minutes <= _MOST_MINUTES:
        refuse("minutes", sweep.minutes, f"more than 0, at most {_MOST_MINUTES:,}")
    if not 0 <= sweep.keep_minutes <= _MOST_MINUTES:
        refuse("keep_minutes", sweep.keep_minutes, f"0 (never) to {_MOST_MINUTES:,}")
    for fault in _looks_faults(sweep):
        refuse(*fault)
    for searches in (sweep.searches, *map(sweep.searches_of, sweep.tasks)):
        if not 1 <= searches <= _MOST_SEARCHES:
            refuse("searches", searches, f"1 to {_MOST_SEARCHES}")
    for task in sweep.tasks:
        runs = sweep.runs_of(task)
        if len(set(runs)) != len(runs) or max(runs) >= 2**32:
            apart = f"seeds that differ by no multiple of {SEEDS_APART}, where searches are several"
            refuse("seeds", list(sweep.seeds_of(task)), apart)
    _check_cells(sweep, origin)


def _looks_faults(sweep: Sweep) -> Iterator[tuple[str, Any, str]]:
    looks, most = sweep.looks, len(sweep.seeds)
    if not looks:
        return
    rising = all(a < b for a, b in itertools.pairwise(looks))
    if not rising or looks[0] < 2 or looks[-1] != most:
        yield "looks", list(looks), f"rising numbers from 2 on, the last as many as seeds ({most})"
    if sweep.minutes is not None:
        expected = "none beside looks (seeds = 'auto'): runs to come cannot be given time before"
        yield "minutes", sweep.minutes, expected


def _refuse(origin: str, key: str, value: Any, expected: str) -> NoReturn:
    shown = quoted(repr(value))
    raise HarnessError(f"{origin}: {quoted(key)} = {shown}: expected {expected}")


def _check_cells(sweep: Sweep, origin: str) -> None:
    """Every space must fit a task, and every task have a space."""
    pairs = {cell.key for cell in cells(sweep)}
    for cell in cells(sweep):
        before = pretraining(cell)
        if before is not None and before not in pairs:
            raise HarnessError(
                f"{origin}: space {cell.space.name!r} starts from task {before[0]!r} on task "
                f"{cell.task.name!r}; add that task, or leave the space out"
            )
    for task in map(registry.task, sweep.tasks):
        if not any(name == task.name for name, _ in pairs):
            fitting = ", ".join(s.name for s in registry.spaces_for(task)) or "none is installed"
            raise HarnessError(
                f"{origin}: task {task.name!r} ({task.kind}) fits none of the spaces "
                f"{', '.join(sweep.spaces)}; those that fit: {fitting}"
            )
    for space in map(registry.space, sweep.spaces):
        if not any(name == space.name for _, name in pairs):
            more = "; of these it starts from another task's model on "
            started = f"{more}{', '.join(space.fine_tuned)} (init_from)" if space.fine_tuned else ""
            raise HarnessError(
                f"{origin}: space {space.name!r} fits no task of the sweep; "
                f"it is for {', '.join(space.kinds)}{started}"
            )
