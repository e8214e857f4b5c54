"""What is known of a search without its trials."""

import gc
import random
import weakref

import pytest

from harness.analysis.cells import best_trial
from harness.driver import plan as plans
from harness.driver.searched import Searched, usual_of
from harness.spec import Objective
from harness.sweep.question import Budget, Sweep
from harness.trial import Cost, Failure, TrialResult
from tests.driver.test_plan import _cells, ended, play  # noqa: F401

STATUSES = ("completed", "completed", "failed", "timeout")


def results(seed, count=40):
    chance = random.Random(seed)
    for number in chance.sample(range(count), count):
        status = chance.choice(STATUSES)
        yield TrialResult(
            "s", "t", "a", "search", number, 0, {}, {}, status,
            score=chance.choice([0.1, 0.5, 0.9, float("nan"), None]) if status == "completed"
            else None,
            failure=None if status == "completed" else Failure("code", "broken"),
            cost=Cost(
                seconds=chance.random(), build_seconds=chance.random(), flops=chance.random(),
                first_step_seconds=chance.random(), compiled=chance.choice([True, False, None]),
            ),
        )  # fmt: skip


@pytest.mark.parametrize("direction", ["max", "min"])
def test_totals_are_those_of_all_results(direction):
    objective = Objective("score", direction)
    for seed in range(20):
        totals, taken = Searched(objective), []
        for result in results(seed):
            totals.take(result, ())
            taken.append(result)
            assert totals.best is best_trial(taken, objective)
        costs = [result.cost for result in taken]
        compiled = [cost for cost in costs if cost.compiled is not False]
        assert totals.trials == len(taken)
        assert totals.failed == sum(result.status != "completed" for result in taken)
        assert totals.seconds == pytest.approx(sum(cost.seconds for cost in costs))
        assert totals.spent_flops == pytest.approx(sum(cost.flops for cost in costs))
        assert totals.first_step == max(cost.first_step_seconds for cost in compiled)
        assert totals.compiling == max(c.build_seconds + c.first_step_seconds for c in compiled)


def test_a_mean_over_searches_is_that_of_all_their_trials():
    objective = Objective("score", "max")
    empty, searches = Searched(objective), [Searched(objective) for _ in range(2)]
    assert usual_of([empty], 7.0) == empty.usual(7.0) == 7.0
    every = [*results(0, 10), *results(1, 30)]
    for number, result in enumerate(every):
        searches[number >= 10].take(result, ())
    mean = sum(result.cost.seconds for result in every) / 40
    assert usual_of([empty, *searches], 7.0) == pytest.approx(mean)


def test_a_plan_keeps_no_result_but_the_best_and_those_of_its_runs(tmp_path):
    sweep = Sweep("tests", ("blobs",), ("good",), budget=Budget(trials=60), seeds=(7, 8))
    kept = []

    def outcome(job):
        result = ended(job, score=(job.number % 7) / 10)
        kept.append(weakref.ref(result))
        return result

    plan = plans.Plan(sweep, tmp_path, None)
    assert len(play(plan, outcome)) == 62
    (cell,) = plan.cells
    gc.collect()
    alive = [ref().phase for ref in kept if ref() is not None]
    assert sorted(alive) == ["confirm", "confirm", "search"]
    assert cell.searched.trials == 60
    assert not any(cell.suggestions.knows(n) for n in range(60) if n != cell.best().number)
