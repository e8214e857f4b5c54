"""Asynchronous successive halving (ASHA, Li et al. 2020, MLSys) over trials that are continued.

Every configuration is trained for the epochs of the lowest rung. As soon as three have ended on a
rung, whatever became of them, the best of them that has not gone on goes on to the next; nothing
waits for a rung to be complete. How many have gone on follows from how many have ended alone, so
that every architecture gets as many epochs of as many trials. One that fails on the way up gives
its place to the next best.
"""

from typing import Any

from harness.search.oracle import Oracle
from harness.search.space import Values, keras_tuner

SHARE = 3
"""One of so many goes on."""


def rungs_of(epochs: int) -> tuple[int, ...]:
    """Epochs at which trials are compared: a third of a third of them and so on, from the first
    one on."""
    rungs = [epochs]
    while rungs[0] > 1:
        rungs.insert(0, max(1, round(rungs[0] / SHARE)))
    return tuple(rungs)


class Asha(Oracle, keras_tuner.Oracle):  # type: ignore[misc]
    """Goes on with the better third of each rung."""

    continues = True

    def __init__(self, rungs: tuple[int, ...], most_trials: int, **options: Any) -> None:
        """An oracle that has suggested nothing.

        Args:
            rungs: epochs at which trials are compared, the last of which is the end.
            most_trials: suggestions it will be asked for; bounds the checkpoints that are kept.
            options: of KerasTuner's oracle.
        """
        super().__init__(**options)
        self._epochs = rungs
        self._most_trials = most_trials
        self._rungs: list[dict[str, str | None]] = [{} for _ in rungs]
        """The trials of each rung, and the one that each continues."""
        self._exhausted = False

    def _suggest(self, trial_id: str) -> Values:
        for rung in reversed(range(1, len(self._rungs))):
            if self._room(rung) and (candidates := self._candidates(rung)):
                past = candidates[0]
                values = dict(past.values)
                return self._place(rung, trial_id, past.trial_id, values)
        begun = None if self._exhausted else self._begin()
        if begun is not None:
            return self._place(0, trial_id, None, begun)
        if not self._exhausted:
            self._exhausted = True
            return self._suggest(trial_id)
        return {"status": "IDLE" if self.ongoing_trials else "STOPPED"}

    def _begin(self) -> Values | None:
        """Values of a configuration that was not tried before; `None` where there is none."""
        return self._random_values()

    def continuable(self) -> set[str]:
        """Those that run above still need what they began with, if their worker dies."""
        ids: set[str] = set()
        for rung in range(1, len(self._rungs)):
            below, above = self._rungs[rung - 1], self._rungs[rung]
            ids.update(i for i in below if self.trials[i].status == "RUNNING")
            ids.update(
                past for i, past in above.items() if past and self.trials[i].status == "RUNNING"
            )
            most = self._most_trials // SHARE + 1
            ids.update(trial.trial_id for trial in self._candidates(rung)[:most])
        return ids

    def comparable(self, enough: int) -> list[Any]:
        """One trial of each configuration that the highest rung with `enough` scores, or the lowest
        one, can say something of, in the order in which they were suggested.

        They are those of that rung, and what runs or has failed below it. Scores after fewer
        epochs are left out: they prefer what learns fast (Falkner et al. 2018, ICML).
        """
        scored = [sum(self.trials[i].status == "COMPLETED" for i in rung) for rung in self._rungs]
        chosen = max((n for n, count in enumerate(scored) if count >= enough), default=0)
        below = [self.trials[i] for rung in self._rungs[:chosen] for i in rung]
        found = [trial for trial in below if trial.status != "COMPLETED"]
        found += [self.trials[i] for i in self._rungs[chosen]]
        return sorted(found, key=lambda trial: int(trial.trial_id))

    def _place(self, rung: int, trial_id: str, past_id: str | None, values: Values) -> Values:
        self._rungs[rung][trial_id] = past_id
        values["tuner/epochs"] = self._epochs[rung]
        values["tuner/initial_epoch"] = self._epochs[rung - 1] if rung else 0
        if past_id is not None:
            values["tuner/trial_id"] = past_id
        return {"status": "RUNNING", "values": values}

    def _room(self, rung: int) -> bool:
        """Whether another may go on to a rung. At the end of a space, when nothing runs, a rung of
        one or two is a rung, too."""
        below = [self.trials[i].status for i in self._rungs[rung - 1]]
        ended = len(below) - below.count("RUNNING")
        above = [self.trials[i].status for i in self._rungs[rung]]
        alive = above.count("RUNNING") + above.count("COMPLETED")
        if self._exhausted and not self.ongoing_trials:
            return alive < -(-ended // SHARE)
        return alive < ended // SHARE

    def _candidates(self, rung: int) -> list[Any]:
        """Completed trials of the rung below that have not gone on, the best first."""
        gone = set(self._rungs[rung].values())
        trials = [self.trials[i] for i in self._rungs[rung - 1] if i not in gone]
        sign = -1 if self.objective.direction == "max" else 1
        completed = [trial for trial in trials if trial.status == "COMPLETED"]
        return sorted(completed, key=lambda trial: sign * trial.score)
