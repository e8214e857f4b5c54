"""KerasTuner's oracles, made to suggest and nothing else: the only file that imports it.

KerasTuner is used for its search spaces and its suggestions. Records, resuming and
isolation are the journal's and the engine's, so its own files are switched off. Every
suggestion is seeded by its number, so that an oracle is rebuilt by replaying a journal
without restoring any state of a random generator.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import threadpoolctl  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning

from harness.search.grid import grid
from harness.search.space import Sample, Space, Values, keras_tuner
from harness.spec import Objective
from harness.sweep.question import Tuner

SCORE = "score"
"""Name under which scores are told."""
MOST_DUPLICATES = 200
"""Suggestions in a row that were tried before, after which a space counts as exhausted."""
MOST_OBSERVATIONS = 100
"""Trials a Gaussian process is fitted to. Fitting is cubic in their number: 0.3 to 1.3 s at
100 to 200 trials of 8 hyperparameters, 17 s at 1,000."""


def make(
    tuner: Tuner, sample: Sample, objective: Objective, *, trials: int, epochs: int, seed: int
) -> Any:
    """An oracle over the space that `sample` draws from."""
    space = Space(sample)
    options: dict[str, Any] = {
        "objective": keras_tuner.Objective(SCORE, objective.direction),
        "hyperparameters": space.known,
        "max_consecutive_failed_trials": None,
    }
    oracle: Any
    match tuner:
        case "random":
            oracle = _Random(max_trials=None, **options)
        case "grid":
            oracle = _Grid(max_trials=None, **options)
        case "bayesian":
            # KerasTuner's default, three a dimension, would use up a small budget.
            points = min(3 * len(space.known.space), max(3, trials // 3))
            oracle = _Bayesian(max_trials=None, num_initial_points=points, **options)
        case "hyperband":
            oracle = _Hyperband(max_epochs=epochs, hyperband_iterations=0, **options)
    oracle.verbose = 0
    oracle.search_seed = seed
    oracle.space = space
    return oracle


class _Oracle:
    """What all oracles of the harness share; stands before a KerasTuner oracle."""

    search_seed: int
    space: Space
    recorded: Values | None = None
    """The values of the next suggestion, while a journal is replayed."""
    trials: dict[str, Any]
    get_space: Callable[[], Any]

    def __init__(self, **options: Any) -> None:
        self.seen: set[Any] = set()
        """Configurations suggested so far."""
        super().__init__(**options)
        self._max_collisions = MOST_DUPLICATES

    def populate_space(self, trial_id: str) -> Values:
        self._seed_state = self._seed("values")
        response: Values = self._suggest(trial_id)
        if response.get("values"):
            response["values"] = self._used(response["values"])
        return response

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
        """The defaults first: what the person who wrote the space would try."""
        if not self.trials:
            return self.space.drawn({}).used
        values: Values | None = super()._random_values()  # type: ignore[misc]
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


class _Random(_Oracle, keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Random search."""


class _Grid(_Oracle, keras_tuner.Oracle):  # type: ignore[misc]
    """Every configuration once, the default one first. KerasTuner's own grid takes a space for
    exhausted when its first branch is, and changes the training before the architecture."""

    _left: Iterator[Values] | None = None

    def _suggest(self, trial_id: str) -> Values:
        if self._left is None:
            self._left = grid(self.space)
        values = next(self._left, None)
        return {"status": "RUNNING" if values else "STOPPED", "values": values}


class _Bayesian(_Oracle, keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """Gaussian process with upper confidence bound, over a bounded number of trials."""

    def _suggest(self, trial_id: str) -> Values:
        completed = sum(trial.status == "COMPLETED" for trial in self.trials.values())
        if self.recorded is not None and completed >= self.num_initial_points:
            # Fitting again would only cost time. Whether the space is what it was is told by the
            # suggestions at random that come before.
            return {"status": "RUNNING", "values": dict(self.recorded)}
        seed = self._seed("gaussian process")
        self._random_state = np.random.RandomState(seed)
        self.gpr.random_state = seed
        # The matrices are small: threads would fight the workers for cores (5 times the time).
        with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            response = super()._suggest(trial_id)
        if response["values"] is not None and self._duplicate(response["values"]):
            response = self._random_populate_space()
        return response

    def _vectorize_trials(self) -> Any:
        """Shows the Gaussian process the best and the latest trials when there are many."""
        every = self.trials
        self.trials = self._observed(every)
        try:
            return super()._vectorize_trials()
        finally:
            self.trials = every

    def _observed(self, every: dict[str, Any]) -> dict[str, Any]:
        completed = [trial for trial in every.values() if trial.status == "COMPLETED"]
        if len(completed) <= MOST_OBSERVATIONS:
            return every
        sign = -1 if self.objective.direction == "max" else 1
        completed.sort(key=lambda trial: sign * trial.score)
        kept = {trial.trial_id for trial in completed[: MOST_OBSERVATIONS // 2]}
        rest = sorted(completed[len(kept) :], key=lambda trial: int(trial.trial_id))
        kept.update(trial.trial_id for trial in rest[-(MOST_OBSERVATIONS - len(kept)) :])
        kept.update(trial.trial_id for trial in self.ongoing_trials.values())
        return {trial_id: trial for trial_id, trial in every.items() if trial_id in kept}


class _Hyperband(_Oracle, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]
    """Hyperband (Li et al. 2018, JMLR 18) whose rungs survive failures.

    A rung closes when all its trials have ended, whatever became of them; the best of it
    fill the next rung, and where one of those fails the next best takes its place.
    KerasTuner waits for a number of *completed* trials instead, so that one failure can
    cost a bracket its final run.
    """

    _brackets: list[Values]
    _exhausted = False

    def _suggest(self, trial_id: str) -> Values:
        self._brackets = [b for b in self._brackets if not self._closed(b, len(b["rounds"]) - 1)]
        for bracket in self._brackets:
            values = self._draw(bracket, trial_id) or self._promote(bracket, trial_id)
            if values:
                return {"status": "RUNNING", "values": values}
        if self._exhausted:
            return {"status": "IDLE" if self.ongoing_trials else "STOPPED"}
        self._increment_bracket_num()
        self._start_new_bracket()
        return self._suggest(trial_id)

    def continuable(self) -> set[str]:
        ids: set[str] = set()
        for bracket in self._brackets:
            for rung in bracket["rounds"][:-1]:
                ids.update(entry["id"] for entry in rung)
        return ids

    def _draw(self, bracket: Values, trial_id: str) -> Values | None:
        """A new configuration for the first rung, unless that is full."""
        if self._full(bracket):
            return None
        values = self._random_values()
        if values is None:
            self._exhausted = True
            return None
        return self._place(bracket, 0, trial_id, None, values)

    def _promote(self, bracket: Values, trial_id: str) -> Values | None:
        """The best trial of a closed rung that has room above it."""
        for rung in range(1, len(bracket["rounds"])):
            room = self._get_size(bracket["bracket_num"], rung) > len(self._alive(bracket, rung))
            candidates = self._candidates(bracket, rung)
            if room and candidates and self._closed(bracket, rung - 1):
                sign = -1 if self.objective.direction == "max" else 1
                best = min(candidates, key=lambda trial: sign * trial.score)
                values = dict(best.hyperparameters.values)
                return self._place(bracket, rung, trial_id, best.trial_id, values)
        return None

    def _place(
        self, bracket: Values, rung: int, trial_id: str, past_id: str | None, values: Values
    ) -> Values:
        number = bracket["bracket_num"]
        bracket["rounds"][rung].append({"past_id": past_id, "id": trial_id})
        values["tuner/epochs"] = self._get_epochs(number, rung)
        values["tuner/initial_epoch"] = self._get_epochs(number, rung - 1) if rung else 0
        if past_id is not None:
            values["tuner/trial_id"] = past_id
        return values

    def _full(self, bracket: Values) -> bool:
        size = self._get_size(bracket["bracket_num"], 0)
        return self._exhausted or len(bracket["rounds"][0]) >= size

    def _closed(self, bracket: Values, rung: int) -> bool:
        """Whether nothing runs in a rung and nothing more can come into it."""
        if any(self.trials[e["id"]].status == "RUNNING" for e in bracket["rounds"][rung]):
            return False
        if rung == 0:
            return self._full(bracket)
        size = self._get_size(bracket["bracket_num"], rung)
        filled = len(self._alive(bracket, rung)) >= size or not self._candidates(bracket, rung)
        return filled and self._closed(bracket, rung - 1)

    def _alive(self, bracket: Values, rung: int) -> list[Any]:
        trials = [self.trials[entry["id"]] for entry in bracket["rounds"][rung]]
        return [trial for trial in trials if trial.status in ("RUNNING", "COMPLETED")]

    def _candidates(self, bracket: Values, rung: int) -> list[Any]:
        """Completed trials of the rung below that were not promoted yet."""
        promoted = {entry["past_id"] for entry in bracket["rounds"][rung]}
        trials = [self.trials[entry["id"]] for entry in bracket["rounds"][rung - 1]]
        return [t for t in trials if t.status == "COMPLETED" and t.trial_id not in promoted]
