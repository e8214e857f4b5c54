"""What changed from one sweep to another beside its scores: the question, the place, the data."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.journal.record import SweepRecord, TaskRecord
from harness.sweep.question import Sweep
from harness.system.markdown import NOTHING

DIGEST = 16
"""Digits of a SHA-256 that are shown."""
_COMMIT = re.compile(r"^([0-9a-f]{12})[0-9a-f]{28}(?![0-9a-f])")
"""A commit, of which less is enough; that it was dirty stands behind it."""


@dataclass(frozen=True)
class Change:
    """One thing that is not the same in both; values as text, `–` where there is none."""

    name: str
    a: str
    b: str


def question_changes(a: Sweep, b: Sweep) -> list[Change]:
    """Fields of the question by their keys in a sweep file, and what each budget is in effect."""
    own = dict.fromkeys((*a.budgets, *b.budgets))
    shared = [task for task in own if task in a.tasks and task in b.tasks]
    return _changes(_question(a, shared), _question(b, shared))


def environment_changes(a: SweepRecord, b: SweepRecord) -> list[Change]:
    """Versions, commit and hardware; where a sweep was carried on with others, all of them."""
    return _changes(_environment(a), _environment(b))


def data_changes(a: SweepRecord, b: SweepRecord) -> dict[str, list[Change]]:
    """What is not the same in the data of the tasks of both, or in how it is measured."""
    found = {
        task: _changes(_data(a.tasks[task]), _data(b.tasks[task]))
        for task in b.tasks
        if task in a.tasks
    }
    return {task: changes for task, changes in found.items() if changes}


def same_hardware(a: SweepRecord, b: SweepRecord) -> bool:
    """Whether both ran throughout on the same kind of machine, so that seconds may be compared.

    Memory is left out: it does not make a machine fast, and two of a kind differ in it.
    """
    return len({_machine(environment) for environment in (*a.environments, *b.environments)}) == 1


def _machine(environment: Mapping[str, Any]) -> str:
    hardware = dict(environment.get("hardware") or {})
    hardware.pop("memory_gb", None)
    return repr((environment.get("platform"), sorted(_flat(hardware))))


def _question(sweep: Sweep, own: Iterable[str]) -> dict[str, str]:
    fields = dataclasses.asdict(sweep)
    del fields["budget"], fields["budgets"]
    budgets = {"budget": sweep.budget} | {f"budgets.{t}": sweep.budget_of(t) for t in own}
    fields |= {key: dataclasses.asdict(budget) for key, budget in budgets.items()}
    return dict(_flat(fields))


def _environment(record: SweepRecord) -> dict[str, str]:
    """Values by dotted name, several in the order they came, and the command."""
    values: dict[str, dict[str, None]] = {}
    for environment in record.environments:
        for name, value in _flat(environment):
            values.setdefault(name, {})[_COMMIT.sub(r"\1", value)] = None
    return {name: ", then ".join(found) for name, found in values.items()} | {
        "command": record.command
    }


def _data(task: TaskRecord) -> dict[str, str]:
    measure = task.judged_by
    baseline = task.baseline.get(measure.metric)
    return {
        "SHA-256 begins": task.digest[:DIGEST],
        **{f"{split} examples": f"{size:,}" for split, size in task.sizes.items()},
        "searched by": f"{task.objective.metric} ({task.objective.direction})",
        "judged by": f"{measure.metric} ({measure.direction})",
        "trivial baseline": NOTHING if baseline is None else f"{baseline:.6g}",
        "published reference": NOTHING if task.reference is None else f"{task.reference.value:g}",
        "licence": task.licence,
    }


def _flat(fields: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every value below a mapping as text, by its dotted name."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, (list, tuple)):
            yield before + name, ", ".join(map(str, value)) or "none"
        else:
            yield before + name, "none" if value is None else str(value)


def _changes(a: Mapping[str, str], b: Mapping[str, str]) -> list[Change]:
    names = dict.fromkeys((*a, *b))
    pairs = ((name, a.get(name, NOTHING), b.get(name, NOTHING)) for name in names)
    return [Change(*pair) for pair in pairs if pair[1] != pair[2]]
