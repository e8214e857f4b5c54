"""The tuners: what suggests configurations, by name."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.search.bayesian import Bayesian
from harness.search.estimator import TPE, AshaTPE
from harness.search.grid import grid
from harness.search.halving import Asha, rungs_of
from harness.search.hyperband import Hyperband
from harness.search.oracle import Oracle
from harness.search.space import Sample, Space, Values, keras_tuner
from harness.spec import Objective
from harness.sweep.question import Tuner

_SCORE = "score"


def make(
    tuner: Tuner,
    sample: Sample,
    objective: Objective,
    *,
    trials: int,
    epochs: int,
    seed: int,
    first: Mapping[str, Values] | None = None,
) -> Any:
    """An oracle over the space that `sample` draws from."""
    space = Space(sample)
    options: dict[str, Any] = {
        "objective": keras_tuner.Objective(_SCORE, objective.direction),
        "hyperparameters": space.known,
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
            oracle = Bayesian(max_trials=None, num_initial_points=points, **options)
        case "tpe":
            oracle = TPE(max_trials=None, **options)
        case "hyperband":
            oracle = Hyperband(max_epochs=epochs, hyperband_iterations=0, **options)
        case "asha" | "asha+tpe":
            kind = Asha if tuner == "asha" else AshaTPE
            oracle = kind(rungs_of(epochs), trials, max_trials=None, **options)
        case "one-epoch" | "one-epoch+tpe":
            kind = Asha if tuner == "one-epoch" else AshaTPE
            rungs = (1, epochs) if epochs > 1 else (1,)
            oracle = kind(rungs, trials, max_trials=None, **options)
    oracle.search_seed = seed
    oracle.space = space
    oracle.begin_with(first or {})
    return oracle


class _Random(Oracle, keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Random search."""

    remembers = False


class _Grid(Oracle, keras_tuner.Oracle):  # type: ignore[misc]
    """Every configuration once, the default one first. KerasTuner's own grid takes a space for
    exhausted when its first branch is, and changes the training before the architecture."""

    remembers = False
    _left: Iterator[Values] | None = None

    def _suggest(self, trial_id: str) -> Values:
        if self._left is None:
            self._left = (v for v in grid(self.space) if not self._duplicate(v))
        values = self.starts.pop(0) if self.starts else next(self._left, None)
        return {"status": "RUNNING" if values else "STOPPED", "values": values}
