"""A time for the whole sweep: kept to, divided equally, and enough for a result of every cell."""

import dataclasses
import time
import types

import pytest

from harness.driver import attempts, suggestions, whole_time
from harness.driver import plan as plans
from harness.driver.plan import Plan
from harness.driver.whole_time import WholeTime, level
from harness.spec import HarnessError, Training
from harness.sweep.load import from_fields, toml
from harness.sweep.question import AS_MANY_AS_THERE_IS_TIME_FOR, Budget, Sweep
from harness.training.outcome import begun
from harness.trial import Cost, Failure
from tests import rehearsal

SPACES = {
    name: dataclasses.replace(rehearsal.SPACES["wide"], name=name)
    for name in ("quick", "usual", "slow", "endless", "broken")
}
TAKES = {"quick": 2.0, "usual": 6.0, "slow": 15.0, "endless": 10_000.0, "broken": 1.0}
"""Seconds of a trial, give or take a half."""


class Played:
    """A sweep of made-up trials on a clock that is made up, too."""

    def __init__(self, patch, tmp_path, spaces, minutes, workers, spent=0.0):
        self.now = 1000.0
        clock = types.SimpleNamespace(monotonic=lambda: self.now, time=time.time)
        for module in (attempts, whole_time):
            patch.setattr(module, "time", clock)
        patch.setattr(rehearsal, "SPACES", SPACES)
        patch.setattr(plans, "cells", rehearsal.cells)
        patch.setattr(suggestions, "sample_training", lambda hp, task: Training())
        trials = AS_MANY_AS_THERE_IS_TIME_FOR
        self.sweep = Sweep("played", ("first",), spaces, Budget(trials=trials), minutes=minutes)
        self.plan = Plan(self.sweep, tmp_path, None)
        since = self.now
        self.plan.time = WholeTime(60 * minutes, spent, workers, 3, len(spaces), since)
        running, self.ended = [], []
        while True:
            while len(running) < workers:
                self.plan.divide_time()
                [*self.plan.end_searches()]
                step = self.plan.next()
                if step is None:
                    if [*self.plan.end_searches()]:
                        continue
                    break
                self.plan.cell(step.job.task, step.job.space).attempts.start(step.job)
                running.append((self.now + self._takes(step.job), step.job))
            if not running:
                break
            running.sort(key=lambda entry: entry[0])
            began = self.now
            self.now, job = running.pop(0)
            assert self.now >= began
            self._end(job)
        self.used = self.now - since

    def _takes(self, job):
        by_configuration = 0.5 + job.config.rate
        by_luck = 1 + (job.seed % 5 - 2) / 20
        return min(TAKES[job.space] * by_configuration * by_luck, job.seconds)

    def _end(self, job):
        result = begun(job, 0.0)
        cost = Cost(seconds=self._takes(job))
        if job.space == "broken":
            result = dataclasses.replace(
                result, status="failed", cost=cost, failure=Failure("code", "as ever")
            )
        else:
            result = dataclasses.replace(result, cost=cost, epochs=job.epochs, score=0.5)
        self.ended.append(result)
        self.plan.cell(job.task, job.space).finish(result)

    def seconds(self, space, phase="search"):
        return sum(r.cost.seconds for r in self.ended if (r.space, r.phase) == (space, phase))

    def runs(self, space):
        return sum((r.space, r.phase) == (space, "confirm") for r in self.ended)


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("minutes", [3, 10])
def test_the_time_is_kept_and_every_search_gets_the_same(monkeypatch, tmp_path, minutes, workers):
    spaces = ("quick", "usual", "slow")
    played = Played(monkeypatch, tmp_path, spaces, minutes, workers)
    assert 0.9 * 60 * minutes <= played.used <= 60 * minutes
    # What the last trials take is not known, and four workers begin four of them at once.
    least = 3 if minutes >= workers else 1
    assert all(least <= played.runs(space) <= 3 for space in spaces)
    got = [played.seconds(space) for space in spaces]
    assert max(got) - min(got) <= 1.5 * TAKES["slow"] * workers, "they differ by a last trial"


def test_a_training_that_does_not_end_is_cut_so_that_all_have_a_result(monkeypatch, tmp_path):
    played = Played(monkeypatch, tmp_path, ("quick", "endless"), 3, 2)
    assert played.used <= 180
    assert played.runs("endless") == played.runs("quick") == 3
    longest = max(result.cost.seconds for result in played.ended)
    assert longest == played.plan.time.longest == pytest.approx(0.75 * 2 * 180 / 2 / 5)


def test_what_fails_at_once_leaves_its_time_to_others(monkeypatch, tmp_path):
    alone = Played(monkeypatch, tmp_path, ("usual",), 3, 1)
    beside = Played(monkeypatch, tmp_path, ("usual", "broken"), 3, 1)
    assert beside.runs("broken") == 0
    assert beside.runs("usual") == 3
    assert beside.seconds("usual") >= alone.seconds("usual") / 2 - TAKES["usual"]
    assert beside.used <= 180


def test_with_no_time_left_each_has_a_trial_and_a_run_and_no_more(monkeypatch, tmp_path):
    played = Played(monkeypatch, tmp_path, ("quick", "usual"), 3, 1, spent=179.0)
    assert [played.runs(space) for space in ("quick", "usual")] == [1, 1]
    assert sum(result.phase == "search" for result in played.ended) == 2
    assert played.plan.unfinished()


@pytest.mark.parametrize(
    "spent, pool, found",
    [([0.0, 0.0], 10.0, 5.0), ([4.0, 0.0], 10.0, 7.0), ([20.0, 0.0], 10.0, 10.0), ([], 5.0, 0.0)],
)
def test_what_is_left_evens_out_what_was_spent(spent, pool, found):
    assert level(spent, pool) == found


FIELDS = {"name": "timed", "tasks": ["digits"], "spaces": ["mlp"]}


def test_a_time_takes_the_place_of_a_number_of_trials():
    asked = from_fields({**FIELDS, "minutes": 3}, {}, "timed")
    assert asked.budget.trials == AS_MANY_AS_THERE_IS_TIME_FOR
    both = from_fields({**FIELDS, "minutes": 3, "budget": {"trials": 7}}, {}, "timed")
    assert both.budget.trials == 7, "whichever comes first"
    file = {**FIELDS, "budget": {"trials": 7}, "budgets": {"digits": {"trials": 2, "epochs": 3}}}
    line = from_fields(file, {"minutes": 3.0}, "timed")
    assert line.budget_of("digits").trials == AS_MANY_AS_THERE_IS_TIME_FOR
    given = from_fields(file, {"minutes": 3.0, "budget": {"trials": 4}}, "timed")
    assert given.budget_of("digits").trials == 4
    assert "minutes = 3" in toml(asked)
    for wrong in (0, -1, 1e9):
        with pytest.raises(HarnessError, match=r"timed: minutes = .*: expected more than 0"):
            from_fields({**FIELDS, "minutes": wrong}, {}, "timed")
