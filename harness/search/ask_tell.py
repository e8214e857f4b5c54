"""Ask and tell: oracles suggest configurations, the harness trains them.

What a search suggests depends on its seed, on the number of the suggestion and on what it
was told, and on nothing else, so that it is rebuilt by replaying the journal.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.search import oracles
from harness.search.oracle import MOST_DUPLICATES
from harness.search.tried import Tried
from harness.spec import HarnessError, HyperParameters, Objective
from harness.sweep.question import Tuner
from harness.system.json_values import jsonable
from harness.trial import Asked


@dataclass(frozen=True)
class Suggestion:
    """A configuration to try, and for how long."""

    number: int
    values: Mapping[str, Any]
    """Active hyperparameter values by name."""
    sampled: Any
    """What `sample` made of the values."""
    epochs: int
    """Epoch to train up to, counted from 1."""
    initial_epoch: int = 0
    """Epochs already trained by `parent`."""
    parent: int | None = None
    """Trial whose weights and optimizer state this one continues from."""


class Search:
    """The search of one cell: asks an oracle, tells it what came of the suggestions."""

    def __init__(
        self,
        sample: Callable[[HyperParameters], Any],
        objective: Objective,
        tuner: Tuner,
        *,
        trials: int,
        epochs: int,
        seed: int,
        first: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Explores the space by calling `sample`, which must return a hashable value.

        Args:
            sample: Turns hyperparameters into a configuration; called often.
            objective: Direction of the scores that will be told.
            tuner: Which oracle suggests.
            trials: Suggestions this search will be asked for; sizes the random phase of
                `bayesian`, it is not a limit.
            epochs: Most epochs of a trial.
            seed: Any integer; zero is a seed like the others.
            first: What to try after the defaults, each under what errors call it: values by name
                of hyperparameter, as by default where they have none.

        Raises:
            HarnessError: one of `first` has an unknown name, or a value that is not in its range.
        """
        self.ended: str | None = None
        """Why there will be no more suggestions, once there are none."""
        self._epochs = epochs
        self._oracle = oracles.make(
            tuner,
            sample,
            objective,
            trials=trials,
            epochs=epochs,
            seed=seed,
            first={key: dict(values) for key, values in (first or {}).items()},
        )
        self._count = 0
        """Suggestions so far."""
        self._open: dict[int, Tried] = {}
        """Trials of suggestions that were not told, by the numbers of these."""
        self._numbers: dict[str, int] = {}
        """Numbers of the suggestions that later ones may continue from, by their trials."""

    def ask(self) -> Suggestion | None:
        """The next suggestion, or `None` while (or because, see `ended`) there is none."""
        for _ in range(MOST_DUPLICATES):
            trial = self._oracle.begin_trial()
            if trial.status == "STOPPED":
                self.ended = (
                    f"the space is exhausted: {len(self._oracle.seen)} different configurations"
                )
                return None
            if trial.status == "IDLE":
                return None
            suggestion = self._suggestion(trial)
            new = suggestion.parent is not None or suggestion.sampled not in self._oracle.seen
            self._oracle.seen.add(suggestion.sampled)
            if new:
                self._open[suggestion.number] = trial
                if self._oracle.continues:
                    self._numbers[trial.trial_id] = suggestion.number
                self._count += 1
                return suggestion
            self._oracle.end_trial(trial, None)
        self.ended = f"the last {MOST_DUPLICATES} suggestions had all been tried before"
        return None

    def tell(self, number: int, score: float | None) -> None:
        """Reports the validation score of a suggestion, `None` when it has none."""
        known = score is not None and math.isfinite(score)
        self._oracle.end_trial(self._open.pop(number), score if known else None)

    def replay(self, asked: Asked) -> Suggestion:
        """Makes a recorded suggestion again, at its place in the history.

        Raises:
            HarnessError: the space or the oracle would suggest something else today.
        """
        self._oracle.recorded = dict(asked.values)
        suggestion = self.ask()
        self._oracle.recorded = None
        if suggestion is None or (
            (suggestion.number, jsonable(suggestion.values), suggestion.epochs, suggestion.parent)
            != (asked.number, dict(asked.values), asked.epochs, asked.parent)
        ):
            raise HarnessError(
                f"{asked.task} x {asked.space}: trial {asked.number} of the journal cannot be "
                "suggested again; the search space has changed since. Start anew with --fresh"
            )
        return suggestion

    def continuable(self) -> set[int]:
        """Numbers of the trials that a later suggestion may still continue from."""
        ids = self._oracle.continuable()
        return {self._numbers[i] for i in ids if i in self._numbers}

    def _suggestion(self, trial: Tried) -> Suggestion:
        values = dict(trial.values)
        parent_id = values.pop("tuner/trial_id", None)
        epochs = values.pop("tuner/epochs", self._epochs)
        initial_epoch = values.pop("tuner/initial_epoch", 0)
        values.pop("tuner/bracket", None)
        values.pop("tuner/round", None)
        return Suggestion(
            number=self._count,
            values=values,
            sampled=self._oracle.space.drawn(values).sampled,
            epochs=epochs,
            initial_epoch=initial_epoch,
            parent=self._numbers.get(parent_id),
        )
