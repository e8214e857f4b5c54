"""Normalised scores across tasks: against SciPy and by hand."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

from harness.analysis.cells import by_task, cell_results
from harness.journal.read import read_journal
from harness.report.across_tasks import interquartile
from harness.report.across_tasks.interquartile import (
    Across,
    interquartile_mean,
    interquartile_section,
    normalised,
    probability_of_improvement,
    standings,
)
from harness.report.across_tasks.ranks import common_tasks
from harness.report.page import markdown
from harness.spec import Reference
from harness.trial import TrialResult
from tests.answered import work_out
from tests.synthetic import write_journal

RANDOM = np.random.default_rng(0)


def test_the_interquartile_mean_is_that_of_scipy_where_tasks_have_as_many_runs():
    groups = [RANDOM.normal(size=4) for _ in range(3)]
    expected = scipy.stats.trim_mean(np.concatenate(groups), 0.25)
    assert interquartile_mean(groups) == pytest.approx(expected)


def test_each_task_has_the_same_share():
    groups = [np.full(9, 1.0), np.full(3, 2.0), np.full(1, 3.0), np.full(2, 4.0)]
    assert interquartile_mean(groups) == pytest.approx(2.5)  # half of it 2, half of it 3


def test_one_wild_task_does_not_decide_it():
    groups = [np.full(3, 0.5)] * 4
    assert interquartile_mean([*groups, np.full(3, -1e6)]) == pytest.approx(0.5)


def test_the_probability_of_improvement_is_that_of_mann_and_whitney():
    a, b = RANDOM.normal(0.5, size=5), RANDOM.normal(size=7)
    expected = scipy.stats.mannwhitneyu(a, b).statistic / 35
    assert probability_of_improvement([a], [b]) == pytest.approx(expected)
    assert probability_of_improvement([a, a], [b, a]) == pytest.approx((expected + 0.5) / 2)


def across(**scores):
    return Across({n: {"one": np.array(a), "two": np.array(b)} for n, (a, b) in scores.items()}, {})


def test_intervals_hold_their_means_and_close_where_nothing_varies():
    found = standings(across(good=([0.8, 0.9, 1.0], [0.7, 0.8, 0.9]), poor=([0.1] * 3, [0.2] * 3)))
    assert list(found.means) == ["good", "poor"]
    assert found.means["good"].low < found.means["good"].mean < found.means["good"].high
    assert found.means["poor"].low == found.means["poor"].high == pytest.approx(0.15)
    assert found.improves["good", "poor"].low == 1
    assert found.improves["poor", "good"].high == 0


def test_one_run_has_no_interval():
    found = standings(across(good=([0.8], [0.7]), poor=([0.1], [0.9])))
    assert math.isnan(found.means["good"].low)
    assert found.improves["good", "poor"].mean == 0.5


def test_the_interval_of_a_mean_holds_the_truth_mostly(monkeypatch):
    monkeypatch.setattr(interquartile, "REPLICATES", 200)
    held = 0
    for number in range(60):
        random = np.random.default_rng(number)
        tasks = {f"t{n}": random.normal(0.5, 0.1, 10) for n in range(4)}
        interval = standings(Across({"a": tasks, "b": tasks}, {})).means["a"]
        held += interval.low <= 0.5 <= interval.high
    assert held >= 50


# --- from records -----------------------------------------------------------------


def record_of(folder, reference=None, baseline=0.5):
    """Two tasks, on which `cnn` scores 0.9 and `mlp` 0.7, a little different by seed."""

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.phase == "search":
            return entry
        score = (0.9 if entry.space == "cnn" else 0.7) + 0.01 * (entry.number - 1)
        return dataclasses.replace(entry, metrics={"test_accuracy": score})

    write_journal(folder, failures=False)
    record = read_journal(folder)
    tasks = {
        name: dataclasses.replace(
            task, baseline={"accuracy": 0.1, "accuracy_ridge": baseline},
            reference=reference and Reference(reference, "paper"),
        )
        for name, task in record.tasks.items()
    }  # fmt: skip
    return dataclasses.replace(record, tasks=tasks, history=tuple(map(edit, record.history)))


def common_of(record):
    (found,) = common_tasks(by_task(cell_results(record)), record.sweep)
    return found


def test_scores_lie_between_the_simple_method_and_the_best(tmp_path):
    found = normalised(common_of(record_of(tmp_path)))
    np.testing.assert_allclose(found.scores["cnn"]["digits"], [0.975, 1.0, 1.025])
    np.testing.assert_allclose(found.scores["mlp"]["digits"], [0.475, 0.5, 0.525])


def test_a_published_reference_counts_1(tmp_path):
    found = normalised(common_of(record_of(tmp_path, reference=1.0)))
    np.testing.assert_allclose(found.scores["cnn"]["digits"][1], 0.8)


def test_a_task_on_which_nothing_beats_the_simple_method_is_left_out(tmp_path):
    record = record_of(tmp_path, baseline=0.95)
    found = normalised(common_of(record))
    assert found.tasks == []
    assert set(found.left_out) == {"digits", "fashion_mnist"}
    assert interquartile_section([common_of(record)]) == ""


def test_the_section_stands_beside_the_ranks(tmp_path):
    record = record_of(tmp_path)
    text = interquartile_section([common_of(record)])
    (row,) = (line for line in text.splitlines() if line.startswith("| `cnn`"))
    assert [cell.strip() for cell in row.strip("|").split("|")][1] == "1.00"
    assert "1.00 (1.00 to 1.00)" in row
    page = markdown(work_out(record))
    assert text in page
    assert "average rank" in page.split("## Across tasks")[1]
