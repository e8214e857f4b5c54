"""The jobs of a cell: its trials as workers get them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.driver.numbers import Numbers
from harness.search.ask_tell import Suggestion
from harness.sweep.pairs import Cell
from harness.sweep.question import CONTINUING, Budget, Sweep
from harness.trial import Job, Phase, TrialResult

_FAR_FROM_SEEDS = 1_000_000
"""Between the seed of a search and that of its trials, so that seeds may be added."""


@dataclass(frozen=True)
class Around:
    """What a trial finds when it begins.

    Args:
        attempts: at it, that were cut off.
        encoder: the model that its own is built around.
        seconds: that it may take, if there is a limit.
        flops: floating-point operations, likewise.
    """

    attempts: Sequence[TrialResult] = ()
    encoder: Path | None = None
    seconds: float | None = None
    flops: float | None = None


@dataclass(frozen=True)
class Jobs:
    """Makes the jobs of one of a cell's searches, and of the runs of its winner."""

    cell: Cell
    sweep: Sweep
    folder: Path
    numbers: Numbers

    @property
    def _budget(self) -> Budget:
        return self.sweep.budget_of(self.cell.task.name)

    def search(self, suggestion: Suggestion, around: Around) -> Job:
        """A trial of the search."""
        budget, continued = self._budget, self.sweep.tuner in CONTINUING
        number = self.numbers.in_cell(suggestion.number)
        seed = search_trial_seed(self.sweep, self.cell.task.name, self.numbers.search)
        parent = suggestion.parent
        return replace(
            self._job(suggestion, "search", number, seed, around),
            epochs=suggestion.epochs,
            initial_epoch=suggestion.initial_epoch,
            # Rungs are parts of one full run, also of its schedule.
            horizon=budget.epochs if continued else None,
            parent=None if parent is None else self.numbers.in_cell(parent),
            keep_checkpoint=continued and suggestion.epochs < budget.epochs,
            train_fraction=budget.train_fraction,
            # Once: a confirmation run would be refused for a busy moment of the machine.
            max_latency_ms=budget.max_latency_ms,
        )

    def confirm(self, suggestion: Suggestion, number: int, seed: int, around: Around) -> Job:
        """A confirmation run of what was suggested."""
        job = self._job(suggestion, "confirm", number, seed, around)
        return replace(job, epochs=self._budget.epochs_of_runs)

    def _job(
        self, suggestion: Suggestion, phase: Phase, number: int, seed: int, around: Around
    ) -> Job:
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
            epochs=self._budget.epochs,
            precision=self.sweep.precision,
            patience=self._budget.patience,
            max_parameters=self._budget.max_parameters,
            max_flops=self._budget.max_flops,
            seconds=around.seconds,
            flops=around.flops,
            alone=any(
                attempt.failure is not None and attempt.failure.kind == "device_memory"
                for attempt in around.attempts
            ),
            encoder=around.encoder,
        )


def search_trial_seed(sweep: Sweep, task: str, search: int = 0) -> int:
    """The seed that the trials of a search are trained with.

    A confirmation run with the seed of the search would repeat the very training that was
    picked for its luck on the validation split. It stays the same when seeds are added.
    """
    taken = {*sweep.seeds, *sweep.runs_of(task)}
    seeds = ((sweep.search_seed + n) % 2**32 for n in itertools.count(_FAR_FROM_SEEDS))
    return next(itertools.islice((seed for seed in seeds if seed not in taken), search, None))
