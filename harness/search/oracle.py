"""What all tuners are made of: a KerasTuner oracle that suggests and does nothing else.

KerasTuner is used for its search spaces and its suggestions. Records, resuming and isolation are
the journal's and the engine's, so its own files are switched off. Every suggestion is seeded by
its number, so that an oracle is rebuilt by replaying a journal without restoring any state of a
random generator.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from harness.search.levels import expected
from harness.search.space import Space, Values
from harness.spec import HarnessError
from harness.system.text import quoted

MOST_DUPLICATES = 200
"""Suggestions in a row that were tried before, after which a space counts as exhausted."""


class Oracle:
    """What all oracles of the harness share; stands before a KerasTuner oracle."""

    objective: Any
    ongoing_trials: Any
    search_seed: int
    space: Space
    recorded: Values | None = None
    """The values of the next suggestion, while a journal is replayed."""
    trials: dict[str, Any]
    get_space: Callable[[], Any]

    def __init__(self, **options: Any) -> None:
        self.seen: set[Any] = set()
        """Configurations suggested so far."""
        self.starts: list[Values] = []
        """Values to begin with that were not suggested yet."""
        super().__init__(**options)
        self._max_collisions = MOST_DUPLICATES

    def populate_space(self, trial_id: str) -> Values:
        self._seed_state = self._seed("values")
        response: Values = self._suggest(trial_id)
        if response.get("values"):
            response["values"] = self._used(response["values"])
        return response

    def begin_with(self, first: Mapping[str, Values]) -> None:
        """The defaults come first, what the person who wrote the space would try, then others.

        Args:
            first: values by name, of each under what errors call it; what they lack is as by
                default.

        Raises:
            HarnessError: a name is unknown or not active, or a value not in its range.
        """
        self.starts = [self.space.drawn({}).used]
        for key, values in first.items():
            used = self.space.drawn(values).used
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

        used = self.space.drawn(values, choose).used
        return {**used, **{k: v for k, v in values.items() if k.startswith("tuner/")}}

    def continuable(self) -> set[str]:
        """Trials that a later suggestion may continue from."""
        return set()

    def _suggest(self, trial_id: str) -> Values:
        response: Values = super().populate_space(trial_id)  # type: ignore[misc]
        return response

    def _seed(self, use: str) -> int:
        """A seed for the next suggestion, the same whenever it is made again."""
        text = f"{self.search_seed}/{len(self.trials)}/{use}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")

    def _random_values(self) -> Values | None:
        """What to begin with first, then values at random; `None` where all were tried."""
        while self.starts:
            values: Values | None = self.starts.pop(0)
            if values is not None and not self._duplicate(values):
                return values
        values = super()._random_values()  # type: ignore[misc]
        return values

    def _duplicate(self, values: Values) -> bool:
        """Two sets of values are the same when they give the same configuration."""
        return self.space.drawn(values).sampled in self.seen

    def _record_values(self, trial: Any) -> None:
        """Adds nothing: KerasTuner would give values at random, of no seed, to what was not asked
        for. What was tried is told by the configurations."""

    def save(self) -> None:
        """Writes nothing: the journal is the record."""

    def _save_trial(self, trial: Any) -> None:
        """Writes nothing: the journal is the record."""
