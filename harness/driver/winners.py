"""Begins searches with the winners of an earlier sweep: `first = "results/old"`."""

import dataclasses
from pathlib import Path

from harness.analysis.cells import best_trial, objective_of
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.sweep.pairs import cells
from harness.sweep.question import Start, Sweep
from harness.system.text import quoted
from harness.trial import Asked


def resolved(sweep: Sweep, begun: SweepRecord | None) -> Sweep:
    """The sweep with the winners in the place of the folder that they are in.

    Args:
        sweep: the question.
        begun: what there is of it. A sweep that has begun goes on with the winners that it began
            with, whatever has become of that folder.

    Raises:
        HarnessError: there is no sweep in the folder, or no winner of a cell of this one.
    """
    if not isinstance(sweep.first, str):
        return sweep
    if begun is not None and begun.sweep.first:
        return dataclasses.replace(sweep, first=begun.sweep.first)
    folder = Path(sweep.first)
    record = read_journal(folder) if folder.is_dir() else None
    if record is None:
        raise HarnessError(
            f"first = {quoted(repr(sweep.first))}: expected the folder of a sweep, with its journal"
        )
    found = tuple(start for cell in cells(sweep) if (start := _winner(record, *cell.key)))
    if not found:
        there = ", ".join(f"{task} x {space}" for task, space in _searched(record)) or "none"
        raise HarnessError(
            f"first = {quoted(repr(sweep.first))}: expected a sweep with a result for a cell of "
            f"this one; it has {there}"
        )
    return dataclasses.replace(sweep, first=found)


def _winner(record: SweepRecord, task: str, space: str) -> Start | None:
    searched = [r for r in record.results if (r.task, r.space, r.phase) == (task, space, "search")]
    best = best_trial(searched, objective_of(record, task))
    values = {
        entry.number: entry.values
        for entry in record.history
        if isinstance(entry, Asked) and (entry.task, entry.space) == (task, space)
    }
    return None if best is None else Start(space, dict(values[best.number]), task)


def _searched(record: SweepRecord) -> list[tuple[str, str]]:
    return sorted({(r.task, r.space) for r in record.results if r.status == "completed"})
