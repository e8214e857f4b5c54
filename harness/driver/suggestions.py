"""What the oracle of a search has suggested, as far as trials of it are not over."""

from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import cause, contract
from harness.driver.numbers import Numbers
from harness.journal.folder import checkpoint_path
from harness.search.ask_tell import Search, Suggestion
from harness.search.training_space import sample_training
from harness.spec import HarnessError, Training
from harness.sweep import starts
from harness.sweep.pairs import Cell
from harness.sweep.question import CONTINUING, Sweep
from harness.trial import Asked, TrialResult


class Suggestions:
    """The oracle of one of a cell's searches, what it waits for, and what it may go on from.

    Numbers are those within the cell. Of a trial that is over nothing is kept, but the suggestion
    behind the best one.
    """

    def __init__(self, cell: Cell, sweep: Sweep, folder: Path, numbers: Numbers) -> None:
        self._cell = cell
        self._folder = folder
        self._numbers = numbers
        self._continuing = sweep.tuner in CONTINUING
        self.count = 0
        """How many there were."""
        self.waiting: list[int] = []
        """Numbers of those whose trial was begun and is to be begun again, in that order."""
        self._open: dict[int, Suggestion] = {}
        self._best: tuple[int, Suggestion] | None = None
        self._told: set[int] = set()
        """Those that are open and whose outcome the oracle knows. One that failed and is tried
        again later stays a failure to it: what was suggested since rests on that."""
        self._files: set[int] = set()
        """Those whose checkpoint may be there."""
        budget = sweep.budget_of(cell.task.name)
        self._search = Search(
            self._sample,
            cell.task.objective,
            sweep.tuner,
            trials=budget.trials,
            epochs=budget.epochs,
            seed=sweep.search_seed + numbers.search,
            first=starts.of_cell(sweep, *cell.key),
        )

    @property
    def exhausted(self) -> str | None:
        """Why there will be no more, once there are none."""
        return self._search.ended

    def ask(self) -> int | None:
        """The number of the next one; `None` while, or because, there is none."""
        suggestion = self._search.ask()
        return None if suggestion is None else self._add(suggestion)

    def asked(self, number: int) -> Asked:
        """The record of one that is open."""
        suggestion = self._open[number]
        parent = suggestion.parent
        return Asked(
            task=self._cell.task.name,
            space=self._cell.space.name,
            number=number,
            values=suggestion.values,
            epochs=suggestion.epochs,
            initial_epoch=suggestion.initial_epoch,
            parent=None if parent is None else self._numbers.in_cell(parent),
        )

    def replay(self, asked: Asked) -> None:
        """Takes over one that was made before, and whose trial may not be over."""
        parent = None if asked.parent is None else self._numbers.own(asked.parent)
        own = replace(asked, number=self._numbers.own(asked.number), parent=parent)
        self._add(self._search.replay(own))

    def knows(self, number: int) -> bool:
        """Whether a trial was suggested and is not over, or is the best."""
        return number in self._open or (self._best is not None and self._best[0] == number)

    def of(self, number: int) -> Suggestion:
        """The one behind a trial that is not over, or behind the best one."""
        if self._best is not None and self._best[0] == number:
            return self._best[1]
        return self._open[number]

    def tell(self, result: TrialResult) -> None:
        """Tells the oracle how a trial ended, once."""
        if result.number not in self._told:
            self._told.add(result.number)
            score = result.score if result.status == "completed" else None
            self._search.tell(self._numbers.own(result.number), score)

    def close(self, number: int, best: bool) -> None:
        """Notes that a trial is over, and whether it is the best one now."""
        suggestion = self._open.pop(number)
        self._told.discard(number)
        if best:
            self._best = number, suggestion

    def carry_on(self) -> None:
        """Has what is open wait to be begun again."""
        self.waiting = [*self._open]

    def continuable(self) -> set[int]:
        """Numbers of the trials that a later one may still continue from."""
        return {self._numbers.in_cell(own) for own in self._search.continuable()}

    def drop_checkpoints(self, ended: bool) -> None:
        """Removes those that no later trial can continue from; none can once the search has
        ended."""
        if not self._continuing:
            return
        kept: Set[int] = set() if ended else self.continuable()
        for number in self._files - kept:
            checkpoint_path(self._folder, *self._cell.key, number).unlink(missing_ok=True)
            if number not in self._open:  # nothing writes it any more
                self._files.remove(number)

    def _add(self, suggestion: Suggestion) -> int:
        number = self._numbers.in_cell(suggestion.number)
        self.count += 1
        self._open[number] = suggestion
        if self._continuing:
            self._files.add(number)
        return number

    def _sample(self, hp: Any) -> tuple[Any, Training]:
        """The configuration that these hyperparameters stand for."""
        task, space = self._cell.task, self._cell.space
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
