"""The append-only record of a sweep: one JSON event a line, in `journal.jsonl`.

The driver is its only writer. Everything else (resuming, the report, MLflow) is a
projection of it. Not-a-number and infinite values are written as `null`.

Events, each with `event` and `time` (Unix seconds):

- `sweep`: `version`, `id`, `sweep` (the question), `environment`, `command`; always first
- `resumed`: `environment`, `command`
- `data`: `task`, `digest`, `sizes`, `objective`, `measure`, `baseline`, `reference`, `licence`
- `asked`: `task`, `space`, `number`, `values`, `epochs`, `initial_epoch`, `parent`
- `finished`: `result`, a `TrialResult`; the last one of a trial counts, and one that was
  `interrupted` is to be run again
- `search_ended`: `task`, `space`, `reason`
"""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.journal.folder import JOURNAL
from harness.journal.lines import check_time, damaged, events
from harness.journal.record import SweepRecord, TaskRecord
from harness.spec import HarnessError
from harness.sweep.question import Budget, Sweep
from harness.system.json_values import from_json, jsonable, loaded, readable, why
from harness.system.redact import masked
from harness.trial import Asked, Failure, TrialResult

VERSION = 1


@dataclass(frozen=True)
class _Header:
    """The first event."""

    time: float
    version: int
    id: str
    sweep: Mapping[str, Any]
    environment: Mapping[str, Any]
    command: str


@dataclass(frozen=True)
class _Resumed:
    """That a sweep was carried on."""

    environment: Mapping[str, Any]


@dataclass(frozen=True)
class _Ended:
    """That a search ended."""

    reason: str


def read_journal(folder: Path) -> SweepRecord | None:
    """Reads the journal of a sweep's folder.

    A last line without its newline is what a killed driver leaves behind; it is not part
    of the record.

    Returns:
        The record, or `None` when the journal holds no complete line.

    Raises:
        HarnessError: there is no journal, it cannot be read, a line of it is damaged or does not
            follow from those before it (the line is named), or a newer version wrote it.
    """
    path = folder / JOURNAL
    with readable(path):
        found = path.is_file()
    if not found:
        raise HarnessError(f"{folder}: no {JOURNAL} there; expected the folder of a sweep")
    header: _Header | None = None
    tasks: dict[str, TaskRecord] = {}
    data: dict[str, Mapping[str, Any]] = {}
    history: list[Asked | TrialResult] = []
    ended: dict[tuple[str, str], str] = {}
    environments: list[Mapping[str, Any]] = []
    sweep: Sweep | None = None
    asked: Counter[tuple[str, str]] = Counter()
    for number, event in events(path):
        try:
            check_time(event["time"])
            if sweep is None and event["event"] != "sweep":
                raise ValueError("expected 'sweep' as the first event")
            if sweep is not None:
                _check_names(sweep, event)
            match event["event"]:
                case "sweep" if sweep is None:
                    _check_version(path, event["version"])
                    header = from_json(_Header, event)
                    environments.append(header.environment)
                    sweep = sweep_from_json(header.sweep)
                case "data":
                    data[event["task"]] = event
                    tasks[event["task"]] = _task_record(event)
                case "asked":
                    suggestion = from_json(Asked, event)
                    _check_asked(suggestion, asked)
                    ended.pop((suggestion.task, suggestion.space), None)
                    asked[suggestion.task, suggestion.space] += 1
                    history.append(suggestion)
                case "finished":
                    result = result_from_json(event["result"])
                    assert sweep is not None
                    _check_result(result, sweep)
                    history.append(result)
                    if result.status == "interrupted" and result.phase == "search":
                        ended.pop((result.task, result.space), None)
                case "search_ended":
                    ended[event["task"], event["space"]] = from_json(_Ended, event).reason
                case "resumed":
                    environments.append(from_json(_Resumed, event).environment)
                case other:
                    raise ValueError(f"unexpected event {other!r}")
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise damaged(path, number, error) from error
    if header is None or sweep is None:
        return None
    return SweepRecord(
        id=header.id,
        sweep=sweep,
        environments=tuple(environments),
        # Journals of the first versions hold user names and passwords of addresses.
        command=masked(header.command),
        started=header.time,
        tasks=tasks,
        history=tuple(history),
        ended=ended,
        data=data,
    )


def storable(result: TrialResult) -> TrialResult:
    """The result, or the failure that takes its place where it is none that can be read back: a
    plugin may call anything a metric."""
    try:
        result_from_json(loaded(json.dumps(jsonable(result))))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        failure = Failure("code", f"what it gave cannot be recorded ({why(error)})")
        return dataclasses.replace(
            result, status="failed", score=None, metrics={}, curve=(), failure=failure
        )
    return result


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


def _check_names(sweep: Sweep, event: Mapping[str, Any]) -> None:
    """Raises `ValueError` where an event is about a task or a space of another sweep."""
    about = event["result"] if event["event"] == "finished" else event
    for noun, known in (("task", sweep.tasks), ("space", sweep.spaces)):
        if noun in about and about[noun] not in known:
            raise ValueError(f"{noun} {about[noun]!r} is none of this sweep")


def _check_asked(suggestion: Asked, asked: Counter[tuple[str, str]]) -> None:
    """Raises `ValueError` where a suggestion before this one is missing."""
    count = asked[suggestion.task, suggestion.space]
    if suggestion.number != count:
        raise ValueError(f"suggestion {suggestion.number}, expected {count}")
    if suggestion.parent is not None and not 0 <= suggestion.parent < count:
        raise ValueError(f"continues from suggestion {suggestion.parent}, which is none")


def _check_result(result: TrialResult, sweep: Sweep) -> None:
    """Raises `ValueError` where a trial ended that cannot have begun."""
    check_time(result.started)
    if result.number < 0:
        raise ValueError(f"trial {result.number}")
    if result.phase == "confirm" and result.number >= len(sweep.seeds_of(result.task)):
        raise ValueError(f"confirmation {result.number}, more than there are seeds")


def _check_version(path: Path, version: int) -> None:
    if version > VERSION:
        raise HarnessError(
            f"{path}: written by a newer harness (journal version {version}, this one reads "
            f"up to {VERSION}); upgrade keras-automl-harness"
        )


def _task_record(event: Mapping[str, Any]) -> TaskRecord:
    parts = {**event, "name": event["task"], "baseline": _numbers(event["baseline"])}
    return from_json(TaskRecord, parts)


def _numbers(fields: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in fields.items()}
