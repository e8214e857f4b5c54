"""Plans one cell: what its search and its confirmation runs have done, and what they do next.

A plan is rebuilt from the journal and changes only by what the driver tells it, so that a
sweep that was killed carries on as if it had not been.
"""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import cause, contract
from harness.analysis.cells import best_trial, is_done
from harness.journal.folder import checkpoint_path
from harness.journal.record import SweepRecord
from harness.search.ask_tell import Search, Suggestion
from harness.search.training_space import sample_training
from harness.spec import HarnessError, Training
from harness.sweep import starts
from harness.sweep.pairs import NO_MODEL, Cell
from harness.sweep.question import CONTINUING, Budget, Sweep
from harness.system.json_values import jsonable
from harness.trial import Asked, Failure, Job, Phase, TrialResult

TrialName = tuple[Phase, int]
_FAR_FROM_SEEDS = 1_000_000
"""Between the seed of a search and that of its trials, so that seeds may be added."""


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
        self.folder = folder
        self.budget: Budget = sweep.budget_of(cell.task.name)
        self.search = search
        """Which of the searches of its cell this one is, from 0."""
        self.searches = sweep.searches_of(cell.task.name)
        """How many the cell has. Their trials take turns in the numbers of the cell; the oracle
        counts those of its own search."""
        self.seeds: dict[int, int] = {}
        """Seeds of its confirmation runs, by the numbers of these, as far as they are decided."""
        self.confirm_on(len(sweep.first_seeds_of(cell.task.name)))
        self.settled = not sweep.looks_of(cell.task.name)
        """Whether no more may be added."""
        self.ended: str | None = None
        """Why the search ended, once it has and none of its trials runs any more."""
        self.suggestions: dict[int, Suggestion] = {}
        self.results: dict[TrialName, TrialResult] = {}
        self.running: dict[TrialName, float] = {}
        """When each running trial was started, on the monotonic clock."""
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
        self.broken: dict[TrialName, list[TrialResult]] = {}
        """The attempts at a trial that its worker or the machine ended."""
        self._programs: dict[int, str] = {}
        """Names of what trials have compiled, by their numbers."""
        self._waiting: list[Suggestion] = []
        """Suggestions whose trial was begun and is to be begun again."""
        self._told: set[int] = set()
        """Suggestions whose outcome the oracle knows. One that failed and is tried again later
        stays a failure to it: what was suggested since rests on that."""
        self._search = Search(
            self._sample,
            cell.task.objective,
            sweep.tuner,
            trials=self.budget.trials,
            epochs=self.budget.epochs,
            seed=sweep.search_seed + search,
            first=starts.of_cell(sweep, *cell.key),
        )

    def _sample(self, hp: Any) -> tuple[Any, Training]:
        """The configuration that these hyperparameters stand for."""
        task, space = self.cell.task, self.cell.space
        try:
            sampled = space.sample(hp, task.kind)
        except HarnessError:
            raise
        except Exception as error:
            # A plugin can fail in any way; the person needs to know which one it was.
            raise HarnessError(contract.sample_fault(space, cause.reason(error))) from error
        fault = contract.configuration_fault(space, sampled)
        if fault is not None:
            raise HarnessError(fault)
        return sampled, sample_training(hp, task)

    def confirm_on(self, seeds: int) -> None:
        """Has its winner confirmed on the first so many seeds."""
        runs = self.sweep.runs_of(self.cell.task.name)[: seeds * self.searches]
        self.seeds = {number: seed for number, seed in enumerate(runs) if self._owns(number)}

    def restore(self, record: SweepRecord) -> None:
        """Takes over what an earlier run of the sweep did."""
        for entry in record.history:
            if (entry.task, entry.space) != self.cell.key or not self._owns(entry.number):
                continue
            if isinstance(entry, Asked):
                own = replace(
                    entry, number=self._local(entry.number), parent=self._local(entry.parent)
                )
                self.suggestions[entry.number] = self._search.replay(own)
            elif entry.phase == "search" and entry.number not in self.suggestions:
                raise HarnessError(
                    f"{entry.task} x {entry.space}: the journal says how trial {entry.number} "
                    "ended and not that it began; restore the missing line from a copy, or start "
                    "anew with --fresh"
                )
            elif entry.status == "interrupted":
                self._discard(entry)
            else:
                self._take(entry)
        done = {number for phase, number in self.results if phase == "search"}
        self._waiting = [s for number, s in self.suggestions.items() if number not in done]
        self.ended = record.ended_searches.get((*self.cell.key, self.search))
        self.apart = record.apart.get((*self.cell.key, self.search))
        self.confirm_on(len(record.seeds_of(*self.cell.key)))
        self.settled = record.is_settled(self.cell.task.name)
        self._drop_checkpoints()

    def reconsider(self) -> None:
        """Takes back that there was no model to start from, where there is one or may be yet."""
        before = self.pretraining
        if before is None or (before.over() and before.model() is None):
            return
        if self.ended is not None and self.ended.startswith(NO_MODEL):
            self.ended = None

    def next_search(self) -> Step | None:
        """The next search trial, or `None` while, or because, there is none."""
        if self.ended is not None or self._why_no_more() is not None:
            return None
        if self.pretraining is not None and not self.pretraining.over():
            return None
        if not self._may_search():
            return None
        if self._waiting:
            return Step(self._search_job(self._waiting.pop(0)))
        if len(self.suggestions) >= self.budget.trials:
            return None
        suggestion = self._search.ask()
        if suggestion is None:
            return None
        number = self._number(suggestion.number)
        self.suggestions[number] = suggestion
        self._drop_checkpoints()  # it may be the first of a new bracket
        asked = Asked(
            task=self.cell.task.name,
            space=self.cell.space.name,
            number=number,
            values=suggestion.values,
            epochs=suggestion.epochs,
            initial_epoch=suggestion.initial_epoch,
            parent=self._number(suggestion.parent),
        )
        return Step(self._search_job(suggestion), asked)

    def next_confirm(self) -> Step | None:
        """The next confirmation run of the best configuration."""
        best = self.best()
        if self.ended is None or best is None or self._out_of_time():
            return None
        for number, seed in self.seeds.items():
            name: TrialName = ("confirm", number)
            if name not in self.results and name not in self.running:
                return Step(self._confirm_job(self.suggestions[best.number], number, seed))
        return None

    def untried(self) -> list[tuple[int, int]]:
        """Number and seed of each confirmation run that no worker was given."""
        tried = {number for phase, number in (*self.results, *self.running, *self.broken)
                 if phase == "confirm"}  # fmt: skip
        return [(number, seed) for number, seed in self.seeds.items() if number not in tried]

    def start(self, job: Job) -> None:
        """Notes that a worker has been given a trial, and its members."""
        for one in job.each:
            self.running[one.phase, one.number] = time.monotonic()

    def set_apart(self, jobs: Iterable[Job], reason: str) -> None:
        """Notes that trials could not be one program: they are to be run one by one."""
        self.apart = reason
        for job in jobs:
            del self.running[job.phase, job.number]

    def finish(self, result: TrialResult) -> None:
        """Takes in the end of a trial and removes the checkpoints nobody needs any more."""
        self.running.pop((result.phase, result.number), None)
        if result.status == "interrupted":
            self._discard(result)
            if result.phase == "search" and result.broken:
                self._waiting.insert(0, self.suggestions[result.number])
            return
        self._take(result)
        self._drop_checkpoints()

    def deserves_another(self, result: TrialResult) -> bool:
        """Whether a trial failed by no fault of its own, and for the first time."""
        return result.broken and (result.phase, result.number) not in self.broken

    def end_search(self) -> str | None:
        """Ends the search if it is over now, and says why; `None` if it is not or was."""
        if self.ended is not None or any(phase == "search" for phase, _ in self.running):
            return None
        self.ended = self._why_no_more()
        self._drop_checkpoints()
        return self.ended

    def best(self) -> TrialResult | None:
        """The search trial with the best validation score so far; the earlier of equals."""
        return best_trial(self.searched(), self.cell.task.objective)

    def over(self) -> bool:
        """Whether nothing is left to do, and nothing will be."""
        return self.settled and self.at_rest()

    def at_rest(self) -> bool:
        """Whether all seeds that are decided have run, or there is nothing to confirm."""
        return is_done(
            ended=self.ended is not None,
            winners=int(self.best() is not None),
            confirmed=len(self.confirmed()),
            seeds=len(self.seeds),
        )

    def superseded(self) -> list[TrialResult]:
        """Confirmation runs of what was the best configuration before the search went on."""
        best = self.best()
        if self.ended is None or best is None:
            return []
        wanted = jsonable((best.config, best.training))
        return [r for r in self.confirmed() if jsonable((r.config, r.training)) != wanted]

    def model(self) -> Path | None:
        """The confirmed model with the best validation score; `None` if there is none."""
        saved = [result for result in self.confirmed() if result.model is not None]
        best = best_trial(saved, self.cell.task.objective)
        return None if best is None or best.model is None else Path(best.model)

    def program(self) -> str | None:
        """What a confirmation run of the best trial so far has compiled; `None` without one."""
        best = self.best()
        if best is None:
            return None
        if best.number not in self._programs:
            job = self._confirm_job(self.suggestions[best.number], 0, 0)
            self._programs[best.number] = job.program
        return self._programs[best.number]

    def worth_placing(self) -> bool:
        """Whether compiling takes more than a fifth of a confirmation run, so that where it runs
        is worth a turn."""
        costs = [trial.cost for trial in self.searched() if trial.cost.compiled is not False]
        compiling = max((c.build_seconds + c.first_step_seconds for c in costs), default=0.0)
        return compiling > self.confirm_seconds() / 5

    def confirm_seconds(self) -> float:
        """About how long a confirmation run takes, by what the best trial took; 0 if none has."""
        best = self.best()
        if best is None or not best.epochs:
            return 0.0
        epochs = self.budget.epochs_of_runs
        return best.cost.seconds / best.epochs * epochs / self.budget.train_fraction

    def run_seconds(self) -> float:
        """How long a confirmation run will take: longer than the best trial by as much as it has
        more epochs and data, and as early to end; 0 if no trial has a score."""
        best = self.best()
        if best is None or self.sweep.tuner in CONTINUING:
            return self.confirm_seconds()
        share = self.budget.epochs_of_runs / self.budget.epochs / self.budget.train_fraction
        return best.cost.seconds * share

    def runs_left(self) -> int:
        """Confirmation runs that are still to end; none where there will be nothing to confirm."""
        if self.ended is not None and self.best() is None:
            return 0
        return len(self.seeds) - len(self.confirmed())

    def tried(self) -> bool:
        """Whether a search trial was begun."""
        return bool(self.suggestions)

    def usual(self, otherwise: float) -> float:
        """How long a search trial takes on average; the other value if none has ended."""
        known = [result.cost.seconds for result in self.searched()]
        return sum(known) / len(known) if known else otherwise

    def search_seconds(self) -> float:
        """What its search has taken, trials that run included."""
        now = time.monotonic()
        running = (now - began for (phase, _), began in self.running.items() if phase == "search")
        return sum(attempt.cost.seconds for attempt in self._attempts()) + sum(running)

    def search_seconds_to_come(self, otherwise: float) -> float:
        """What search trials that run will still take, if they take as long as others of the cell;
        as long as the other value where none has ended."""
        usual, now = self.usual(otherwise), time.monotonic()
        running = (now - began for (phase, _), began in self.running.items() if phase == "search")
        return sum(max(0.0, usual - seconds) for seconds in running)

    def _out_of_time(self) -> bool:
        """Whether no further confirmation run may begin; there is always time for a first."""
        begun = any(phase == "confirm" for phase, _ in (*self.results, *self.running))
        return begun and not self.may_run_more

    def searched(self) -> list[TrialResult]:
        """The finished search trials."""
        return [r for (phase, _), r in self.results.items() if phase == "search"]

    def confirmed(self) -> list[TrialResult]:
        """The finished confirmation runs."""
        return [r for (phase, _), r in self.results.items() if phase == "confirm"]

    def seconds_left(self) -> float | None:
        """Search time this cell may still spend; `None` without such a budget."""
        if self.budget.seconds is None:
            return None
        return self.budget.seconds - self.search_seconds()

    def flops_left(self) -> float | None:
        """Operations that the search may still spend; `None` without such a budget."""
        if self.budget.flops is None:
            return None
        return self.budget.flops - sum(attempt.cost.flops or 0.0 for attempt in self._attempts())

    def _attempts(self) -> list[TrialResult]:
        """The ends of search trials, those included that do not count."""
        attempts = self.searched()
        for (phase, _), broken in self.broken.items():
            attempts += broken if phase == "search" else []
        return attempts

    def abandoned(self) -> list[tuple[Job, Failure]]:
        """Trials that there was no time to begin again, and why they have no score."""
        waiting, self._waiting = self._waiting, []
        stopped = Failure("interrupted", "stopped, and no time was left to begin again")
        ends: list[tuple[Job, Failure]] = []
        for suggestion in waiting:
            attempts = self.broken.get(("search", self._number(suggestion.number)))
            failure = attempts[-1].failure if attempts else None
            ends.append((self._search_job(suggestion), failure or stopped))
        return ends

    def _owns(self, number: int) -> bool:
        """Whether a trial of the cell is one of this search."""
        return number % self.searches == self.search

    def _number(self, local: int | None) -> Any:
        """The number in its cell of a trial that the oracle knows by another one."""
        return None if local is None else local * self.searches + self.search

    def _local(self, number: int | None) -> Any:
        """And back."""
        return None if number is None else number // self.searches

    def _may_search(self) -> bool:
        """Whether a trial may start now, by what is left of seconds and operations.

        A cell's time is one clock: its trials then run one after the other, while other
        cells use the other workers. Side by side they would spend it several times over.
        """
        if not self.may_try_more:
            return False
        left = [x for x in (self.seconds_left(), self.flops_left()) if x is not None]
        searching = any(phase == "search" for phase, _ in self.running)
        return not left or not (searching or min(left) <= 0)

    def _drop_checkpoints(self) -> None:
        """Removes those that no later trial can continue from."""
        if self.sweep.tuner in CONTINUING:
            kept = map(self._number, self._search.continuable() if self.ended is None else ())
            for number in self.suggestions.keys() - {*kept}:
                self._checkpoint(number).unlink(missing_ok=True)

    def _take(self, result: TrialResult) -> None:
        if result.phase == "search" and result.number not in self._told:
            self._told.add(result.number)
            score = result.score if result.status == "completed" else None
            self._search.tell(self._local(result.number), score)
        self.results[result.phase, result.number] = result

    def _discard(self, result: TrialResult) -> None:
        """Notes an attempt that does not count, and forgets what the trial was taken to be."""
        name: TrialName = (result.phase, result.number)
        self.results.pop(name, None)
        if result.failure is not None and result.failure.kind == "superseded":
            self.broken.pop(name, None)  # what runs in its place has not been tried yet
        if result.broken:
            self.broken.setdefault(name, []).append(result)

    def _why_no_more(self) -> str | None:
        """Why no further search trial may start."""
        before = self.pretraining
        if before is not None and before.over() and before.model() is None:
            task, space = before.cell.key
            return f"{NO_MODEL}: {task} x {space} has no confirmed result"
        left = self.seconds_left()
        if left is not None and left <= 0:
            return f"its {self.budget.seconds:g} seconds are spent"
        left = self.flops_left()
        if left is not None and left <= 0:
            return f"its {self.budget.flops:g} floating-point operations are spent"
        if not self.may_try_more:
            return f"its share of {self.sweep.minutes:g} minutes is spent"
        if self._waiting:
            return None
        if len(self.suggestions) >= self.budget.trials:
            return f"all {self.budget.trials} trials are done"
        return self._search.ended

    def _checkpoint(self, number: int) -> Path:
        return checkpoint_path(self.folder, *self.cell.key, number)

    def _search_job(self, suggestion: Suggestion) -> Job:
        continued = self.sweep.tuner in CONTINUING
        number = self._number(suggestion.number)
        seed = search_trial_seed(self.sweep, self.cell.task.name, self.search)
        job = self._job(suggestion, "search", number, seed)
        return replace(
            job,
            epochs=suggestion.epochs,
            initial_epoch=suggestion.initial_epoch,
            # Rungs are parts of one full run, also of its schedule.
            horizon=self.budget.epochs if continued else None,
            parent=self._number(suggestion.parent),
            keep_checkpoint=continued and suggestion.epochs < self.budget.epochs,
            train_fraction=self.budget.train_fraction,
            # Once: a confirmation run would be refused for a busy moment of the machine.
            max_latency_ms=self.budget.max_latency_ms,
            seconds=_least(_at_least_0(self.seconds_left()), self.longest),
            flops=_at_least_0(self.flops_left()),
        )

    def _confirm_job(self, suggestion: Suggestion, number: int, seed: int) -> Job:
        job = self._job(suggestion, "confirm", number, seed)
        return replace(job, epochs=self.budget.epochs_of_runs, seconds=self.longest)

    def _job(self, suggestion: Suggestion, phase: Phase, number: int, seed: int) -> Job:
        config, training = suggestion.sampled
        return Job(
            sweep=self.sweep.name,
            task=self.cell.task.name,
            space=self.cell.space.name,
            phase=phase,
            number=number,
            seed=seed,
            config=config,
            training=training,
            folder=self.folder,
            epochs=self.budget.epochs,
            precision=self.sweep.precision,
            patience=self.budget.patience,
            max_parameters=self.budget.max_parameters,
            max_flops=self.budget.max_flops,
            alone=any(
                attempt.failure is not None and attempt.failure.kind == "device_memory"
                for attempt in self.broken.get((phase, number), ())
            ),
            encoder=self.pretraining.model() if self.pretraining is not None else None,
        )


def _least(first: float | None, second: float | None) -> float | None:
    """The smaller of two limits, where there are any."""
    return min((limit for limit in (first, second) if limit is not None), default=None)


def _at_least_0(left: float | None) -> float | None:
    return None if left is None else max(0.0, left)


def search_trial_seed(sweep: Sweep, task: str, search: int = 0) -> int:
    """The seed that the trials of a search are trained with.

    A confirmation run with the seed of the search would repeat the very training that was
    picked for its luck on the validation split. It stays the same when seeds are added.
    """
    taken = {*sweep.seeds, *sweep.runs_of(task)}
    seeds = ((sweep.search_seed + n) % 2**32 for n in itertools.count(_FAR_FROM_SEEDS))
    return next(itertools.islice((seed for seed in seeds if seed not in taken), search, None))
