"""What report, MLflow, the driver and the command line ask a record, each in one way."""

import dataclasses
import math

import pytest

from harness.analysis.cells import (
    best_trial,
    cell_results,
    exit_code,
    is_done,
    objective_of,
    scores_on_test,
    unconfirmed,
)
from harness.journal.read import read_journal
from harness.spec import Objective
from harness.trial import TrialResult
from tests.synthetic import write_journal

HIGHER, LOWER = Objective("accuracy", "max"), Objective("loss", "min")


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path)
    return read_journal(tmp_path)


@pytest.fixture
def trials(record):
    return cell_results(record)[0].search


def scored(trials, *scores, status="completed"):
    return [
        dataclasses.replace(trials[0], number=number, score=score, status=status)
        for number, score in enumerate(scores)
    ]


def test_the_best_trial_has_the_best_score_and_of_equals_the_lowest_number(trials):
    found = scored(trials, 0.3, 0.9, 0.9, 0.1)
    assert best_trial(found, HIGHER).number == 1
    assert best_trial(reversed(found), HIGHER).number == 1
    assert best_trial(found, LOWER).number == 3


def test_what_is_not_finite_or_not_completed_is_never_the_best(trials):
    odd = scored(trials, math.nan, None, math.inf, -math.inf)
    assert best_trial(odd, HIGHER) is None
    assert best_trial(scored(trials, 0.5, status="timeout"), HIGHER) is None
    assert best_trial([*odd, *scored(trials, 0.0)], LOWER).score == 0.0


def test_nothing_is_left_to_do_after_the_last_seed():
    assert is_done(ended=True, winner=True, confirmed=3, seeds=3)
    assert is_done(ended=True, winner=False, confirmed=0, seeds=3), "nothing to confirm"
    assert not is_done(ended=True, winner=True, confirmed=2, seeds=3)
    assert not is_done(ended=False, winner=True, confirmed=3, seeds=3)


def test_scores_are_those_of_completed_confirmation_runs(record):
    cell = cell_results(record)[0]
    assert scores_on_test((*cell.search, *cell.confirm), "accuracy") == cell.scores
    assert len(cell.scores) == 3
    assert scores_on_test(cell.confirm, "f1") == ()
    lost = [dataclasses.replace(result, status="failed") for result in cell.confirm]
    assert scores_on_test(lost, "accuracy") == ()


def test_a_task_without_data_has_a_direction_all_the_same(record):
    assert objective_of(record, "digits") == HIGHER
    assert objective_of(record, "other") == Objective("", "max")


def test_the_exit_code_tells_whether_every_cell_is_confirmed(record):
    assert (unconfirmed(record), exit_code(record)) == ([], 0)
    history = tuple(
        entry
        for entry in record.history
        if not (isinstance(entry, TrialResult) and entry.key[1:3] == ("cnn", "confirm"))
    )
    without = dataclasses.replace(record, history=history)
    assert unconfirmed(without) == [("digits", "cnn"), ("fashion_mnist", "cnn")]
    assert exit_code(without) == 1
