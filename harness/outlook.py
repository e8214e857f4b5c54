"""How long a sweep will still take, judged by its journal alone."""

import math
from collections.abc import Iterable, Sequence

from harness.report.cells import Cell
from harness.spec import Sweep, TrialResult


def seconds_left(sweep: Sweep, every: Iterable[Cell]) -> float | None:
    """Worker seconds until every cell is confirmed; `None` before any trial has finished.

    A search trial is taken to last as long as the mean of its cell, or of all cells where it has
    none, a confirmation run as those of its cell, or else as a search trial on all epochs and
    all of the training data.
    """
    every = tuple(every)
    known = [result.cost.seconds for cell in every for result in finished(cell.search)]
    if not known:
        return None
    return math.fsum(_cell_seconds_left(sweep, cell, _mean(known)) for cell in every)


def concurrency(results: Iterable[TrialResult]) -> float:
    """How many trials ran side by side on average while any ran; 1 without any."""
    spans = sorted((r.started, r.started + r.cost.seconds) for r in results if r.cost.seconds > 0)
    busy, end = 0.0, -math.inf
    for first, last in spans:
        busy += max(0.0, last - max(first, end))
        end = max(end, last)
    return math.fsum(last - first for first, last in spans) / busy if busy > 0 else 1.0


def finished(results: Iterable[TrialResult]) -> list[TrialResult]:
    """The trials that will not be run again."""
    return [result for result in results if result.status != "interrupted"]


def _cell_seconds_left(sweep: Sweep, cell: Cell, usual: float) -> float:
    budget = sweep.budget_of(cell.task)
    searched, confirmed = finished(cell.search), finished(cell.confirm)
    spent = [result.cost.seconds for result in searched]
    mean = _mean(spent) if spent else usual
    search = 0.0
    if cell.ended is None:
        search = mean * max(0, budget.trials - len(searched))
        if budget.seconds is not None:
            search = min(search, max(0.0, budget.seconds - math.fsum(spent)))
    elif cell.best is None:
        return 0.0
    run = mean * (budget.confirm_epochs or budget.epochs) / budget.epochs / budget.train_fraction
    if confirmed:
        run = _mean([result.cost.seconds for result in confirmed])
    return search + run * max(0, len(sweep.seeds_of(cell.task)) - len(confirmed))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
