"""Bayesian optimisation: a Gaussian process over the trials so far, with a bounded search of its
confidence bound.

KerasTuner starts 50 descents with numerical gradients, each step of which predicts one point at a
time: 0.2 to 10 s a suggestion on the spaces of this project. Here the bound is looked at over
configurations that there are, all of a round at once: some at random, then some near the best.
"""

import warnings
from typing import Any

import numpy as np
import threadpoolctl  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning

from harness.search.levels import JUST_BELOW_1, level, levels, ordered
from harness.search.oracle import Oracle
from harness.search.space import Values, keras_tuner

MOST_OBSERVATIONS = 100
"""Trials a Gaussian process is fitted to. Fitting is cubic in their number."""
RESTARTS = 2
"""Further fits of the kernel's length, from random starts; KerasTuner takes 20."""
AT_RANDOM, NEARBY, ROUNDS, BEST = 1000, 50, 3, 10
"""Configurations at random, and in each round so many near each of the best."""
STEP = 0.1
"""Deviation of a step from one of the best, as a share of a range."""
CHANGED = 0.3
"""Share of the hyperparameters that a step changes."""


class Bayesian(Oracle, keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """Gaussian process with confidence bound, over a bounded number of trials."""

    def _suggest(self, trial_id: str) -> Values:
        completed = sum(trial.status == "COMPLETED" for trial in self.trials.values())
        if self.starts or completed < self.num_initial_points:
            response: Values = self._random_populate_space()
            return response
        if self.recorded is not None:
            # Fitting again would only cost time. Whether the space is what it was is told by the
            # suggestions at random that come before.
            return {"status": "RUNNING", "values": dict(self.recorded)}
        random = np.random.RandomState(self._seed("gaussian process"))
        self.gpr.random_state = random
        self.gpr.n_restarts_optimizer = RESTARTS
        # The matrices are small: threads would fight the workers for cores (5 times the time).
        with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.gpr.fit(*self._vectorize_trials())
            values = self._vector_to_values(self._best_point(random))
        if self._duplicate(values):
            response = self._random_populate_space()
            return response
        return {"status": "RUNNING", "values": values}

    def _best_point(self, random: np.random.RandomState) -> np.ndarray:
        """The configuration of the lowest bound of those looked at, as a vector."""
        space = _Vectors(self._nonfixed_space())
        points = space.settled(random.uniform(size=(AT_RANDOM, space.size)))
        for _ in range(ROUNDS):
            centres = points[np.argsort(self._bound(points))[:BEST]]
            near = np.repeat(centres, NEARBY, axis=0)
            moved = random.uniform(size=near.shape) < CHANGED
            steps = np.where(
                space.ordered, random.normal(0, STEP, near.shape), random.uniform(size=near.shape)
            )
            near = (near + np.where(moved, steps, 0)) % 1
            points = np.concatenate([centres, space.settled(near)])
        best: np.ndarray = points[np.argmin(self._bound(points))]
        return best

    def _bound(self, points: np.ndarray) -> np.ndarray:
        mean, deviation = self.gpr.predict(points, return_std=True)
        bound: np.ndarray = mean - self.beta * deviation
        return bound

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


class _Vectors:
    """Configurations as vectors, as KerasTuner writes them for its Gaussian process."""

    def __init__(self, parameters: list[Any]) -> None:
        self._parameters = parameters
        self._levels = [levels(parameter) for parameter in parameters]
        self.size = len(parameters)
        self.ordered = np.array([ordered(parameter) for parameter in parameters])

    def settled(self, points: np.ndarray) -> np.ndarray:
        """Points (n, size) moved to configurations that there are: what is discrete to one of its
        values, what is not active to its default."""
        points = np.minimum(points, JUST_BELOW_1)
        for column, values in enumerate(self._levels):
            if values is not None:
                places = np.floor(points[:, column] * len(values))
                points[:, column] = (places + 0.5) / len(values)
        for column, parameter in enumerate(self._parameters):
            if parameter.conditions:
                active = self._active(points, parameter.conditions)
                default = parameter.value_to_prob(parameter.default)
                points[:, column] = np.where(active, points[:, column], default)
        return points

    def _active(self, points: np.ndarray, conditions: list[Any]) -> np.ndarray:
        active = np.ones(len(points), bool)
        for condition in conditions:
            for column, parameter in enumerate(self._parameters):
                values = self._levels[column]
                if parameter.name == condition.name and values is not None:
                    wanted = [level(values, value) for value in condition.values]
                    places = np.floor(points[:, column] * len(values))
                    active &= np.isin(places, wanted)
        return active
