"""Which seeds of a winner are one program."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.driver.searched import Searched
from harness.driver.together import Together, pays
from harness.journal.folder import state_path
from harness.spec import Objective, Training
from harness.sweep.question import Budget
from harness.trial import Cost, Job

JAX = Together("jax", accelerated=True)
JOB = Job(
    "tests", "blobs", "good", "confirm", 0, 10, config=None, training=Training(),
    folder=Path("none"), epochs=4,
)  # fmt: skip


def plan(untried=5, apart=None, **cost):
    """A plan whose search had one trial of two epochs, with so many seeds left."""
    trial = SimpleNamespace(
        number=0,
        status="completed",
        score=0.5,
        epochs=2,
        cost=Cost(**{"first_step_seconds": 6.0, "train_seconds": 30.0, "compiled": True, **cost}),
    )
    searched = Searched(Objective("accuracy", "max"))
    searched.take(trial, ())
    left = [(n, 10 + n) for n in range(5 - untried, 5)]
    return SimpleNamespace(
        best=lambda: trial,
        searched=searched,
        budget=Budget(epochs=4),
        apart=apart,
        attempts=None,
        runs=SimpleNamespace(untried=lambda attempts: left),
    )


def members(together, job=JOB, free=1, **fields):
    return len(together.job(job, plan(**fields), free).each)


def test_all_that_wait_are_one_program_where_their_steps_spare_more_than_compiling_costs():
    job = JAX.job(JOB, plan(), 1)
    assert job.members == ((1, 11), (2, 12), (3, 13), (4, 14))
    assert [(one.number, one.seed) for one in job.each] == [(n, 10 + n) for n in range(5)]
    assert pays(plan(), 5)
    assert not pays(plan(train_seconds=10.0), 5), "0.2 x 5 x 20 s are less than 4.5 x 6 s"
    assert not pays(plan(), 2)
    assert members(JAX, train_seconds=10.0) == 1


@pytest.mark.parametrize(
    "together, fields, expected",
    [
        (Together("tensorflow", accelerated=True), {}, 1),
        (Together("jax"), {}, 1),
        (Together("jax", asked=2), {}, 2),
        (Together("jax", asked=9), {}, 5),
        (Together("jax", asked=1, accelerated=True), {}, 1),
        (JAX, {"apart": "no program"}, 1),
        (JAX, {"free": 2}, 3),
        (JAX, {"free": 5}, 1),
        (dataclasses.replace(JAX, memory_mb=8000.0), {"device_memory_mb": 1600.0}, 4),
        (dataclasses.replace(JAX, memory_mb=8000.0), {"device_memory_mb": 7000.0}, 1),
        (dataclasses.replace(JAX, memory_mb=8000.0), {"device_memory_mb": None}, 5),
    ],
)
def test_how_many(together, fields, expected):
    assert members(together, **fields) == expected


def test_trials_of_a_search_and_second_attempts_are_run_alone():
    assert members(JAX, dataclasses.replace(JOB, phase="search")) == 1
    assert members(JAX, JOB, untried=4) == 1, "seed 0 was tried before"
    other = dataclasses.replace(JOB, number=1, seed=11)
    assert members(JAX, other, untried=4) == 4


def test_a_group_is_a_program_of_its_own():
    names = {JOB.program, JAX.job(JOB, plan(), 1).program, JAX.job(JOB, plan(), 2).program}
    assert len(names) == 3


def test_a_seed_that_kept_its_state_goes_on_alone(tmp_path):
    job = dataclasses.replace(JOB, folder=tmp_path)
    together = Together("jax", asked=5)
    assert together.job(job, plan(), 1).members == ((1, 11), (2, 12), (3, 13), (4, 14))
    for number in (2, 0):
        path = state_path(tmp_path, "blobs", "good", "confirm", number)
        path.parent.mkdir(exist_ok=True)
        path.touch()
        found = together.job(job, plan(), 1)
        assert found.members == ((1, 11), (3, 13), (4, 14)) if number else found == job
