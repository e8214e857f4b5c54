"""What a person sees of a running sweep, on a terminal and in a log, and what is kept of it."""

import dataclasses
import io
from types import SimpleNamespace

import pytest
import rich.console

from harness.driver import plan as plans
from harness.driver.display import Display
from harness.driver.ends import Ends
from harness.driver.placement import Placement
from harness.engines.engine import Done, Told
from harness.journal.record import Look
from harness.sweep.pairs import Cell
from harness.sweep.question import Budget, Sweep
from harness.trial import Cost, Failure
from tests.driver.test_plan import ended
from tests.hostile.hostile.spaces import good
from tests.hostile.hostile.tasks import blobs

SWEEP = Sweep("shown", ("blobs",), ("good",), budget=Budget(trials=3), seeds=(7, 8))


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "cells", lambda sweep: (Cell(blobs, good),))
    return plans.Plan(SWEEP, tmp_path, None)


@pytest.fixture
def shown(plan, monkeypatch):
    """Makes a display, with all that it has written so far; on a terminal if asked for."""
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)

    def make(terminal=False):
        file = io.StringIO()
        console = rich.console.Console(file=file, width=200, force_terminal=terminal)
        display = Display(plan, 2, console)

        def text():
            written = file.getvalue()
            file.seek(0)
            file.truncate()
            return [line.partition(" ")[2] for line in written.splitlines()], written

        return display, text

    return make


def started(plan):
    """The next trial, which a worker has now."""
    job = plan.next().job
    cell = plan.cell(job.task, job.space, job.number)
    cell.attempts.start(job)
    return cell, job


def test_a_log_has_a_line_for_each_end(shown, plan):
    display, text = shown()
    cell, job = started(plan)
    display.resumed(cell, job, 3)
    display.finished(cell, dataclasses.replace(ended(job, 0.875, seconds=12), lost={
        "model": Failure("infrastructure", "no room on [bold]the disk\x1b[1m"),
    }))  # fmt: skip
    assert text()[0] == [
        "blobs · good · trial 0: goes on from the end of epoch 3",
        "blobs · good · trial 0: validation accuracy 0.875 in 12.0 s",
        "blobs · good · trial 0: no model: no room on [bold]the disk\ufffd[1m",
    ]
    run = dataclasses.replace(ended(job, 0.75), phase="confirm", metrics={"test_accuracy": 0.7})
    display.finished(cell, run)
    broken = ended(job, status="failed")
    display.finished(cell, broken)
    killed = Failure("infrastructure", "killed")
    display.finished(cell, dataclasses.replace(broken, status="interrupted", failure=killed))
    display.finished(cell, dataclasses.replace(broken, status="timeout", failure=None))
    assert [line.split(": ", 1)[1] for line in text()[0]] == [
        "validation accuracy 0.75 in 1.0 s, test 0.7",
        "failed in 1.0 s: broken",
        "to be tried again after 1.0 s: killed",
        "timeout in 1.0 s: no reason given",
    ]
    with display:
        display.refresh()
    assert text()[1] == "", "a log has no table"


def test_a_note_is_said_once(shown):
    display, text = shown()
    for note in ("of two", "of two", "and another"):
        display.note(note)
    assert text()[0] == ["of two", "and another"]


def test_why_a_search_is_over_and_what_becomes_of_seeds(shown, plan):
    display, text = shown()
    cell, job = started(plan)
    display.search_ended(cell, "out of time")
    cell.finish(ended(job, 0.875))
    display.search_ended(cell, "3 trials")
    display.looked(Look("blobs", {"good": 5, "other": 4}, {"other": "not yet clear"}))
    display.looked(Look("blobs", {}, {}))
    assert text()[0] == [
        "blobs · good · search ended: out of time; no trial completed",
        "blobs · good · search ended: 3 trials; best accuracy 0.875",
        "blobs · seeds: good 5, other 4 (other: not yet clear)",
        "blobs · seeds: no more",
    ]


def test_a_terminal_has_a_table_that_is_drawn_anew(shown, plan):
    display, text = shown(terminal=True)
    with display:
        cell, job = started(plan)
        display.refresh()
        assert "0 (starting)" in text()[1]
        display.progress(job, {"epoch": 2, "epochs": 9})
        display.refresh()
        assert "search 0 (2/9)" in text()[1]
        result = dataclasses.replace(ended(job, 0.875), cost=Cost(seconds=600))
        cell.finish(result)
        display.finished(cell, result)
        text()
        display.refresh()
        table = text()[1]
        assert "1/3" in table
        assert "accuracy 0.875" in table
        assert "0/2" in table
        assert (
            "about 20 min left" in table
        )  # two trials and two runs of ten minutes, by two workers
        plan.time = SimpleNamespace(left=lambda: 7200.0)
        display.refresh()
        assert "about 2.0 h left" in text()[1]
    display.refresh()


def test_a_notebook_has_lines_alone(shown, monkeypatch):
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    file = io.StringIO()
    display = Display(None, 1, rich.console.Console(file=file, force_terminal=True))
    with display:
        display.refresh()
        display.note("a line")
    assert file.getvalue().endswith(" a line\n")


@pytest.fixture
def ends(tmp_path, plan, shown):
    """Takes in what workers tell, with a journal that is a list."""
    events = []
    journal = SimpleNamespace(
        append=lambda name, **fields: events.append((name, fields)),
        finish=lambda result: events.append(result) or result,
        flush=lambda: None,
    )
    display, text = shown()
    it = Ends(tmp_path, journal, plan, display, Placement())
    return it, events, text


def begun(ends, plan, **given):
    cell, job = started(plan)
    job = dataclasses.replace(job, **given)
    ends.begin("a", job)
    ends.placement.start("a", job)
    return cell, job


def test_what_a_trial_tells_is_kept_for_when_its_worker_is_lost(ends, plan):
    it, events, text = ends
    begun(it, plan)
    it.handle(Told("a", {"resumed_at": 3, "seconds": 40.0, "flops": 5.0}))
    it.handle(Told("a", {"epoch": 4, "epochs": 9, "flops": 7.0}))
    it.handle(Told("a", {"kept": True}))
    assert text()[0] == ["blobs · good · trial 0: goes on from the end of epoch 3"]
    it.handle(Done("a", failure=Failure("timeout", "too long"), seconds=2.0))
    (result,) = events
    assert (result.status, result.epochs) == ("timeout", 4)
    cost = result.cost
    assert (cost.resumed_at, cost.kept_seconds, cost.kept_flops) == (3, 40.0, 5.0)
    assert (cost.seconds, cost.flops) == (42.0, 7.0)


def test_a_trial_beside_which_none_may_run(ends, plan):
    it, _, _ = ends
    assert not it.alone()
    _, job = begun(it, plan, alone=True)
    assert it.alone()
    it.handle(Done("a", value=ended(job)))
    assert not it.alone()


def test_what_was_left_behind_is_a_file_for_a_person(ends, plan, tmp_path):
    it, _, text = ends
    _, job = begun(it, plan)
    failure = Failure("code", "broken", "Traceback: broken here")
    it.handle(Done("a", value=dataclasses.replace(ended(job, status="failed"), failure=failure)))
    it.settle()
    (path,) = tmp_path.rglob("*.txt")
    assert path.read_text() == "Traceback: broken here"
    text()
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("in the way")
    _, job = begun(it, plan)
    it.handle(Done("a", value=dataclasses.replace(ended(job, status="failed"), failure=failure)))
    it.settle()
    said = text()[0]
    assert any(str(path.parent) in line for line in said), said


def test_what_runs_when_a_sweep_stops_is_interrupted(ends, plan):
    it, events, text = ends
    begun(it, plan)
    it.stop()
    assert [result.status for result in events] == ["interrupted"]
    assert it.jobs == {}
    assert "the sweep was stopped while the trial ran" in text()[0][0]


def test_seeds_that_could_not_be_one_program_run_one_by_one(ends, plan, monkeypatch):
    it, events, text = ends
    cell, job = started(plan)
    each = [dataclasses.replace(job, phase="confirm", number=n, seed=7 + n) for n in range(3)]
    together = SimpleNamespace(
        each=each,
        members=(1, 2),
        alone=False,
        **{name: getattr(job, name) for name in ("program",)},
    )
    it.begin("a", together)
    it.placement.start("a", together)
    apart = []
    monkeypatch.setattr(cell, "set_apart", lambda jobs, reason: apart.append((jobs, reason)))
    it.handle(Told("a", {"number": 1, "result": ended(each[1], 0.75)}))
    assert [(result.number, result.score) for result in events] == [(1, 0.75)]
    it.handle(Done("a", failure=Failure("device_memory", "no room for three"), seconds=2.0))
    assert apart == [([each[0], each[2]], "no room for three")]
    (name, fields) = events[1]
    assert (name, fields["numbers"], fields["reason"]) == ("apart", [0, 2], "no room for three")
    assert len(events) == 2, "no trial has failed with it"
    assert text()[0] == ["blobs · good: seeds are trained one by one: no room for three"]
