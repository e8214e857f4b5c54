"""Like goes to like: which worker gets which trial, and which trial is next for a worker."""

import dataclasses

from harness.driver import plan as plans
from harness.driver.placement import Placement
from harness.sweep.question import Budget
from harness.trial import Cost
from tests.driver.test_plan import SWEEP, _cells, ended, play  # noqa: F401 - a fixture


@dataclasses.dataclass
class Job:
    program: str


def test_a_job_goes_to_the_idle_worker_that_has_its_program():
    placement = Placement()
    assert placement.start("first", Job("a")) is None
    assert placement.start("second", Job("b")) is None
    assert placement.elsewhere() == {"a", "b"}
    placement.end("first", 1)
    placement.end("second", 2)
    assert placement.here() == {"a", "b"}
    assert placement.start("third", Job("b")) == 2
    assert (placement.here(), placement.elsewhere()) == ({"a"}, {"b"})
    assert placement.start("fourth", Job("c")) == 1
    assert placement.here() == set()
    assert placement.elsewhere() == {"a", "b", "c"}


def test_what_a_worker_had_is_gone_with_it():
    placement = Placement()
    placement.start("first", Job("a"))
    placement.end("first", 1)
    assert placement.start("second", Job("a")) == 1
    placement.end("second", None)
    assert placement.here() == set()
    placement.start("third", Job("a"))
    placement.end("third", 3)
    assert placement.here() == {"a"}


def test_a_job_that_ran_elsewhere_tells_that_its_worker_is_gone():
    placement = Placement()
    placement.start("first", Job("a"))
    placement.end("first", 1)
    assert placement.start("second", Job("a")) == 1
    placement.end("second", 2)
    assert placement.idle() == [2]


def _outcome(job):
    """Half of a short trial goes into compiling."""
    cost = Cost(seconds=2.0, build_seconds=0.5, first_step_seconds=0.5)
    return dataclasses.replace(ended(job), epochs=1, cost=cost)


def _searched(tmp_path, outcome):
    sweep = dataclasses.replace(SWEEP, budget=Budget(trials=1, epochs=1))
    plan = plans.Plan(sweep, tmp_path, None)
    play(plan, outcome, most=2)
    list(plan.end_searches())
    return plan


def test_what_is_compiled_here_is_confirmed_first_and_what_is_elsewhere_last(tmp_path):
    plan = _searched(tmp_path, _outcome)
    good, waiting = (cell.program() for cell in plan.cells)
    assert good != waiting
    assert set(plan.wanted()) == {good, waiting}
    assert plan.next({good}, {waiting}).job.program == good
    assert plan.next({waiting}, {good}).job.program == waiting
    assert plan.next(set(), {good}).job.program == waiting
    assert plan.next(set(), {waiting}).job.program == good
    assert plan.next(set(), {good, waiting}).job.program == plan.next().job.program


def test_a_short_winner_is_confirmed_at_once_where_it_is_compiled(tmp_path):
    sweep = dataclasses.replace(SWEEP, budget=Budget(trials=1, epochs=1))
    plan = plans.Plan(sweep, tmp_path, None)
    first = play(plan, _outcome, most=1)[0]
    list(plan.end_searches())
    assert plan.next().job.phase == "search"
    assert plan.next({first.program}).job.program == first.program


def test_of_long_runs_the_longest_goes_first_whoever_has_compiled_it(tmp_path):
    def outcome(job):
        seconds = 900.0 if job.space == "good" else 300.0
        return dataclasses.replace(_outcome(job), cost=Cost(seconds=seconds, build_seconds=1.0))

    plan = _searched(tmp_path, outcome)
    programs = {cell.cell.space.name: cell.program() for cell in plan.cells}
    assert plan.next({programs["waiting"]}, {programs["good"]}).job.space == "good"
