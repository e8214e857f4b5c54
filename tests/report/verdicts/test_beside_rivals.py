"""The best architecture beside the best simple method: intervals, words, pairs of examples."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

from harness.analysis.cells import by_task, cell_results
from harness.analysis.rivals import Rival, rivals_of, standing, strongest
from harness.analysis.statistics import Interval, Uncertainty, distance_from
from harness.journal.folder import outcomes_path, rival_path
from harness.journal.read import read_journal
from harness.report.answer import read_answer
from harness.report.page import markdown
from harness.spec import Objective
from harness.trial import TrialResult
from tests.synthetic import write_journal

MAX, MIN = Objective("accuracy", "max"), Objective("mse", "min")


def test_the_distance_of_one_sample_is_that_of_the_t_test():
    sample = (0.81, 0.84, 0.86)
    found = distance_from(0.7, sample)
    ends = scipy.stats.ttest_1samp(sample, 0.7).confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low - 0.7, ends.high - 0.7))
    assert found.mean == pytest.approx(np.mean(sample) - 0.7)


def test_the_best_of_many_is_further_from_being_told():
    sample = (0.81, 0.84, 0.86)
    widths = [distance_from(0.7, sample, groups=groups) for groups in (2, 3, 6)]
    assert widths[0].low > widths[1].low > widths[2].low
    more = distance_from(0.7, sample, further=Uncertainty(0.01, 100.0))
    assert more.high > widths[0].high
    assert math.isnan(distance_from(0.7, (0.8,)).low)
    assert distance_from(0.7, (0.8, 0.8)) == Interval(pytest.approx(0.1), *[pytest.approx(0.1)] * 2)


@pytest.mark.parametrize(
    ("interval", "measure", "expected"),
    [
        (Interval(0.1, 0.05, 0.15), MAX, "beaten"),
        (Interval(0.1, -0.05, 0.25), MAX, "not told from"),
        (Interval(0.1, math.nan, math.nan), MAX, "ahead of"),
        (Interval(-0.1, -0.2, -0.05), MAX, "unbeaten"),
        (Interval(-0.1, -0.2, -0.05), MIN, "beaten"),
        (Interval(0.0, 0.0, 0.0), MIN, "unbeaten"),
    ],
)
def test_what_a_difference_says(interval, measure, expected):
    assert standing(interval, measure) == expected


def test_rivals_have_articles_and_the_trivial_one_is_among_them():
    known = rivals_of({"mse": 2.0, "mse_ridge_regression": 0.5, "mse_other": 1}, "mse",
                      {"test_mse_other"})  # fmt: skip
    assert known == {"ridge regression": 0.5}
    assert strongest(2.0, known, MIN) == Rival("ridge regression", 0.5)
    assert strongest(0.1, known, MIN) == Rival("", 0.1)
    assert strongest(math.nan, {}, MIN) is None
    names = [Rival(name, 0).described for name in ("ridge regression", "n-gram", "average", "")]
    assert names == ["a ridge regression", "a n-gram", "an average", "the trivial baseline"]


def answered(tmp_path, rival_right, examples=400):
    """The first paragraph and *How sure* of a sweep whose models and whose rival have outcomes."""
    folder = tmp_path / "quick"
    write_journal(folder, tasks=("digits",), failures=False)
    record = read_journal(folder)
    random = np.random.default_rng(0)
    hard = random.random(examples)
    scores = {}
    for seed in (0, 1, 2):
        for space, share in (("cnn", 0.9), ("mlp", 0.8)):
            right = hard + random.normal(0, 0.02, examples) < share
            scores[space, seed] = right.mean()
            path = folder / outcomes_path("digits", space, seed)
            path.parent.mkdir(exist_ok=True)
            np.savez_compressed(path, correct=right)
    rival = hard < rival_right
    np.savez_compressed(folder / rival_path("digits", "nearest_mean"), correct=rival)
    floor = {"accuracy": 0.1, "accuracy_nearest_mean": float(rival.mean())}
    known = dataclasses.replace(record.tasks["digits"], baseline=floor)
    history = tuple(
        dataclasses.replace(e, metrics={**e.metrics, "test_accuracy": scores[e.space, e.seed]})
        if isinstance(e, TrialResult) and e.phase == "confirm" else e
        for e in record.history
    )  # fmt: skip
    record = dataclasses.replace(record, tasks={"digits": known}, history=history)
    answer = read_answer(folder, record, cell_results(record))
    page = markdown(answer)
    return answer, page.split("\n\n")[1], page


def test_a_rival_is_compared_on_the_same_examples(tmp_path):
    answer, first, page = answered(tmp_path, 0.6)
    found = answer.beside["digits"]
    assert found.paired
    assert found.standing == "beaten"
    assert "It beats a nearest mean (accuracy 0.56" in first
    assert f"`cnn` minus a nearest mean: {found.difference.mean:.3f} (95 % interval" in page
    assert "other models on other test examples, drawn in pairs" in page


def test_few_examples_make_a_rival_hard_to_tell(tmp_path):
    answer, first, _ = answered(tmp_path, 0.87, examples=80)
    found = answer.beside["digits"]
    alone = distance_from(found.rival.value, by_task(answer.cells)["digits"][0].sample, groups=3)
    assert found.difference.low <= alone.low
    assert found.standing == "not told from"
    assert first.startswith("On `digits` no architecture can be told from a nearest mean (accuracy")


def test_a_rival_whose_outcomes_are_of_another_score_is_not_paired(tmp_path):
    answer, _, _ = answered(tmp_path, 0.6)
    assert answer.outcomes["digits"].rivals.keys() == {"nearest mean"}
    folder = tmp_path / "quick"
    np.savez_compressed(folder / rival_path("digits", "nearest_mean"), correct=np.ones(400, bool))
    again = read_answer(folder, answer.record, answer.cells)
    assert not again.outcomes["digits"].rivals
    assert not again.beside["digits"].paired
