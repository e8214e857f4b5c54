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
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import filelock

from harness.addresses import masked
from harness.events import check_time, damaged, events, from_json, jsonable, loaded, readable, why
from harness.record import Asked, SweepRecord, TaskRecord
from harness.spec import Budget, Failure, HarnessError, Sweep, TrialResult

VERSION = 1
FILE = "journal.jsonl"
FAILURES = "failures"
"""Folder of the tracebacks, one file a trial, beside the journal."""
_FILES = ("sweep.toml", "environment.json", "trials.csv", "leaderboard.csv", "report.md",
          "report.html")  # fmt: skip


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


class Journal:
    """The open journal of a sweep's folder; holds the folder's lock until closed."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        """Opens or creates the journal.

        Args:
            folder: The sweep's folder; made if need be.
            fresh: Leave out what there is; `begin` removes it.

        Raises:
            HarnessError: another driver has the folder open, or the journal cannot be
                written, or a complete line of it is damaged.
        """
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(folder / ".lock")
            # `harness status` holds the lock for an instant to see whether it is free.
            self._lock.acquire(timeout=0.5)
        except filelock.Timeout:
            raise HarnessError(
                f"{folder}: another run is writing to this folder; wait for it, stop it, "
                "or choose another --output"
            ) from None
        except OSError as error:
            raise HarnessError(f"{folder}: cannot write there ({error.strerror})") from None
        try:
            self._discarding = folder / ".discarding"
            if self._discarding.exists():  # one was killed before it had removed everything
                self._discard()
            self._stale = fresh and self.path.exists() and self.path.stat().st_size > 0
            self.record = None if fresh or not self.path.exists() else read(folder)
            _drop_torn_line(self.path)
            self._open()
        except OSError as error:
            self._lock.release()
            raise HarnessError(f"{self.path}: cannot be opened ({error.strerror})") from None
        except BaseException:
            self._lock.release()
            raise

    def begin(self, sweep: Sweep, environment: Mapping[str, Any], command: str) -> None:
        """Writes the first line of a new journal, or notes that an old one goes on.

        What a fresh one takes the place of is removed now, when nothing can be refused any more.
        """
        if self._stale:
            try:
                self._file.close()
                self._discarding.touch()
                self._discard()
                self._open()
            except OSError as error:
                raise HarnessError(f"{self.path}: cannot be begun ({error.strerror})") from error
            self._stale = False
        if self.record is None:
            self.append("sweep", version=VERSION, id=uuid.uuid4().hex, sweep=sweep,
                        environment=environment, command=command)  # fmt: skip
        else:
            self.append("resumed", environment=environment, command=command)

    def append(self, event: str, **fields: Any) -> None:
        """Writes one event and forces it to the disk before it returns."""
        line = json.dumps({"event": event, "time": time.time(), **jsonable(fields)})
        try:
            rest = line.encode() + b"\n"
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
            there = self.path.exists()
        except OSError as error:
            raise HarnessError(f"{self.path}: cannot be written ({error.strerror})") from error
        if not there:  # what is written goes nowhere, or where nobody looks
            raise HarnessError(
                f"{self.path}: moved or removed while the sweep ran; what was recorded is where "
                "the folder is now, if it is anywhere"
            )

    def _open(self) -> None:
        # Unbuffered: a line that a full disk refused must not be written again on closing.
        self._file = self.path.open("ab", buffering=0)

    def _discard(self) -> None:
        _clear(self.path.parent)
        self._discarding.unlink()

    def close(self) -> None:
        """Closes the file and gives the lock back."""
        try:
            self._file.close()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read(folder: Path) -> SweepRecord | None:
    """Reads the journal of a sweep's folder.

    A last line without its newline is what a killed driver leaves behind; it is not part
    of the record.

    Returns:
        The record, or `None` when the journal holds no complete line.

    Raises:
        HarnessError: there is no journal, it cannot be read, a line of it is damaged or does not
            follow from those before it (the line is named), or a newer version wrote it.
    """
    path = folder / FILE
    with readable(path):
        found = path.is_file()
    if not found:
        raise HarnessError(f"{folder}: no {FILE} there; expected the folder of a sweep")
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


def _clear(folder: Path) -> None:
    """Removes what a sweep leaves in its folder, and nothing else."""
    # The journal first: it must never name what is gone.
    (folder / FILE).unlink(missing_ok=True)
    for name in ("models", "outcomes", "exhibits", "checkpoints", FAILURES):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    for figure in folder.glob("*.png"):
        if figure.with_suffix(".svg").exists():  # the report draws each as both
            figure.unlink()
            figure.with_suffix(".svg").unlink()
    if (folder / "workers.log").exists():
        os.truncate(folder / "workers.log", 0)  # workers may have it open


def _drop_torn_line(path: Path) -> None:
    """Cuts what a killed driver left after the last newline."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
