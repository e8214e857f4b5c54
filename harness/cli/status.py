"""How far a sweep has come, for somebody who asks from another terminal: `harness status DIR`.

Everything comes from the journal, which is read as it is; a sweep that runs is not disturbed.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import filelock
import rich.box
import rich.console
import rich.table
import rich.text

from harness import registry
from harness.analysis.cells import CellResults, best_trial, cell_results
from harness.driver.time_left import concurrency, finished, progress, seconds_left, span
from harness.journal.folder import JOURNAL, LOCK
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.spec import Objective
from harness.sweep.question import Sweep
from harness.system.text import counted, one_line
from harness.trial import TrialResult

Driver: TypeAlias = Literal["running", "absent", "unknown"]
"""Whether a driver holds the folder; `unknown` where its lock may not be looked at."""
REASONS = 8
"""Reasons of failures that are listed, the most frequent first."""
PIPED_WIDTH = 500
"""Columns where nobody has said how many there are: no cell of a table is folded then."""


def show(folder: Path) -> None:
    """Prints the state of a sweep: a table, and whether it runs, what failed, what is left.

    Raises:
        HarnessError: there is no journal, or it is damaged.
    """
    console = rich.console.Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED_WIDTH
    state = driver(folder)
    record = read_journal(folder)
    if record is None:
        console.print(rich.text.Text(f"{folder}: nothing recorded yet"))
        return
    silent = max(0.0, time.time() - (folder / JOURNAL).stat().st_mtime)
    every = every_cell(record)
    console.print(rich.text.Text(headline(folder, record, every, state, silent)))
    console.print(_table(record.sweep, every))
    for line in (*nodes(record), *failures(every), *outlook(record, every, state)):
        console.print(rich.text.Text(line))


def driver(folder: Path) -> Driver:
    """Whether a driver holds the lock of a sweep's folder.

    The only way to know is to take it, which is undone at once.
    """
    path = folder / LOCK
    try:
        if not path.is_file():
            return "absent"
        with filelock.FileLock(path, timeout=0):
            return "absent"
    except filelock.Timeout:
        return "running"
    except OSError:  # a folder that may only be read, or not even that
        return "unknown"


def every_cell(record: SweepRecord) -> tuple[CellResults, ...]:
    """The cells of the question in its order, those that have not begun included."""
    begun = {(cell.task, cell.space): cell for cell in cell_results(record)}
    return tuple(
        begun.get((task, space))
        or CellResults(
            task=task,
            space=space,
            data=record.tasks.get(task),
            search=(),
            confirm=(),
            running=0,
            ended=None,
            searches=record.sweep.searches_of(task),
            seeds=len(record.seeds_of(task, space)),
            settled=record.is_settled(task),
        )
        for task in record.sweep.tasks
        for space in record.sweep.spaces
        if (task, space) in begun or _may_fit(task, space)
    )


def headline(
    folder: Path, record: SweepRecord, every: Sequence[CellResults], state: Driver, silent: float
) -> str:
    """Whether the sweep runs, has ended or was interrupted, and how far it has come.

    Args:
        silent: seconds since the journal was written to.
    """
    sweep = record.sweep
    over = _over(every)
    most = sum(_trials(sweep, cell) for cell in every)
    trials = f" of {most}" if sweep.minutes is None else ""
    seeds = sum(cell.seeds * cell.searches for cell in every)
    searched, confirmed = (
        sum(len(finished(part)) for part in parts)
        for parts in ([c.search for c in every], [c.confirm for c in every])
    )
    words = {
        "running": f"running, last event {_ago(silent)} ago",
        "absent": "ended" if over else f"interrupted, last event {_ago(silent)} ago",
        "unknown": "ended" if over else f"not ended, last event {_ago(silent)} ago",
    }
    return (
        f"{folder}: {words[state]}; {counted(len(every), 'cell')}, "
        f"{searched}{trials} search trials, {confirmed} of {seeds} confirmation runs"
    )


def nodes(record: SweepRecord) -> Iterator[str]:
    """What each node of a cluster has done, that of most trials first; nothing of one machine."""
    trials: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    latest: dict[str, float] = {}
    for result in record.results:
        if name := result.cost.node:
            trials[name] += 1
            seconds[name] = seconds.get(name, 0.0) + result.cost.own_seconds
            ended = result.started + result.cost.own_seconds
            latest[name] = max(latest.get(name, 0.0), ended)
    for name, count in trials.most_common():
        ago = _ago(max(0.0, time.time() - latest[name]))
        spent = f"{counted(count, 'trial')}, {span(seconds[name])} of running"
        yield f"node {one_line(name)}: {spent}, last end {ago} ago"


def failures(every: Sequence[CellResults]) -> Iterator[str]:
    """Trials without a score by reason, the most frequent first, with where they were."""
    reasons: Counter[str] = Counter()
    where: dict[str, dict[str, None]] = {}
    for cell in every:
        for result in cell.unscored:
            if result.status != "interrupted":
                reason = _reason(result)
                reasons[reason] += 1
                where.setdefault(reason, {})[one_line(f"{cell.task} x {cell.space}")] = None
    if reasons:
        yield f"{sum(reasons.values())} without a score:"
    for reason, count in reasons.most_common(REASONS):
        places = list(where[reason])
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        yield f"  {count} x {reason} ({', '.join(places[:3])}{more})"
    if len(reasons) > REASONS:
        yield f"  and {len(reasons) - REASONS} other reasons"


def outlook(record: SweepRecord, every: Sequence[CellResults], state: Driver) -> Iterator[str]:
    """What is left: how long it takes and how that is reckoned, or how to carry on."""
    if _over(every):
        without = [one_line(f"{c.task} x {c.space}") for c in every if not c.scores]
        yield (
            f"no confirmed result: {', '.join(without)}"
            if without
            else "every cell has a confirmed result"
        )
        return
    if state == "absent":
        yield f"carry on with: {one_line(record.command)}"
    if record.sweep.minutes is not None:
        rest = max(0.0, 60 * record.sweep.minutes - record.active)
        yield f"time left: about {span(rest)} of {record.sweep.minutes:g} min"
        return
    left = seconds_left(progress(record.sweep, cell) for cell in every)
    if left is None:
        yield "time left: not known yet, as no search trial has finished"
        return
    at_once = concurrency(record.results)
    yield f"time left: about {span(left / at_once)}{' of running' if state == 'absent' else ''}"
    yield (
        "  if what is left takes as long as the cell's trials so far (those of all cells, where it "
        f"has none), {at_once:.1f} at a time as measured; running trials count in full"
    )


def _table(sweep: Sweep, every: Sequence[CellResults]) -> rich.table.Table:
    """A row for each cell below one for its task, which names what is measured."""
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    headings = ["architecture", "search", "failed", "validation", "confirmed", "test", "state"]
    shown = [name != "failed" or any(map(_failed, every)) for name in headings]
    for heading, wanted in zip(headings, shown, strict=True):
        if wanted:
            table.add_column(heading, overflow="fold")
    for task in dict.fromkeys(cell.task for cell in every):
        group = [cell for cell in every if cell.task == task]
        data = group[0].data
        names = (_measured(data.objective), _measured(data.judged_by)) if data else ("", "")
        rows = [[task, "", "", names[0], "", names[1], ""], *(_row(sweep, c) for c in group)]
        for number, row in enumerate(rows):
            kept = (text for text, wanted in zip(row, shown, strict=True) if wanted)
            style = "bold" if number == 0 else ""
            table.add_row(*(rich.text.Text(one_line(text), style) for text in kept))
    return table


def _row(sweep: Sweep, cell: CellResults) -> list[str]:
    best = best_trial(cell.search, cell.objective)
    return [
        f"· {cell.space}",
        str(len(finished(cell.search)))
        if sweep.minutes is not None
        else f"{len(finished(cell.search))}/{_trials(sweep, cell)}",
        str(_failed(cell) or ""),
        f"{best.score:.4g}" if best else "",
        f"{len(finished(cell.confirm))}/{cell.seeds * cell.searches}",
        f"{cell.mean:.4g}" if cell.scores else "",
        _state(cell),
    ]


def _trials(sweep: Sweep, cell: CellResults) -> int:
    """Search trials of a cell, those of all its searches."""
    return sweep.searches_of(cell.task) * sweep.budget_of(cell.task).trials


def _over(every: Sequence[CellResults]) -> bool:
    return all(cell.finished for cell in every)


def _state(cell: CellResults) -> str:
    if cell.finished:
        return "done" if cell.scores else "no result"
    if cell.ended is not None:
        return "confirming"
    return "searching" if cell.search or cell.running else "waiting"


def _measured(objective: Objective) -> str:
    return f"{objective.metric} {'↑' if objective.direction == 'max' else '↓'}"


def _failed(cell: CellResults) -> int:
    return sum(result.status != "interrupted" for result in cell.unscored)


def _reason(result: TrialResult) -> str:
    message = result.failure.message if result.failure else "a score that is not a number"
    return f"{result.status}: {one_line(message)}"


def _may_fit(task: str, space: str) -> bool:
    """Whether the pair is a cell; one that is not installed here may be."""
    known = task in registry.tasks() and space in registry.spaces()
    return not known or registry.fit(task, space)


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else span(seconds)
