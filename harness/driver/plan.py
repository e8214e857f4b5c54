"""Plans a sweep: which of its cells has the next turn."""

from collections.abc import Collection, Iterator
from pathlib import Path

from harness.driver.cell_plan import CellPlan, Step
from harness.driver.going_on import drop_states
from harness.driver.history import replay
from harness.driver.whole_time import WholeTime
from harness.journal.record import Look, SweepRecord
from harness.sweep.pairs import cells, pretraining
from harness.sweep.question import Sweep


class Plan:
    """All cells of a sweep, worked on in fair rotation."""

    def __init__(self, sweep: Sweep, folder: Path, record: SweepRecord | None) -> None:
        self.sweep = sweep
        self.time: WholeTime | None = None
        """Of the whole sweep, once it is at work, where it has one."""
        self.cells = [
            CellPlan(cell, sweep, folder, search)
            for cell in cells(sweep)
            for search in range(sweep.searches_of(cell.task.name))
        ]
        self._by_key = {(*plan.cell.key, plan.numbers.search): plan for plan in self.cells}
        for plan in self.cells:
            before = pretraining(plan.cell)
            if before is not None:
                plan.pretraining = self.cell(*before, plan.numbers.search)
                plan.pretraining.awaited = True
        if record is not None:
            drop_states(folder, record)
            for plan in self.cells:
                replay(plan, record)
            for plan in self.cells:
                plan.reconsider()

    def cell(self, task: str, space: str, number: int = 0) -> CellPlan:
        """The plan of the search of a cell to which the trial of this number belongs."""
        return self._by_key[task, space, number % self.sweep.searches_of(task)]

    def next(self, here: Collection[str] = (), elsewhere: Collection[str] = ()) -> Step | None:
        """The next trial: a search trial of the cell that has had the fewest, else a
        confirmation run of the cell whose runs take the longest.

        Longest first (Graham 1969, Bounds on multiprocessing timing anomalies) leaves the short
        runs to fill the gaps at the end, where a long one would run alone beside idle workers.
        What other cells start from comes before everything else, and then the short confirmation
        runs that need not be compiled; those that another worker need not compile come last.

        Args:
            here: programs that a free worker has compiled.
            elsewhere: those that only a busy one has, or is at.
        """
        for plan in self.cells:
            if plan.awaited:
                step = plan.next_search() or plan.next_confirm()
                if step is not None:
                    return step
        confirming = sorted(self.cells, key=_confirm_seconds, reverse=True)
        for plan in confirming if here else ():
            if plan.spending.worth_placing() and plan.program() in here:
                step = plan.next_confirm()
                if step is not None:
                    return step
        for plan in sorted(self.cells, key=self._had):
            step = plan.next_search()
            if step is not None:
                return step
        if self.time is not None:  # each cell has a first run before any has a second
            confirming.sort(key=lambda plan: len(plan.runs.seeds) - plan.runs_left())
        for plan in sorted(
            confirming, key=lambda one: one.spending.worth_placing() and one.program() in elsewhere
        ):
            step = plan.next_confirm()
            if step is not None:
                return step
        return None

    def _had(self, plan: CellPlan) -> float:
        """What the search of a cell has had: the one that had least is next."""
        if self.time is not None:
            return plan.spending.search_seconds()
        return plan.searched.trials + len(plan.attempts.running)

    def confirming(self) -> bool:
        """Whether a cell has confirmation runs to come, and no search before them."""
        return any(plan.ended is not None and plan.runs_left() for plan in self.cells)

    def to_look_at(self) -> list[str]:
        """Tasks whose verdict is to be looked at now: every cell has its runs, and more may be
        added."""
        tasks: dict[str, list[CellPlan]] = {}
        for plan in self.cells:
            if not plan.settled:
                tasks.setdefault(plan.cell.task.name, []).append(plan)
        return [task for task, plans in tasks.items() if all(plan.at_rest() for plan in plans)]

    def take(self, look: Look) -> None:
        """Does as a look at the verdict on a task has decided."""
        for plan in self.cells:
            if plan.cell.task.name == look.task:
                plan.settled = not look.seeds
                if plan.cell.space.name in look.seeds:
                    plan.confirm_on(look.seeds[plan.cell.space.name])

    def divide_time(self) -> None:
        """Says anew what is left for whom of a time for the whole sweep."""
        if self.time is not None:
            self.time.divide(self.cells)

    def unfinished(self) -> bool:
        """Whether something is left to do, for which there may be no time."""
        return not all(plan.over() for plan in self.cells)

    def wanted(self) -> tuple[str, ...]:
        """Programs that confirmation runs will ask for, as far as is known."""
        return tuple(p for plan in self.cells if not plan.over() and (p := plan.program()))

    def end_searches(self) -> Iterator[tuple[CellPlan, str]]:
        """Ends every search that is over now; yields the cells and reasons."""
        for plan in self.cells:
            reason = plan.end_search()
            if reason is not None:
                yield plan, reason


def _confirm_seconds(plan: CellPlan) -> float:
    return plan.spending.confirm_seconds()
