"""A tree-structured Parzen estimator: the only file that imports optuna.

Bergstra et al. 2011 (NeurIPS), in Optuna's multivariate form (Falkner et al. 2018, ICML): one
density of the good configurations and one of the others, over all hyperparameters that are drawn
together; those that depend on others' values make groups of their own. What is suggested is a
function of what was observed and of a seed: a study lives in memory for one suggestion.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.search.levels import JUST_BELOW_1, level, levels, ordered, share
from harness.search.space import Choose, Values
from harness.spec import Direction

STARTUP = 6
"""Trials that have ended, before which suggestions are at random."""
MOST_BEST, MOST_LATEST = 30, 70
"""Trials that are looked at when there are many, so that a suggestion takes 0.05 s however many
there are. The density of the good ones holds 25 at most."""


@dataclass(frozen=True)
class Observation:
    """A configuration that was tried."""

    values: Values
    """Active values by name."""
    state: Literal["running", "scored", "failed"]
    score: float = 0.0


class Parzen:
    """Suggests values from what was observed of others."""

    def __init__(self, parameters: Mapping[str, Any], direction: Direction) -> None:
        """Looks at nothing yet.

        Args:
            parameters: KerasTuner hyperparameters by name; may grow.
            direction: of the scores.
        """
        self._parameters = parameters
        self._direction = direction
        self._ranges: dict[str, tuple[list[Any] | None, Any]] = {}

    def chooser(self, observed: Sequence[Observation], seed: int) -> Choose:
        """What chooses the values of the next configuration, one hyperparameter after another.

        Args:
            observed: in the order in which they were suggested.
            seed: of what is drawn.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            # Groups are an experiment to Optuna since 2021.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                multivariate=True,
                group=True,
                n_startup_trials=STARTUP,
                constant_liar=True,
                seed=seed,
            )
        study = optuna.create_study(
            sampler=sampler, direction="maximize" if self._direction == "max" else "minimize"
        )
        study.add_trials([self._trial(one) for one in self._chosen(observed)])
        trial = study.ask()

        def choose(parameter: Any) -> Any:
            values = levels(parameter)
            if values is None:
                return parameter.prob_to_value(
                    trial.suggest_float(parameter.name, 0.0, JUST_BELOW_1)
                )
            if len(values) == 1:
                return values[0]
            if ordered(parameter):
                return values[trial.suggest_int(parameter.name, 0, len(values) - 1)]
            return values[trial.suggest_categorical(parameter.name, range(len(values)))]

        return choose

    def _chosen(self, observed: Sequence[Observation]) -> list[Observation]:
        """All that run, and of the others the best and the latest when there are many."""
        ended = [n for n, one in enumerate(observed) if one.state != "running"]
        if len(ended) <= MOST_BEST + MOST_LATEST:
            return list(observed)
        sign = -1 if self._direction == "max" else 1

        def rank(n: int) -> tuple[bool, float]:
            return observed[n].state == "failed", sign * observed[n].score

        best = set(sorted(ended, key=rank)[:MOST_BEST])
        latest = [n for n in ended if n not in best][-MOST_LATEST:]
        kept = best.union(latest)
        return [one for n, one in enumerate(observed) if one.state == "running" or n in kept]

    def _trial(self, one: Observation) -> Any:
        """A trial of Optuna's. As pruned ones they are ranked by score, and those without one come
        last."""
        import optuna

        values, distributions = {}, {}
        for name, value in one.values.items():
            values[name], distributions[name] = self._coded(name, value)
        state = optuna.trial.TrialState
        return optuna.trial.create_trial(
            state=state.RUNNING if one.state == "running" else state.PRUNED,
            params=values,
            distributions=distributions,
            intermediate_values={0: one.score} if one.state == "scored" else None,
        )

    def _coded(self, name: str, value: Any) -> tuple[Any, Any]:
        """A value as Optuna is told it, and its range."""
        if name not in self._ranges:
            self._ranges[name] = _range(self._parameters[name])
        values, distribution = self._ranges[name]
        if values is None:
            return share(self._parameters[name], value), distribution
        return level(values, value), distribution


def _range(parameter: Any) -> tuple[list[Any] | None, Any]:
    """The levels of a hyperparameter, and what Optuna draws from: their places or a share."""
    from optuna import distributions

    values = levels(parameter)
    if values is None:
        return None, distributions.FloatDistribution(0.0, JUST_BELOW_1)
    if len(values) > 1 and ordered(parameter):
        return values, distributions.IntDistribution(0, len(values) - 1)
    return values, distributions.CategoricalDistribution(tuple(range(len(values))))
