"""Plans one cell: what its search and its confirmation runs have done, and what they do next.

A plan is rebuilt from the journal and changes only by what the driver tells it, so that a
sweep that was killed carries on as if it had not been.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.cells import is_done
from harness.driver import going_on
from harness.driver.attempts import Attempts
from harness.driver.jobs import Around, Jobs
from harness.driver.numbers import Numbers
from harness.driver.runs import Runs
from harness.driver.searched import Searched
from harness.driver.spending import Spending
from harness.driver.suggestions import Suggestions
from harness.sweep.pairs import NO_MODEL, Cell
from harness.sweep.question import CONTINUING, Budget, Sweep
from harness.trial import Asked, Failure, Job, TrialResult


@dataclass(frozen=True)
class Step:
    """A trial to start now, and the suggestion behind it if that is new."""

    job: Job
    asked: Asked | None = None


class CellPlan:
    """One cell: its search, then its confirmation runs. A cell of several searches has a plan for
    each."""

    def __init__(self, cell: Cell, sweep: Sweep, folder: Path, search: int = 0) -> None:
        self.cell = cell
        self.sweep = sweep
        self.budget: Budget = sweep.budget_of(cell.task.name)
        self.numbers = Numbers(search, sweep.searches_of(cell.task.name))
        """Which of the searches of its cell this one is."""
        self.jobs = Jobs(cell, sweep, folder, self.numbers)
        self.attempts = Attempts()
        self.searched = Searched(cell.task.objective)
        self.spending = Spending(
            self.budget, self.searched, self.attempts, sweep.tuner in CONTINUING
        )
        self.runs = Runs(cell.task.objective)
        self.confirm_on(len(sweep.first_seeds_of(cell.task.name)))
        self.settled = not sweep.looks_of(cell.task.name)
        """Whether no more seeds may be added."""
        self.ended: str | None = None
        """Why the search ended, once it has and none of its trials runs any more."""
        self.longest: float | None = None
        """Seconds that one training may take, where the whole sweep has a time."""
        self.may_try_more = self.may_run_more = True
        """Whether that time has room for another trial, and for another run beside a first."""
        self.pretraining: CellPlan | None = None
        """The cell whose model this one starts from."""
        self.apart: str | None = None
        """Why its seeds cannot be trained as one program, once that is known."""
        self.awaited = False
        """Whether other cells start from the model of this one."""
        self._programs: dict[int, str] = {}
        """Names of what trials have compiled, by their numbers."""
        self.suggestions = Suggestions(cell, sweep, folder, self.numbers)

    def confirm_on(self, seeds: int) -> None:
        """Has its winner confirmed on the first so many seeds."""
        runs = self.sweep.runs_of(self.cell.task.name)[: seeds * self.numbers.searches]
        self.runs.seeds = {n: seed for n, seed in enumerate(runs) if self.numbers.owns(n)}

    def reconsider(self) -> None:
        """Takes back that there was no model to start from, where there is one or may be yet."""
        before = self.pretraining
        if before is None or (before.over() and before.runs.model() is None):
            return
        if self.ended is not None and self.ended.startswith(NO_MODEL):
            self.ended = None

    # --- what is next -------------------------------------------------------------

    def next_search(self) -> Step | None:
        """The next search trial, or `None` while, or because, there is none."""
        if self.ended is not None or self._why_no_more() is not None:
            return None
        if self.pretraining is not None and not self.pretraining.over():
            return None
        if not self._may_search():
            return None
        if self.suggestions.waiting:
            return Step(self._search_job(self.suggestions.waiting.pop(0)))
        number = self.suggestions.ask()
        if number is None:
            return None
        self.drop_checkpoints()  # it may be the first of a new bracket
        return Step(self._search_job(number), self.suggestions.asked(number))

    def next_confirm(self) -> Step | None:
        """The next confirmation run of the best configuration."""
        best = self.best()
        if self.ended is None or best is None or self._out_of_time():
            return None
        run = self.runs.next(self.attempts)
        return None if run is None else Step(self._confirm_job(best, *run))

    def _may_search(self) -> bool:
        """Whether a trial may start beside those that run.

        A cell's time is one clock: its trials then run one after the other, while other
        cells use the other workers. Side by side they would spend it several times over.
        """
        one_clock = self.budget.seconds is not None or self.budget.flops is not None
        return not (one_clock and self.attempts.searching())

    def _out_of_time(self) -> bool:
        """Whether no further confirmation run may begin; there is always time for a first."""
        return not self.may_run_more and self.runs.begun(self.attempts)

    def _why_no_more(self) -> str | None:
        """Why no further search trial may start."""
        before = self.pretraining
        if before is not None and before.over() and before.runs.model() is None:
            task, space = before.cell.key
            return f"{NO_MODEL}: {task} x {space} has no confirmed result"
        spent = self.spending.all_spent()
        if spent is not None:
            return spent
        if not self.may_try_more:
            return f"its share of {self.sweep.minutes:g} minutes is spent"
        if self.suggestions.waiting:
            return None
        if self.suggestions.count >= self.budget.trials:
            return f"all {self.budget.trials} trials are done"
        return self.suggestions.exhausted

    def _search_job(self, number: int) -> Job:
        limits = [x for x in (self.spending.seconds_left(), self.longest) if x is not None]
        flops = self.spending.flops_left()
        around = Around(
            attempts=self.attempts.of("search", number),
            encoder=self._encoder(),
            seconds=max(0.0, min(limits)) if limits else None,
            flops=None if flops is None else max(0.0, flops),
        )
        return self.jobs.search(self.suggestions.of(number), around)

    def _confirm_job(self, best: TrialResult, number: int, seed: int) -> Job:
        attempts = self.attempts.of("confirm", number)
        around = Around(attempts, self._encoder(), seconds=self.longest)
        return self.jobs.confirm(self.suggestions.of(best.number), number, seed, around)

    def _encoder(self) -> Path | None:
        return None if self.pretraining is None else self.pretraining.runs.model()

    # --- what has happened --------------------------------------------------------

    def set_apart(self, jobs: Iterable[Job], reason: str) -> None:
        """Notes that trials could not be one program: they are to be run one by one."""
        self.apart = reason
        for job in jobs:
            self.attempts.stop(job)

    def finish(self, result: TrialResult) -> None:
        """Takes in the end of a trial and removes the files nobody needs any more."""
        self.attempts.stop(result)
        if going_on.is_over(result):
            going_on.drop_state(self.jobs.folder, result)
        if result.status == "interrupted":
            self.discard(result)
            if result.phase == "search" and result.broken:
                self.suggestions.waiting.insert(0, result.number)
            return
        if result.phase == "search":
            self.suggestions.tell(result)
        self.take(result)
        self.drop_checkpoints()

    def deserves_another(self, result: TrialResult) -> bool:
        """Whether a trial failed by no fault of its own, and for the first time, or when it had
        come further than before."""
        first = not self.attempts.of(result.phase, result.number)
        return result.broken and (first or going_on.came_further(self.jobs.folder, result))

    def end_search(self) -> str | None:
        """Ends the search if it is over now, and says why; `None` if it is not or was."""
        if self.ended is not None or self.attempts.searching():
            return None
        self.ended = self._why_no_more()
        self.drop_checkpoints()
        return self.ended

    def abandoned(self) -> list[tuple[Job, Failure]]:
        """Trials that there was no time to begin again, and why they have no score."""
        waiting, self.suggestions.waiting = self.suggestions.waiting, []
        stopped = Failure("interrupted", "stopped, and no time was left to begin again")
        ends: list[tuple[Job, Failure]] = []
        for number in waiting:
            attempts = self.attempts.of("search", number)
            failure = attempts[-1].failure if attempts else None
            ends.append((self._search_job(number), failure or stopped))
        return ends

    def take(self, result: TrialResult) -> None:
        """Takes in the end of a trial that counts, and of which the oracle was told."""
        cut_off = self.attempts.forget(result.phase, result.number)
        if result.phase == "confirm":
            self.runs.ended[result.number] = result
            return
        self.searched.take(result, cut_off)
        self.suggestions.close(result.number, best=self.searched.best is result)

    def discard(self, result: TrialResult) -> None:
        """Notes an attempt that does not count, and forgets what the trial was taken to be."""
        if result.phase == "confirm":
            self.runs.ended.pop(result.number, None)
        if result.failure is not None and result.failure.kind == "superseded":
            # What runs in its place has not been tried yet.
            self.attempts.forget(result.phase, result.number)
        if result.broken:
            self.attempts.cut_off(result)

    def drop_checkpoints(self) -> None:
        """Removes the checkpoints that nobody needs any more."""
        self.suggestions.drop_checkpoints(self.ended is not None)

    # --- how it stands ------------------------------------------------------------

    def best(self) -> TrialResult | None:
        """The search trial with the best validation score so far; the earlier of equals."""
        return self.searched.best

    def over(self) -> bool:
        """Whether nothing is left to do, and nothing will be."""
        return self.settled and self.at_rest()

    def at_rest(self) -> bool:
        """Whether all seeds that are decided have run, or there is nothing to confirm."""
        return is_done(
            ended=self.ended is not None,
            winners=int(self.best() is not None),
            confirmed=len(self.runs.ended),
            seeds=len(self.runs.seeds),
        )

    def superseded(self) -> list[TrialResult]:
        """Confirmation runs of what was the best configuration before the search went on."""
        best = self.best()
        return [] if self.ended is None or best is None else self.runs.of_others(best)

    def program(self) -> str | None:
        """What a confirmation run of the best trial so far has compiled; `None` without one."""
        best = self.best()
        if best is None:
            return None
        if best.number not in self._programs:
            self._programs = {best.number: self._confirm_job(best, 0, 0).program}
        return self._programs[best.number]

    def runs_left(self) -> int:
        """Confirmation runs that are still to end; none where there will be nothing to confirm."""
        if self.ended is not None and self.best() is None:
            return 0
        return len(self.runs.seeds) - len(self.runs.ended)

    def tried(self) -> bool:
        """Whether a search trial was begun."""
        return self.suggestions.count > 0
