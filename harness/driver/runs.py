"""Confirmation runs of the winner of a search."""

from pathlib import Path

from harness.analysis.cells import best_trial
from harness.driver.attempts import Attempts
from harness.spec import Objective
from harness.system.json_values import jsonable
from harness.trial import TrialResult


class Runs:
    """The seeds that a winner is confirmed on, and what came of them."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.seeds: dict[int, int] = {}
        """By the numbers of the runs, as far as they are decided."""
        self.ended: dict[int, TrialResult] = {}
        """Those that are over, by their numbers."""

    def begun(self, attempts: Attempts) -> bool:
        """Whether one has ended or runs."""
        return bool(self.ended) or bool(attempts.count("confirm"))

    def next(self, attempts: Attempts) -> tuple[int, int] | None:
        """Number and seed of the first that has not ended and does not run."""
        for number, seed in self.seeds.items():
            if number not in self.ended and ("confirm", number) not in attempts.running:
                return number, seed
        return None

    def untried(self, attempts: Attempts) -> list[tuple[int, int]]:
        """Number and seed of each that no worker was given."""
        begun = attempts.begun()
        return [
            (number, seed)
            for number, seed in self.seeds.items()
            if number not in self.ended and ("confirm", number) not in begun
        ]

    def of_others(self, winner: TrialResult) -> list[TrialResult]:
        """Runs of what was the best configuration before the search went on."""
        wanted = jsonable((winner.config, winner.training))
        return [r for r in self.ended.values() if jsonable((r.config, r.training)) != wanted]

    def model(self) -> Path | None:
        """The model with the best validation score; `None` if there is none."""
        saved = [result for result in self.ended.values() if result.model is not None]
        best = best_trial(saved, self._objective)
        return None if best is None or best.model is None else Path(best.model)
