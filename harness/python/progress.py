"""How far a sweep has come while it runs: a bar in a notebook and on a terminal, else its lines."""

import re
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.analysis.cells import CellResults, cell_results
from harness.driver import time_left
from harness.driver.time_left import CellProgress, Many, concurrency, seconds_left, span
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.python.bars import Bar, OfTerminal, fitting
from harness.spec import HarnessError
from harness.sweep.pairs import cells
from harness.sweep.question import Sweep

_OF_A_TRIAL = re.compile(r"\d\d:\d\d:\d\d (.* · .*)")
"""A line of the driver about one trial, or about the search of one cell."""
LONGEST = 60
"""Characters of such a line beside a bar."""


class Progress:
    """Receives the lines of a run, and shows them or a bar in their place; entered while it runs.

    What is no line about a trial is shown in any case: warnings, where the report is.

    Args:
        folder: of the answer.
        sweep: the question.
        shown: `True` for a bar, `False` for nothing at all; a bar where there is a notebook or a
            terminal, lines elsewhere, if absent.
    """

    def __init__(self, folder: Path, sweep: Sweep, shown: bool | None) -> None:
        self.folder = folder
        self.sweep = sweep
        self.quiet = shown is False
        self._bar: Bar | None = None
        if not self.quiet:
            most = done(sweep)[1]
            self._bar = fitting(sweep.name, most)
            if self._bar is None and shown:
                self._bar = OfTerminal(sweep.name, most)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._bar is not None:
            self._look("")
            self._bar.close()

    def line(self, text: str) -> None:
        """Takes in a line of the run."""
        if self.quiet:
            return
        if self._bar is None:
            print(text, flush=True)
        elif of_a_trial := _OF_A_TRIAL.match(text):
            # The only task, as one asks from Python, is called as the sweep is.
            self._look(of_a_trial[1].removeprefix(f"{self.sweep.name} · ")[:LONGEST])
        else:
            self._bar.write(text)

    def _look(self, text: str) -> None:
        """Moves the bar to where the journal is."""
        assert self._bar is not None
        try:
            record = read_journal(self.folder)
        except HarnessError:  # the run tells of it
            return
        if record is not None:
            told = "; ".join(filter(None, [text, left(record)]))
            self._bar.show(*done(record.sweep, record), told)


def done(sweep: Sweep, record: SweepRecord | None = None) -> tuple[float, float]:
    """How much of a sweep is done, and how much there is: trainings, or seconds where a time is
    given for the whole.

    Args:
        sweep: the question.
        record: of the answer, if there is any yet.
    """
    if sweep.minutes is not None:
        whole = 60 * sweep.minutes
        return min(round(record.active) if record is not None else 0, whole), whole
    begun = {} if record is None else {(c.task, c.space): c for c in cell_results(record)}
    counts = [_of_a_cell(sweep, begun.get(cell.key), cell.key[0]) for cell in cells(sweep)]
    return sum(count for count, _ in counts), sum(most for _, most in counts)


def _of_a_cell(sweep: Sweep, cell: CellResults | None, task: str) -> tuple[int, int]:
    """Trainings of a cell that are done, and all of them; a search that has ended has no more."""
    trials = sweep.searches_of(task) * sweep.budget_of(task).trials
    seeds = len(sweep.runs_of(task))
    if cell is None:
        return 0, trials + seeds
    searched, confirmed = (
        sum(result.status != "interrupted" for result in part)
        for part in (cell.search, cell.confirm)
    )
    if cell.ended is not None:
        trials, seeds = searched, seeds if cell.best is not None else 0
    return searched + confirmed, max(searched, trials) + max(confirmed, seeds)


def left(record: SweepRecord) -> str:
    """How long it will take, in words; empty where that is not known, and at the end."""
    sweep = record.sweep
    count, most = done(sweep, record)
    if sweep.minutes is not None or not 0 < count < most:
        return ""
    begun = {(cell.task, cell.space): cell for cell in cell_results(record)}
    every = [
        time_left.progress(sweep, begun[cell.key])
        if cell.key in begun
        else CellProgress(
            sweep.budget_of(cell.task.name), len(sweep.runs_of(cell.task.name)), Many(), Many(),
            searching=True, winner=False, searches=sweep.searches_of(cell.task.name),
        )
        for cell in cells(sweep)
    ]  # fmt: skip
    seconds = seconds_left(every)
    return "" if not seconds else f"about {span(seconds / concurrency(record.results))} left"
