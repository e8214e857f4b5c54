"""The events of a journal as values that are what they should be.

Events, each with `event` and `time` (Unix seconds):

- `sweep`: `version`, `id`, `sweep` (the question), `environment`, `command`; always first
- `resumed`: `environment`, `command`
- `grown`: `sweep`, the question as it is asked from now on, with more of what it had
- `data`: `task`, `digest`, `sizes`, `objective`, `measure`, `baseline`, `reference`, `licence`;
  `facts` of data of one's own, see `harness.report.own_data`; `preset`, what others have
  pretrained, see `harness.report.presets`
- `asked`: `task`, `space`, `number`, `values`, `epochs`, `initial_epoch`, `parent`
- `finished`: `result`, a `TrialResult`; the last one of a trial counts, and one that was
  `interrupted` is to be run again
- `looked`: a `Look` at the verdict on a task, `task`, `seeds`, `why`
- `time_over`: the sweep's `minutes` are spent; cells have the confirmation runs that they have
- `search_ended`: `task`, `space`, `search` (which of the cell's searches, 0 if absent), `reason`
- `apart`: the same, where the seeds of its winner could not be trained as one program, and those
  that had not ended are run one by one; `numbers` of these, `seconds` that were lost

Not-a-number and infinite values are written as `null`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.journal.record import Look, TaskRecord
from harness.sweep.question import Budget, Sweep
from harness.system.json_values import from_json
from harness.trial import Asked, TrialResult

VERSION = 2
"""Journals of version 1 have no `grown`, `time_over`, `apart` and `looked`."""
LATEST = 253_402_300_800.0
"""Unix seconds at the end of the year 9999, the last that a date can be made of."""


@dataclass(frozen=True)
class Header:
    """The first event."""

    time: float
    version: int
    id: str
    sweep: Mapping[str, Any]
    environment: Mapping[str, Any]
    command: str


@dataclass(frozen=True)
class Resumed:
    """That a sweep was carried on."""

    environment: Mapping[str, Any]


@dataclass(frozen=True)
class Grown:
    """That more is asked from now on."""

    sweep: Mapping[str, Any]


@dataclass(frozen=True)
class Ended:
    """That a search ended, or that its seeds could not be one program."""

    reason: str
    search: int = 0


def result_from_json(fields: Mapping[str, Any]) -> TrialResult:
    """Rebuilds a `TrialResult` from its JSON form; `null` numbers become NaN."""
    parts = {
        **fields,
        "cost": fields["cost"],  # has a default, and is in every journal
        "failure": fields["failure"],
        "metrics": _numbers(fields["metrics"]),
        "curve": [_numbers(epoch) for epoch in fields["curve"]],
    }
    return from_json(TrialResult, parts)


def sweep_from_json(fields: Mapping[str, Any]) -> Sweep:
    """Rebuilds a `Sweep` from its JSON form."""
    # Journals from before tasks could have budgets of their own name none.
    budgets = {task: from_json(Budget, own) for task, own in fields.get("budgets", {}).items()}
    budget = from_json(Budget, fields["budget"])
    return from_json(Sweep, {**fields, "budget": budget, "budgets": budgets})


def task_from_json(event: Mapping[str, Any]) -> TaskRecord:
    """What a `data` event says of a task."""
    parts = {**event, "name": event["task"], "baseline": _numbers(event["baseline"])}
    return from_json(TaskRecord, parts)


def check_time(seconds: Any) -> None:
    """Raises `ValueError` where a date cannot be made of it."""
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < LATEST:
        raise ValueError(f"no time: {seconds!r}")


def check_names(sweep: Sweep, event: Mapping[str, Any]) -> None:
    """Raises `ValueError` where an event is about a task or a space of another sweep."""
    about = event["result"] if event["event"] == "finished" else event
    for noun, known in (("task", sweep.tasks), ("space", sweep.spaces)):
        if noun in about and about[noun] not in known:
            raise ValueError(f"{noun} {about[noun]!r} is none of this sweep")


def check_asked(suggestion: Asked, expected: int, searches: int) -> None:
    """Raises `ValueError` where a suggestion before this one is missing.

    Args:
        suggestion: the next one of its search.
        expected: the number that this one has then.
        searches: how many its cell has.
    """
    if suggestion.number != expected:
        raise ValueError(f"suggestion {suggestion.number}, expected {expected}")
    if suggestion.parent is not None and suggestion.parent not in range(
        expected % searches, expected, searches
    ):
        raise ValueError(f"continues from suggestion {suggestion.parent}, which is none")


def look_from_json(event: Mapping[str, Any], sweep: Sweep) -> Look:
    """What a `looked` event says.

    Raises:
        ValueError: nothing is looked at there, or it is about what is none of the sweep.
    """
    look = from_json(Look, event)
    looks = sweep.looks_of(look.task)
    if not looks:
        raise ValueError("a look at a verdict, where all seeds run at once")
    for space in {*look.seeds, *look.why} - {*sweep.spaces}:
        raise ValueError(f"space {space!r} is none of this sweep")
    for space, seeds in look.seeds.items():
        if seeds not in looks:
            raise ValueError(f"{seeds} seeds for {space!r}, and looks are after {list(looks)}")
    return look


def check_result(result: TrialResult, sweep: Sweep) -> None:
    """Raises `ValueError` where a trial ended that cannot have begun."""
    check_time(result.started)
    if result.number < 0:
        raise ValueError(f"trial {result.number}")
    if result.phase == "confirm" and result.number >= len(sweep.runs_of(result.task)):
        raise ValueError(f"confirmation {result.number}, more than there are seeds")


def _numbers(fields: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in fields.items()}
