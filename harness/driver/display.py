"""Shows a running sweep: a live table on a terminal, a line for each event in a log."""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rich.box
import rich.console
import rich.live
import rich.table
import rich.text

from harness.driver.time_left import CellProgress, Many, seconds_left, span
from harness.system.text import one_line
from harness.trial import TrialResult

if TYPE_CHECKING:
    from harness.driver.cell_plan import CellPlan
    from harness.driver.plan import Plan
    from harness.journal.record import Look
    from harness.trial import Job


def _in_notebook() -> bool:
    """Whether a cell shows the output, `!harness run ...`: it calls itself a terminal, and would
    keep each state of a table below the one before."""
    return "JPY_PARENT_PID" in os.environ


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
            if self.console.is_terminal and not _in_notebook()
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

    def resumed(self, plan: "CellPlan", job: "Job", epoch: int) -> None:
        """Says that a trial that was cut off goes on."""
        self._print(f"{_which(plan, job)}: goes on from the end of epoch {epoch}")

    def finished(self, plan: "CellPlan", result: TrialResult) -> None:
        """Says how a trial ended."""
        self._epochs.pop(result.key, None)
        which = _which(plan, result)
        self._print(f"{which}: {_outcome(plan, result)}")
        for what, failure in result.lost.items():
            self._print(f"{which}: no {what}: {failure.message}")

    def search_ended(self, plan: "CellPlan", reason: str) -> None:
        """Says why a cell's search is over."""
        best = plan.best()
        found = "no trial completed" if best is None else f"best {_score(plan, best.score)}"
        self._print(f"{' · '.join(_name(plan))} · search ended: {reason}; {found}")

    def looked(self, look: "Look") -> None:
        """Says what becomes of the seeds of a task, now that all of them have run."""
        found = "; ".join(f"{space}: {why}" for space, why in look.why.items())
        more = ", ".join(f"{space} {seeds}" for space, seeds in look.seeds.items())
        self._print(f"{look.task} · seeds: {more or 'no more'}{f' ({found})' if found else ''}")

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
        left = self._seconds_left()
        if left is not None:
            table.caption = f"about {span(left)} left"
        return table

    def _seconds_left(self) -> float | None:
        if self.plan.time is not None:
            return self.plan.time.left()
        left = seconds_left(map(_progress, self.plan.cells))
        return None if left is None else left / self.workers

    def _row(self, plan: "CellPlan") -> list[str]:
        searched, failed = plan.searched.trials, plan.searched.failed
        best = plan.best()
        running = [
            f"{phase} {number} ({self._epochs.get((*plan.cell.key, phase, number), 'starting')})"
            for phase, number in plan.attempts.running
        ]
        return [
            *_name(plan),
            str(searched) if self.plan.time else f"{searched}/{plan.budget.trials}",
            str(failed) if failed else "",
            _score(plan, best.score) if best is not None else "",
            f"{len(plan.runs.ended)}/{len(plan.runs.seeds)}",
            ", ".join(running),
        ]


def _name(plan: "CellPlan") -> tuple[str, str]:
    """The task, and the architecture, with the number of the search where there are several."""
    task, space = plan.cell.key
    numbers = plan.numbers
    return task, space if numbers.searches == 1 else f"{space}, search {numbers.search + 1}"


def _which(plan: "CellPlan", trial: "Job | TrialResult") -> str:
    """What a trial is called."""
    search = trial.phase == "search"
    number = f"trial {trial.number}" if search else f"seed {trial.seed}"
    return f"{' · '.join(_name(plan))} · {number}"


def _progress(plan: "CellPlan") -> CellProgress:
    return CellProgress(
        budget=plan.budget,
        seeds=len(plan.runs.seeds),
        searched=Many(plan.searched.trials, plan.searched.seconds),
        confirmed=Many.of(result.cost.seconds for result in plan.runs.ended.values()),
        searching=plan.ended is None,
        winner=plan.best() is not None,
    )


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
