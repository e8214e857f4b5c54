"""What report, MLflow, the driver and the command line ask a record, each in one way."""

import dataclasses
import math

import pytest

from harness.analysis.cells import (
    best_trial,
    cell_results,
    exit_code,
    interval_of,
    is_done,
    objective_of,
    scores_on_test,
    unconfirmed,
)
from harness.analysis.statistics import mean_interval
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


def test_an_interval_of_several_searches_is_over_their_means(tmp_path):
    write_journal(tmp_path, spaces=("mlp",), tasks=("digits",), seeds=(0, 1), searches=3)
    (cell,) = cell_results(read_journal(tmp_path))
    assert len(cell.scores) == 6
    groups = [[r.metrics["test_accuracy"] for r in cell.confirm if r.number % 3 == s]
              for s in range(3)]  # fmt: skip
    assert cell.sample == pytest.approx([sum(group) / 2 for group in groups])
    assert cell.interval == mean_interval(cell.sample)
    assert cell.mean == pytest.approx(cell.interval.mean)
    assert dataclasses.replace(cell, seeds=2).finished
    assert not dataclasses.replace(cell, seeds=3).finished


@pytest.mark.parametrize("metric, scores, low, high", [
    ("accuracy", (0.97, 0.99, 1.0), None, 1.0),
    ("masked_token_accuracy", (0.0, 0.01, 0.03), 0.0, None),
    ("accuracy", (97.0, 99.0, 100.0), None, None),
    ("perplexity", (1.0, 1.1, 1.4), 1.0, None),
    ("mine", (0.97, 0.99, 1.0), None, None),
])  # fmt: skip
def test_an_interval_ends_where_the_scale_of_the_metric_does(metric, scores, low, high):
    whole, found = mean_interval(scores), interval_of(scores, metric)
    assert found.mean == whole.mean
    assert found.low == (whole.low if low is None else low)
    assert found.high == (whole.high if high is None else high)
    assert whole.low <= found.low <= found.mean <= found.high <= whole.high


def test_the_configuration_of_several_searches_is_chosen_on_validation(tmp_path):
    write_journal(tmp_path, spaces=("mlp",), tasks=("digits",), seeds=(0, 1), searches=3)
    (cell,) = cell_results(read_journal(tmp_path))
    runs = [
        dataclasses.replace(r, score=0.9 if r.number == 4 else 0.5, metrics={"test_accuracy": 0.1})
        for r in cell.confirm
    ]
    best = dataclasses.replace(cell, confirm=tuple(runs)).best
    assert best.number == 1, "the first run of the search that run 4 belongs to"


def test_nothing_is_left_to_do_after_the_last_seed():
    assert is_done(ended=True, winners=1, confirmed=3, seeds=3)
    assert is_done(ended=True, winners=0, confirmed=0, seeds=3), "nothing to confirm"
    assert not is_done(ended=True, winners=1, confirmed=2, seeds=3)
    assert not is_done(ended=False, winners=1, confirmed=3, seeds=3)
    assert is_done(ended=True, winners=2, confirmed=6, seeds=3), "one search in three found none"
    assert not is_done(ended=True, winners=3, confirmed=6, seeds=3)


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
