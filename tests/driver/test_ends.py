"""In which order the driver writes, forces to the disk, tells and starts."""

from types import SimpleNamespace

import pytest

from harness.driver import loop
from harness.driver.ends import Ends
from harness.driver.placement import Placement
from harness.engines.engine import Done
from harness.journal.write import Journal
from harness.sweep.question import Budget, Sweep
from harness.trial import Failure
from tests.driver.test_plan import ended
from tests.rehearsal import Fates, Rehearsal

SWEEP = Sweep("played", ("first",), ("wide",), budget=Budget(trials=12), backend="jax")


def test_all_ends_of_a_turn_are_on_the_disk_before_any_is_told(tmp_path):
    done = []
    job = SimpleNamespace(
        sweep="s", task="t", space="a", phase="search", seed=0, config={}, training={}, members=(),
        alone=False, program="p",
    )  # fmt: skip
    jobs = [SimpleNamespace(**{**vars(job), "number": number}) for number in range(3)]
    for one in jobs:
        one.each = (one,)
    cell = SimpleNamespace(
        deserves_another=lambda result: result.broken,
        finish=lambda result: done.append(("told", result.number, result.status)),
    )
    journal = SimpleNamespace(
        finish=lambda result: done.append(("written", result.number)) or result,
        flush=lambda: done.append("flushed"),
    )
    display = SimpleNamespace(finished=lambda plan, result: done.append(("shown", result.number)))
    placement = Placement()
    ends = Ends(tmp_path, journal, SimpleNamespace(cell=lambda *_: cell), display, placement)
    for one in jobs:
        ends.begin(str(one.number), one)
        placement.start(str(one.number), one)
    killed = Failure("infrastructure", "killed")
    for one in jobs[:2]:
        ends.handle(Done(str(one.number), value=ended(one)))
    ends.handle(Done("2", failure=killed, seconds=1.0))
    assert done == [("written", 0), ("written", 1), ("written", 2)]
    ends.settle()
    assert done[3:] == [
        "flushed",
        ("told", 0, "completed"), ("shown", 0),
        ("told", 1, "completed"), ("shown", 1),
        ("told", 2, "interrupted"), ("shown", 2),
    ]  # fmt: skip
    ends.settle()
    assert len(done) == 10, "once"


@pytest.fixture
def running(tmp_path, monkeypatch):
    """How many trials run whenever one is given to one of four workers; by then all that was
    written is on the disk."""
    dirty, counts = [], []
    write, flush = Journal._write, Journal.flush
    monkeypatch.setattr(Journal, "_write", lambda *told: (write(*told), dirty.append(1))[0])
    monkeypatch.setattr(Journal, "flush", lambda journal: (flush(journal), dirty.clear())[0])
    rehearsal = Rehearsal(tmp_path, SWEEP, Fates(0, 0, 0.0), workers=4)

    def watch(job, others):
        assert not dirty
        counts.append(len(others))

    def run():
        rehearsal.watch = watch
        rehearsal.run()
        assert rehearsal.complete()
        return counts

    return run


def test_all_free_workers_get_a_trial_in_one_turn(running):
    assert max(running()) == 3


def test_slow_suggestions_hold_up_no_end_of_others(running, monkeypatch):
    monkeypatch.setattr(loop, "_ASKING_SECONDS", -1.0)  # as if each took longer
    assert set(running()) == {0}, "what has ended is taken in before the next is asked for"
