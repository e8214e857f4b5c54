"""What all tuners are made of: a KerasTuner oracle that suggests and does nothing else.

KerasTuner is used for its search spaces and its suggestions. Records, resuming and isolation are
the journal's and the engine's, so its own records of trials and its files are not used: they hold
a copy of the space a trial, and look at all trials at each end of one. Every suggestion is seeded
by its number, so that an oracle is rebuilt by replaying a journal without restoring any state of a
random generator.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from harness.search.levels import expected
from harness.search.space import Space, Values
from harness.search.tried import Seen, Tried, active
from harness.spec import HarnessError
from harness.system.text import quoted

MOST_DUPLICATES = 200
"""Suggestions in a row that were tried before, after which a space counts as exhausted."""


class Oracle:
    """What all oracles of the harness share; stands before a KerasTuner oracle."""

    objective: Any
    ongoing_trials: dict[str, Tried]
    search_seed: int
    space: Space
    recorded: Values | None = None
    """The values of the next suggestion, while a journal is replayed."""
    trials: dict[str, Tried]
    """What the next suggestion may depend on."""
    remembers = True
    """Whether it depends on trials that have ended."""

    continues = False
    """Whether trials may go on from others."""

    def __init__(self, **options: Any) -> None:
        self.begun = 0
        """Trials so far."""
        self.seen = Seen()
        """Configurations suggested so far."""
        self.starts: list[Values] = []
        """Values to begin with that were not suggested yet."""
        super().__init__(**options)

    def begin_trial(self) -> Tried:
        """The next trial, which runs from now on, unless its status says that there is none."""
        trial_id = f"{self.begun:04d}"
        self._seed_state = self._seed("values")
        response = self._suggest(trial_id)
        values = self._used(response["values"]) if response.get("values") else {}
        trial = Tried(trial_id, values, response["status"])
        if trial.status == "RUNNING":
            self.begun += 1
            self.trials[trial_id] = self.ongoing_trials[trial_id] = trial
        return trial

    def end_trial(self, trial: Tried, score: float | None) -> None:
        """Takes in the score of a trial; `None` if it has none."""
        trial.status, trial.score = "FAILED" if score is None else "COMPLETED", score
        del self.ongoing_trials[trial.trial_id]
        if not self.remembers:
            del self.trials[trial.trial_id]

    def begin_with(self, first: Mapping[str, Values]) -> None:
        """The defaults come first, what the person who wrote the space would try, then others.

        Args:
            first: values by name, of each under what errors call it; what they lack is as by
                default.

        Raises:
            HarnessError: a name is unknown or not active, or a value not in its range.
        """
        self.starts = [dict(self.space.drawn({}).used)]
        for key, values in first.items():
            used = dict(self.space.drawn(values).used)
            for name, value in values.items():
                self._check(key, name, value, used)
            self.starts.append(used)

    def _check(self, key: str, name: str, value: Any, used: Values) -> None:
        """Refuses a value that cannot be tried, where other values have led to what is used."""
        parameters = {parameter.name: parameter for parameter in self.space.known.space}
        if name not in parameters:
            known = ", ".join(parameters)
            raise HarnessError(
                f"{key}: unknown hyperparameter {quoted(repr(name))}; known: {known}"
            )
        wanted = expected(parameters[name], value)
        if name not in used:
            wanted = "none, as it is not active beside the others"
        if wanted is not None:
            shown = quoted(repr(value))
            raise HarnessError(f"{key}.{quoted(name)} = {shown}: expected {wanted}")

    def _used(self, values: Values) -> Values:
        """The values that the configuration is made of, and those of the oracle's own.

        Where a value has led to a hyperparameter that nobody has met before, it is drawn now.
        """

        def choose(parameter: Any) -> Any:
            self._seed_state += 1
            return parameter.random_sample(self._seed_state)

        own = {k: v for k, v in values.items() if k.startswith("tuner/")}
        plain = {k: v for k, v in values.items() if k not in own}
        return {**self.space.drawn(plain, choose).used, **own}

    def continuable(self) -> set[str]:
        """Trials that a later suggestion may continue from."""
        return set()

    def _suggest(self, trial_id: str) -> Values:
        response: Values = super().populate_space(trial_id)  # type: ignore[misc]
        return response

    def _seed(self, use: str) -> int:
        """A seed for the next suggestion, the same whenever it is made again."""
        text = f"{self.search_seed}/{self.begun}/{use}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")

    def _random_values(self) -> Values | None:
        """What to begin with first, then values at random; `None` where all were tried."""
        while self.starts:
            values: Values | None = self.starts.pop(0)
            if values is not None and not self._duplicate(values):
                return values
        for _ in range(MOST_DUPLICATES + 1):
            values = {}
            for parameter in self.space.known.space:
                if active(parameter, values):
                    values[parameter.name] = parameter.random_sample(self._seed_state)
                    self._seed_state += 1
            if not self._duplicate(values):
                return values
        return None

    def _duplicate(self, values: Values) -> bool:
        """Two sets of values are the same when they give the same configuration."""
        return self.space.drawn(values).sampled in self.seen
