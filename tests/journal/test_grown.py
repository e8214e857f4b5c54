"""What becomes of a record when its question grows."""

import dataclasses

from harness.journal.grown import grown
from harness.journal.record import SweepRecord
from harness.sweep.question import Budget, Sweep
from harness.trial import TrialResult

SWEEP = Sweep("s", ("a", "b"), ("x",), Budget(trials=2), budgets={"b": Budget(trials=1)})
ENDS = {("a", "x", 0): "all 2 trials are done", ("b", "x", 0): "all 1 trials are done"}
CONFIRMED = tuple(
    TrialResult("s", task, "x", "confirm", number, number, {}, {}, "completed", score=0.5)
    for task in ("a", "b")
    for number in (0, 1)
)
RECORD = SweepRecord(
    "id", SWEEP, ({},), "", 0.0, {}, CONFIRMED, ENDS, apart=ENDS, time_over=True
)  # fmt: skip


def test_searches_with_more_to_do_go_on_and_the_others_do_not():
    asked = dataclasses.replace(SWEEP, budget=Budget(trials=5))
    found = grown(RECORD, asked)
    assert found.sweep is asked
    assert found.ended_searches == found.apart == {("b", "x", 0): "all 1 trials are done"}
    assert found.results == CONFIRMED
    assert found.growth == (("budget.trials: 2, now 5",),)
    assert found.time_over, "there is no more time"


def test_longer_confirmation_runs_take_the_place_of_those_there_are():
    found = grown(RECORD, dataclasses.replace(SWEEP, budget=Budget(trials=2, confirm_epochs=30)))
    assert [r.status for r in found.results] == ["interrupted"] * 2 + ["completed"] * 2
    assert {r.failure.kind for r in found.results if r.failure} == {"superseded"}
    assert found.ended_searches == ENDS
    assert grown(found, found.sweep).history == found.history, "once"
