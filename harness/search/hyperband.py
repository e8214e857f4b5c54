"""Hyperband: brackets of trials that are continued, of which the better ones go on."""

from typing import Any

from harness.search.oracle import Oracle
from harness.search.space import Values, keras_tuner


class Hyperband(Oracle, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]
    """Hyperband (Li et al. 2018, JMLR 18) whose rungs survive failures.

    A rung closes when all its trials have ended, whatever became of them; the best of it
    fill the next rung, and where one of those fails the next best takes its place.
    KerasTuner waits for a number of *completed* trials instead, so that one failure can
    cost a bracket its final run.
    """

    continues = True
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
                values = dict(best.values)
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
