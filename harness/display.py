"""Shows a running sweep: a live table on a terminal, a line for each event in a log."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rich.box
import rich.console
import rich.live
import rich.table
import rich.text

from harness.lines import one_line
from harness.spec import TrialResult

if TYPE_CHECKING:
    from harness.plan import CellPlan, Plan
    from harness.training import Job


class Display:
    """The driver's voice; entered while trials run."""

    def __init__(self, plan: "Plan", workers: int, console: Any = None) -> None:
        self.plan = plan
        self.workers = workers
        self.console = console or rich.console.Console()
        self._epochs: dict[tuple[str, str, str, int], str] = {}
        self._notes: set[str] = set()
        self._live = (
            rich.live.Live(
                console=self.console,
                get_renderable=self._table,
                # Drawn by the driver alone: a second thread would read while it writes.
                auto_refresh=False,
                transient=True,
            )
            if self.console.is_terminal
            else None
        )

    def __enter__(self) -> "Display":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def note(self, text: str) -> None:
        """Says something once."""
        if text not in self._notes:
            self._notes.add(text)
            self._print(text)

    def progress(self, job: "Job", info: Mapping[str, Any]) -> None:
        """Takes in what a running trial reported."""
        key = (job.task, job.space, job.phase, job.number)
        self._epochs[key] = f"{info['epoch']}/{info['epochs']}"

    def finished(self, plan: "CellPlan", result: TrialResult) -> None:
        """Says how a trial ended."""
        self._epochs.pop(result.key, None)
        name = "trial" if result.phase == "search" else "seed"
        number = result.number if result.phase == "search" else result.seed
        self._print(f"{result.task} · {result.space} · {name} {number}: {_outcome(plan, result)}")

    def search_ended(self, plan: "CellPlan", reason: str) -> None:
        """Says why a cell's search is over."""
        task, space = plan.cell.key
        best = plan.best()
        found = "no trial completed" if best is None else f"best {_score(plan, best.score)}"
        self._print(f"{task} · {space} · search ended: {reason}; {found}")

    def refresh(self) -> None:
        """Draws the table anew."""
        if self._live is not None:
            self._live.refresh()

    def _print(self, text: str) -> None:
        # Text of trials may hold brackets and what a terminal obeys; none of it is meant so.
        self.console.print(
            one_line(f"{time.strftime('%H:%M:%S')} {text}"),
            markup=False, highlight=False, emoji=False, soft_wrap=True,
        )  # fmt: skip

    def _table(self) -> rich.table.Table:
        table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
        for heading in ("task", "space", "search", "failed", "best so far", "confirmed", "running"):
            table.add_column(heading)
        for plan in self.plan.cells:
            table.add_row(*map(rich.text.Text, self._row(plan)))
        left = time_left(self.plan, self.workers)
        table.caption = f"about {_duration(left)} left" if left is not None else None
        return table

    def _row(self, plan: "CellPlan") -> list[str]:
        searched = plan.searched()
        failed = sum(result.status != "completed" for result in searched)
        best = plan.best()
        running = [
            f"{phase} {number} ({self._epochs.get((*plan.cell.key, phase, number), 'starting')})"
            for phase, number in plan.running
        ]
        return [
            *plan.cell.key,
            f"{len(searched)}/{plan.budget.trials}",
            str(failed) if failed else "",
            _score(plan, best.score) if best is not None else "",
            f"{len(plan.confirmed())}/{len(plan.seeds)}",
            ", ".join(running),
        ]


def time_left(plan: "Plan", workers: int) -> float | None:
    """Seconds the sweep will still take, judged by its trials so far; `None` before any."""
    total = 0.0
    known = [result.cost.seconds for cell in plan.cells for result in cell.searched()]
    if not known:
        return None
    for cell in plan.cells:
        own = [result.cost.seconds for result in cell.searched()] or known
        mean = sum(own) / len(own)
        if cell.ended is None:
            search = mean * (cell.budget.trials - len(cell.searched()))
            left = cell.seconds_left()
            total += max(0.0, search if left is None else min(search, left))
        epochs = (cell.budget.confirm_epochs or cell.budget.epochs) / cell.budget.epochs
        seeds = len(cell.seeds) - len(cell.confirmed())
        total += mean * epochs / cell.budget.train_fraction * seeds
    return total / workers


def _outcome(plan: "CellPlan", result: TrialResult) -> str:
    seconds = f"in {result.cost.seconds:.1f} s"
    if result.status != "completed":
        reason = result.failure.message if result.failure else "no reason given"
        if result.status == "interrupted" and result.broken:
            return f"to be tried again after {result.cost.seconds:.1f} s: {reason}"
        return f"{result.status} {seconds}: {reason}"
    text = f"validation {_score(plan, result.score)} {seconds}"
    test = result.metrics.get(f"test_{plan.cell.task.judged_by.metric}")
    return text if test is None else f"{text}, test {test:.4g}"


def _score(plan: "CellPlan", score: float | None) -> str:
    return "" if score is None else f"{plan.cell.task.objective.metric} {score:.4g}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "a minute"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
