"""Searches that begin with the winners of an earlier sweep."""

import dataclasses

import pytest

from harness.driver import plan as plans
from harness.driver import preflight, winners
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.spec import HarnessError
from harness.sweep.pairs import Cell
from harness.sweep.question import Start
from tests.driver.test_plan import SWEEP, ended, play
from tests.hostile.hostile.spaces import good, waiting
from tests.hostile.hostile.tasks import blobs


@pytest.fixture(autouse=True)
def _cells(monkeypatch):
    by_name = {"good": good, "waiting": waiting}
    for module in (plans, preflight, winners):
        monkeypatch.setattr(
            module, "cells", lambda sweep: tuple(Cell(blobs, by_name[n]) for n in sweep.spaces)
        )


@pytest.fixture
def old(tmp_path):
    """The folder of a sweep over one space, and the values of its winner."""
    folder = tmp_path / "old"
    sweep = dataclasses.replace(SWEEP, spaces=("good",), search_seed=5)
    with Journal(folder) as journal:
        journal.begin(sweep, {}, "")
        played(sweep, folder, journal)
    record = read_journal(folder)
    searched = [r for r in record.results if r.phase == "search"]
    best = max(searched, key=lambda r: r.score).number
    return folder, next(e.values for e in record.history if getattr(e, "number", -1) == best)


def played(sweep, folder, journal):
    return play(plans.Plan(sweep, folder, None), by_rate, journal)


def by_rate(job):
    return ended(job, score=job.training.learning_rate)


def test_a_search_begins_with_the_winner_of_its_cell(old, tmp_path):
    folder, values = old
    sweep = winners.resolved(dataclasses.replace(SWEEP, first=str(folder)), None)
    assert sweep.first == (Start("good", values, "blobs"),)
    jobs = play(plans.Plan(sweep, tmp_path, None), by_rate)
    rates = {job.space: job.training.learning_rate for job in jobs if job.number == 1}
    assert rates["good"] == values["training.learning_rate"]
    assert rates["waiting"] != rates["good"]


def test_a_sweep_that_has_begun_keeps_what_it_began_with(old, tmp_path):
    asked = dataclasses.replace(SWEEP, first=str(tmp_path / "gone"))
    begun = winners.resolved(dataclasses.replace(SWEEP, first=str(old[0])), None)
    with Journal(tmp_path / "new") as journal:
        journal.begin(begun, {}, "")
    record = read_journal(tmp_path / "new")
    again = winners.resolved(asked, record)
    assert again == begun
    assert preflight.carried_on(tmp_path / "new", record, again) is record, "the same question"


def test_a_folder_without_a_winner_is_refused_by_name(old, tmp_path):
    with pytest.raises(HarnessError, match=r"first = '.*gone': expected the folder of a sweep"):
        winners.resolved(dataclasses.replace(SWEEP, first=str(tmp_path / "gone")), None)
    other = dataclasses.replace(SWEEP, spaces=("waiting",), first=str(old[0]))
    with pytest.raises(HarnessError, match=r"a cell of this one; it has blobs x good$"):
        winners.resolved(other, None)


def test_values_that_fit_no_more_are_refused_by_name(tmp_path):
    start = Start("good", {"training.learning_rate": 7.0})
    sweep = dataclasses.replace(SWEEP, first=(start,))
    message = r"first\[0\].values.training.learning_rate = 7.0: expected a number from"
    with pytest.raises(HarnessError, match=message):
        plans.Plan(sweep, tmp_path, None)
