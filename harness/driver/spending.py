"""What a cell has spent, has left, and will take."""

from harness.driver.attempts import Attempts
from harness.driver.searched import Searched
from harness.sweep.question import Budget
from harness.trial import flops_spent, seconds_spent


class Spending:
    """Times and operations of a cell.

    Args:
        budget: of its search.
        searched: the trials that are over.
        attempts: those that are not.
        continuing: whether its trials go on from each other.
    """

    def __init__(
        self, budget: Budget, searched: Searched, attempts: Attempts, continuing: bool
    ) -> None:
        self.budget = budget
        self._searched = searched
        self._attempts = attempts
        self._continuing = continuing

    def worth_placing(self) -> bool:
        """Whether compiling takes more than a fifth of a confirmation run, so that where it runs
        is worth a turn."""
        return self._searched.compiling > self.confirm_seconds() / 5

    def confirm_seconds(self) -> float:
        """About how long a confirmation run takes, by what the best trial took; 0 if none has."""
        best = self._searched.best
        if best is None or not best.epochs:
            return 0.0
        epochs = self.budget.epochs_of_runs
        return best.cost.seconds / best.epochs * epochs / self.budget.train_fraction

    def run_seconds(self) -> float:
        """How long a confirmation run will take: longer than the best trial by as much as it has
        more epochs and data, and as early to end; 0 if no trial has a score."""
        best = self._searched.best
        if best is None or self._continuing:
            return self.confirm_seconds()
        share = self.budget.epochs_of_runs / self.budget.epochs / self.budget.train_fraction
        return best.cost.seconds * share

    def search_seconds(self) -> float:
        """What its search has taken, trials that run included."""
        cut_off = sum(map(seconds_spent, self._attempts.cut_off_searching()))
        return self._searched.spent_seconds + cut_off + sum(self._attempts.seconds_of_searching())

    def search_seconds_to_come(self, otherwise: float) -> float:
        """What search trials that run will still take, if they take as long as others of the cell;
        as long as the other value where none has ended."""
        usual = self._searched.usual(otherwise)
        return sum(max(0.0, usual - seconds) for seconds in self._attempts.seconds_of_searching())

    def seconds_left(self) -> float | None:
        """Search time this cell may still spend; `None` without such a budget."""
        if self.budget.seconds is None:
            return None
        return self.budget.seconds - self.search_seconds()

    def flops_left(self) -> float | None:
        """Operations that the search may still spend; `None` without such a budget."""
        if self.budget.flops is None:
            return None
        cut_off = sum(map(flops_spent, self._attempts.cut_off_searching()))
        return self.budget.flops - self._searched.spent_flops - cut_off

    def all_spent(self) -> str | None:
        """Which budget of the search is spent, if one is."""
        seconds, flops = self.seconds_left(), self.flops_left()
        if seconds is not None and seconds <= 0:
            return f"its {self.budget.seconds:g} seconds are spent"
        if flops is not None and flops <= 0:
            return f"its {self.budget.flops:g} floating-point operations are spent"
        return None
