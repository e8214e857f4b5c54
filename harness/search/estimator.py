"""Oracles whose suggestions come from a tree-structured Parzen estimator."""

from collections.abc import Sequence
from typing import Any

from harness.search.halving import Asha
from harness.search.oracle import Oracle
from harness.search.space import Values, keras_tuner
from harness.search.tpe import STARTUP, Observation, Parzen

TRIES = 5
"""Suggestions in a row that were tried before, after which one is drawn at random."""


class _Estimating(Oracle):
    """Draws values from an estimator over what was tried."""

    def _estimated(self, tried: Sequence[Any]) -> Values | None:
        """Values of a configuration that was not tried before; `None` where there is none.

        Args:
            tried: trials of different configurations whose scores can be compared.
        """
        ended = sum(trial.status != "RUNNING" for trial in tried)
        if self.starts or ended < STARTUP:
            return self._random_values()
        if self.recorded is not None:
            # Estimating again would only cost time. Whether the space is what it was is told by
            # the suggestions at random that come before. What was tried before goes on.
            again = self._duplicate(self.recorded)
            return self._random_values() if again else dict(self.recorded)
        observed = [_observation(trial) for trial in tried]
        parameters = {parameter.name: parameter for parameter in self.space.known.space}
        parzen = Parzen(parameters, self.objective.direction)
        for attempt in range(TRIES):
            choose = parzen.chooser(observed, self._seed(f"parzen estimator, {attempt}"))
            values = dict(self.space.drawn({}, choose).used)
            if not self._duplicate(values):
                return values
        return self._random_values()


class TPE(_Estimating, keras_tuner.Oracle):  # type: ignore[misc]
    """Trains every configuration for all epochs."""

    def _suggest(self, trial_id: str) -> Values:
        values = self._estimated(list(self.trials.values()))
        return {"status": "STOPPED" if values is None else "RUNNING", "values": values}


class AshaTPE(_Estimating, Asha):
    """Asynchronous successive halving of what the estimator suggests."""

    def _begin(self) -> Values | None:
        return self._estimated(self.comparable(STARTUP))


def _observation(trial: Any) -> Observation:
    values = {k: v for k, v in trial.values.items() if not k.startswith("tuner/")}
    match trial.status:
        case "RUNNING":
            return Observation(values, "running")
        case "COMPLETED":
            return Observation(values, "scored", trial.score)
    return Observation(values, "failed")
