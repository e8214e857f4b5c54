"""How far a sweep has come while it runs: a bar in a notebook and on a terminal, else its lines."""

import re
import sys
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.analysis.cells import CellResults, cell_results
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.sweep.pairs import cells

_OF_A_TRIAL = re.compile(r"\d\d:\d\d:\d\d (.* · .*)")
"""A line of the driver about one trial, or about the search of one cell."""
LONGEST = 60
"""Characters of such a line beside a bar."""


class Progress:
    """Receives the lines of a run, and shows them or a bar in their place; entered while it runs.

    What is no line about a trial is shown in any case: warnings, where the report is.

    Args:
        folder: of the sweep.
        shown: `True` for a bar, `False` for nothing at all; a bar where there is a notebook or a
            terminal, lines elsewhere, if absent.
    """

    def __init__(self, folder: Path, shown: bool | None) -> None:
        self.folder = folder
        self.quiet = shown is False
        self._bar: Any = _bar(folder.name) if shown or (shown is None and _fits()) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._bar is not None:
            self._bar.close()

    def line(self, text: str) -> None:
        """Takes in a line of the run."""
        if self.quiet:
            return
        if self._bar is None:
            print(text, flush=True)
            return
        of_a_trial = _OF_A_TRIAL.match(text)
        if of_a_trial is None:
            self._bar.write(text, file=sys.stdout)
            return
        self._bar.set_postfix_str(of_a_trial[1][:LONGEST], refresh=False)
        self._look()

    def _look(self) -> None:
        """Moves the bar to where the journal is."""
        try:
            record = read_journal(self.folder)
        except HarnessError:  # the run tells of it
            return
        if record is not None:
            self._bar.n, self._bar.total = done(record)
            self._bar.refresh()


def done(record: SweepRecord) -> tuple[float, float]:
    """How much of a sweep is done, and how much there is: trainings, or seconds where a time is
    given for the whole."""
    if record.sweep.minutes is not None:
        whole = 60 * record.sweep.minutes
        return min(round(record.active), whole), whole
    begun = {(cell.task, cell.space): cell for cell in cell_results(record)}
    counts = [_of_a_cell(record, begun.get(cell.key), cell.key[0]) for cell in cells(record.sweep)]
    return sum(count for count, _ in counts), sum(most for _, most in counts)


def _of_a_cell(record: SweepRecord, cell: CellResults | None, task: str) -> tuple[int, int]:
    """Trainings of a cell that are done, and all of them; a search that has ended has no more."""
    trials = record.sweep.searches_of(task) * record.sweep.budget_of(task).trials
    seeds = len(record.sweep.runs_of(task))
    if cell is None:
        return 0, trials + seeds
    searched, confirmed = (
        sum(result.status != "interrupted" for result in part)
        for part in (cell.search, cell.confirm)
    )
    if cell.ended is not None:
        trials, seeds = searched, seeds if cell.best is not None else 0
    return searched + confirmed, max(searched, trials) + max(confirmed, seeds)


def _fits() -> bool:
    """Whether somebody looks on: a notebook, or a terminal."""
    return _in_notebook() or sys.stdout.isatty()


def _in_notebook() -> bool:
    python = sys.modules.get("IPython")
    shell = None if python is None else python.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def _bar(name: str) -> Any:
    with warnings.catch_warnings():  # that a notebook without widgets gets a bar of text
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm(
        total=1, desc=name, file=sys.stdout, dynamic_ncols=True,
        bar_format="{l_bar}{bar:20}| {n:.0f}/{total:.0f} [{elapsed}<{remaining}] {postfix}",
    )  # fmt: skip
