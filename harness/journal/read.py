"""Reads the append-only record of a sweep: one JSON event a line (`events.py` lists them).

The driver is its only writer. Everything else (resuming, the report, MLflow) is a projection of
what is read here.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.journal.events import (
    VERSION,
    Ended,
    Grown,
    Header,
    Resumed,
    check_asked,
    check_names,
    check_result,
    check_time,
    look_from_json,
    result_from_json,
    sweep_from_json,
    task_from_json,
)
from harness.journal.folder import JOURNAL
from harness.journal.grown import grown
from harness.journal.lines import Lines, damaged
from harness.journal.record import Look, SweepRecord, TaskRecord
from harness.spec import HarnessError
from harness.sweep.question import Sweep
from harness.system.json_values import from_json, readable
from harness.system.redact import masked
from harness.trial import Asked, TrialResult


def read_journal(folder: Path) -> SweepRecord | None:
    """Reads the journal of a sweep's folder once; see `JournalReader.read`."""
    return JournalReader(folder).read()


class JournalReader:
    """Follows the journal of a sweep's folder: what was read is kept, only new lines are read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begin()

    def read(self) -> SweepRecord | None:
        """What the journal says by now.

        A last line without its newline is what a killed driver leaves behind; it is not part
        of the record. A journal that was replaced by another one is read from its beginning.

        Returns:
            The record, or `None` when the journal holds no complete line.

        Raises:
            HarnessError: there is no journal, it cannot be read, a line of it is damaged or does
                not follow from those before it (the line is named), or a newer version wrote it.
        """
        path, folder = self._lines.path, self._folder
        with readable(path):
            found = path.is_file()
        if not found:
            raise HarnessError(f"{folder}: no {JOURNAL} there; expected the folder of a sweep")
        if not self._lines.goes_on():
            self._begin()
        for number, event in self._lines.new():
            try:
                self._known.take(event)
            except _Newer as error:
                raise HarnessError(f"{path}: {error}") from None
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
                raise damaged(path, number, error) from error
        return self._known.record()

    def _begin(self) -> None:
        self._lines = Lines(self._folder / JOURNAL)
        self._known = _Known()


class _Newer(Exception):
    """A newer version of the harness wrote the journal."""


class _Known:
    """What the events taken in so far say; an event that raises has changed nothing."""

    def __init__(self) -> None:
        self._header: Header | None = None
        self._sweep: Sweep | None = None
        self._environments: list[Mapping[str, Any]] = []
        self._tasks: dict[str, TaskRecord] = {}
        self._data: dict[str, Mapping[str, Any]] = {}
        self._history: list[Asked | TrialResult] = []
        self._asked: Counter[tuple[str, str, int]] = Counter()
        self._ended: dict[tuple[str, str, int], str] = {}
        self._growth: tuple[tuple[str, ...], ...] = ()
        self._apart: dict[tuple[str, str, int], str] = {}
        self._looks: list[Look] = []
        self._settled: frozenset[str] = frozenset()
        self._time_over = False
        self._active = 0.0
        self._last: float | None = None
        """When the last event was."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Takes in the next event.

        Raises:
            KeyError, TypeError, ValueError, AttributeError, RecursionError: it is none, or does
                not follow from those before it.
        """
        check_time(event["time"])
        self._take(event)
        if self._last is not None and event["event"] != "resumed":
            self._active += max(0.0, event["time"] - self._last)
        self._last = event["time"]

    def _take(self, event: Mapping[str, Any]) -> None:
        if self._sweep is None:
            if event["event"] != "sweep":
                raise ValueError("expected 'sweep' as the first event")
            self._start(event)
            return
        check_names(self._sweep, event)
        match event["event"]:
            case "data":
                self._tasks[event["task"]] = task_from_json(event)
                self._data[event["task"]] = event
            case "asked":
                self._ask(from_json(Asked, event), self._sweep)
            case "finished":
                self._finish(result_from_json(event["result"]), self._sweep)
            case "search_ended":
                self._end(event, self._ended, self._sweep)
            case "grown":
                self._grow(sweep_from_json(from_json(Grown, event).sweep))
            case "apart":
                self._end(event, self._apart, self._sweep)
            case "looked":
                self._look(look_from_json(event, self._sweep))
            case "time_over":
                self._time_over = True
            case "resumed":
                self._environments.append(from_json(Resumed, event).environment)
            case other:
                raise ValueError(f"unexpected event {other!r}")

    def record(self) -> SweepRecord | None:
        """All of it, as a value that later events do not change."""
        if self._header is None or self._sweep is None:
            return None
        return SweepRecord(
            id=self._header.id,
            sweep=self._sweep,
            environments=tuple(self._environments),
            # Journals of the first versions hold user names and passwords of addresses.
            command=masked(self._header.command),
            started=self._header.time,
            tasks=dict(self._tasks),
            history=tuple(self._history),
            ended_searches=dict(self._ended),
            apart=dict(self._apart),
            data=dict(self._data),
            time_over=self._time_over,
            active=self._active,
            growth=self._growth,
            looks=tuple(self._looks),
            settled=self._settled,
        )

    def _start(self, event: Mapping[str, Any]) -> None:
        if event["version"] > VERSION:
            raise _Newer(
                f"written by a newer harness (journal version {event['version']}, this one reads "
                f"up to {VERSION}); upgrade keras-automl-harness"
            )
        header = from_json(Header, event)
        self._header, self._sweep = header, sweep_from_json(header.sweep)
        self._environments.append(header.environment)

    def _grow(self, sweep: Sweep) -> None:
        before = self.record()
        assert before is not None
        after = grown(before, sweep)
        self._sweep, self._history = sweep, list(after.history)
        self._ended, self._apart = dict(after.ended_searches), dict(after.apart)
        self._growth = after.growth
        self._time_over = after.time_over
        self._settled = after.settled

    def _look(self, look: Look) -> None:
        self._looks.append(look)
        self._settled -= {look.task}
        if not look.seeds:
            self._settled |= {look.task}

    def _ask(self, suggestion: Asked, sweep: Sweep) -> None:
        searches = sweep.searches_of(suggestion.task)
        search = suggestion.number % searches
        key = suggestion.task, suggestion.space, search
        check_asked(suggestion, self._asked[key] * searches + search, searches)
        self._ended.pop(key, None)
        self._asked[key] += 1
        self._history.append(suggestion)

    def _end(
        self, event: Mapping[str, Any], ends: dict[tuple[str, str, int], str], sweep: Sweep
    ) -> None:
        task, space, ended = event["task"], event["space"], from_json(Ended, event)
        if ended.search not in range(sweep.searches_of(task)):
            raise ValueError(f"search {ended.search} is none of this cell")
        ends[task, space, ended.search] = ended.reason

    def _finish(self, result: TrialResult, sweep: Sweep) -> None:
        check_result(result, sweep)
        self._history.append(result)
        if result.status == "interrupted" and result.phase == "search":
            search = result.number % sweep.searches_of(result.task)
            self._ended.pop((result.task, result.space, search), None)
