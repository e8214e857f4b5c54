"""What the driver makes of a trial that goes on: its limits, its costs, and the file it left."""

import dataclasses
import sys
import types

import numpy as np
import pytest

from harness.driver import going_on, preflight
from harness.driver import plan as plans
from harness.driver.running import Running, failed
from harness.engines.engine import Limits
from harness.journal.folder import state_path, states
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.journal.write import Journal
from harness.registry.origin import Origin
from harness.report.appendix import failures
from harness.spec import Training
from harness.sweep.pairs import Cell
from harness.system.json_values import jsonable
from harness.training import kept_state
from harness.training.kept_state import Kept, Progress
from harness.trial import Cost, Failure, Job, flops_spent, seconds_spent
from tests.driver.test_plan import SWEEP, ended
from tests.hostile.hostile.spaces import Config, good
from tests.hostile.hostile.tasks import blobs

BUDGET = dataclasses.replace(SWEEP.budget, seconds=100.0, flops=1000.0)
ONE = dataclasses.replace(SWEEP, spaces=("good",), budget=BUDGET)
KILLED = Failure("infrastructure", "killed")


@pytest.fixture
def plan(monkeypatch, tmp_path):
    """The plan of a sweep with one cell."""
    for module in (plans, preflight):
        monkeypatch.setattr(module, "cells", lambda sweep: (Cell(blobs, good),))
    return plans.Plan(ONE, tmp_path, None)


def keep(job, seconds, flops):
    progress = Progress(
        fingerprint=kept_state.fingerprint(job, "tensorflow"), epoch=2, over=False,
        seconds=seconds, cost={"flops": flops}, curve=[], counts={"seconds": seconds - 2.0},
        patience={}, random=[],
    )  # fmt: skip
    kept_state.write(job, Kept(progress, [np.zeros(3)], None))


def test_a_trial_that_goes_on_has_what_is_left(plan):
    (cell,) = plan.cells
    job = plan.next().job
    limits = Limits(seconds=60.0)
    assert going_on.limited(job, limits, cell, "tensorflow") == (job, limits)
    cell.attempts.start(job)
    running = Running(job)
    running.flops = 250.0
    cell.finish(dataclasses.replace(failed(running, KILLED, 25.0), status="interrupted"))
    keep(job, seconds=20.0, flops=200.0)

    again = plan.next().job
    assert (again.number, again.seconds, again.flops) == (job.number, 75.0, 750.0)
    whole, left = going_on.limited(again, limits, cell, "tensorflow")
    assert left == Limits(seconds=40.0), "of the time of the trial"
    assert (whole.seconds, whole.flops) == (93.0, 950.0), "what it may have at its end"
    cell.longest = 80.0
    assert going_on.limited(again, limits, cell, "tensorflow")[0].seconds == 80.0
    cell.longest = None
    assert going_on.limited(dataclasses.replace(again, seed=9), limits, cell, "tensorflow")[1] == (
        limits
    )

    cell.attempts.start(again)
    running = Running(again)
    running.resume(2, 20.0, 200.0)
    killed = failed(running, KILLED, 10.0)
    assert (killed.epochs, killed.cost.seconds, killed.cost.own_seconds) == (2, 30.0, 10.0)
    end = dataclasses.replace(ended(again), cost=dataclasses.replace(
        killed.cost, seconds=50.0, flops=500.0))  # fmt: skip
    cell.finish(end)
    assert cell.spending.search_seconds() == 25.0 + 30.0
    assert cell.spending.flops_left() == 1000.0 - (250.0 + 300.0)


def test_a_trial_that_comes_further_is_tried_again(plan):
    (cell,) = plan.cells
    job = plan.next().job

    def end(resumed_at=None, epochs=0):
        cell.attempts.start(job)
        running = Running(job, epochs=epochs)
        if resumed_at is not None:
            running.resume(resumed_at, 20.0, 200.0)
        result = failed(running, KILLED, 1.0)
        again = cell.deserves_another(result)
        cell.finish(dataclasses.replace(result, status="interrupted"))
        return again

    assert end()
    assert not end(epochs=1), "no state was kept"
    keep(job, 20.0, 200.0)
    assert end(epochs=2)
    assert not end(resumed_at=2), "it ended before it could keep another"
    assert not end(), "it ended before it could go on"


def test_epochs_of_an_attempt_are_those_of_its_trial(plan):
    job = dataclasses.replace(plan.next().job, initial_epoch=3)
    running = Running(job)
    running.resume(5, 20.0, 200.0)
    assert failed(running, KILLED, 1.0).epochs == 2


def test_a_state_is_of_one_file_of_an_architecture(plan, monkeypatch, tmp_path):
    job = plan.next().job
    file = tmp_path / "mine.py"
    module = types.ModuleType("mine")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "mine", module)
    monkeypatch.setattr(kept_state.registry, "spaces", lambda: {"good": good})
    monkeypatch.setattr(kept_state.registry, "tasks", dict)
    monkeypatch.setattr(kept_state.registry, "origin", lambda noun: Origin("file", "mine"))
    found = []
    for text in ("rate = 0.3", "rate = 0.5", "rate = 0.3"):
        file.write_text(text)
        found.append(kept_state.fingerprint(job, "tensorflow"))
    assert found[0] == found[2] != found[1]


def test_what_another_attempt_went_on_from_counts_once():
    costs = [Cost(25.0, flops=5.0), Cost(35.0, kept_seconds=20.0), Cost(40.0, kept_seconds=30.0)]
    assert seconds_spent(costs) == 25 + 15 + 10
    assert flops_spent(costs) == 5
    assert seconds_spent([Cost(40.0, kept_seconds=30.0)]) == 40, "no journal tells of the others"


def test_the_report_says_what_was_lost_and_not_what_was_gone_on_from(tmp_path):
    job = Job(
        "tests", "blobs", "good", "search", 0, 0, Config(4), Training(), tmp_path, epochs=4
    )  # fmt: skip
    broken = dataclasses.replace(failed(Running(job), KILLED, 1500.0), status="interrupted")
    end = dataclasses.replace(ended(job), cost=Cost(4000.0, kept_seconds=1380.0))
    record = SweepRecord("id", ONE, (), "", 0.0, {}, (broken, end), {})
    assert "(2 min lost)" in failures({}, record)
    alone = dataclasses.replace(record, history=(broken,))
    assert "(25 min lost)" in failures({}, alone)


@pytest.mark.parametrize(
    "status, kind, left",
    [
        ("completed", None, 0),
        ("failed", "code", 0),
        ("timeout", "timeout", 0),
        ("failed", "infrastructure", 1),
        ("interrupted", "interrupted", 1),
    ],
)
def test_a_state_is_there_until_its_trial_is_over(plan, tmp_path, status, kind, left):
    (cell,) = plan.cells
    step = plan.next()
    keep(step.job, 20.0, None)
    cell.attempts.start(step.job)
    failure = None if kind is None else Failure(kind, "why")
    result = dataclasses.replace(ended(step.job), status=status, failure=failure)
    with Journal(tmp_path) as journal:
        journal.begin(ONE, {}, "harness run tests")
        journal.append("asked", **jsonable(step.asked))
        journal.finish(result)
        # Here a driver may be killed.
        plans.Plan(ONE, tmp_path, journal.read())
    assert len(states(tmp_path)) == left
    keep(step.job, 20.0, None)
    cell.finish(result)
    assert state_path(tmp_path, "blobs", "good", "search", 0).exists() == bool(left)
    assert read_journal(tmp_path).results[0].status == status
