"""What is to be read with care, from made-up records; and silence where nothing is wrong."""

import dataclasses

import numpy as np
import pytest

from harness.analysis.cells import by_task, cell_results
from harness.journal.read import read_journal
from harness.report.answer import work_out
from harness.report.page import markdown
from harness.report.searches.edges import edges
from harness.report.searches.gain import suggestions
from harness.report.verdicts.care import care, rise
from harness.report.verdicts.per_example import Outcomes
from harness.trial import Asked, TrialResult
from tests.synthetic import write_journal


def record_of(folder, edit=lambda entry: entry, **options):
    write_journal(folder, tasks=("digits",), failures=False, **options)
    record = read_journal(folder)
    return dataclasses.replace(record, history=tuple(map(edit, record.history)))


def said(record, outcomes=None):
    cells = cell_results(record)
    return list(care(by_task(cells), suggestions(record), outcomes or {}))


def curve_of(scores):
    return tuple(
        {"epoch": n, "seconds": 1.0 * n, "val_accuracy": float(score)}
        for n, score in enumerate(scores, start=1)
    )


def with_curves(scores_of):
    """An edit that gives confirmation runs these validation scores by architecture."""

    def edit(entry):
        if not isinstance(entry, TrialResult):
            return entry
        if entry.phase == "search":
            return dataclasses.replace(entry, score=0.5 + 0.01 * entry.number)
        scores = scores_of[entry.space] + 0.001 * (entry.seed % 3)
        best = float(scores.max())
        metrics = {"val_accuracy": best, "test_accuracy": best - 0.002}
        return dataclasses.replace(
            entry, curve=curve_of(scores), score=best, metrics=metrics, epochs=len(scores)
        )

    return edit


TIMES = np.arange(1.0, 13)
FLAT = np.minimum(0.95, 0.5 + 0.1 * TIMES)
RISING = 0.95 - 0.4 * TIMES**-0.5


def test_a_sweep_that_is_fine_gives_nothing_to_care_about(tmp_path):
    assert said(record_of(tmp_path, with_curves({"cnn": FLAT, "mlp": FLAT - 0.02}))) == []


def test_runs_that_were_still_improving_are_told_with_what_more_would_give(tmp_path):
    record = record_of(tmp_path, with_curves({"cnn": FLAT, "mlp": RISING}))
    (sentence,) = said(record)
    assert sentence.startswith("On `digits` runs were still improving at their end, by accuracy")
    assert "`mlp` (best epoch late in 3 of 3, 0.0" in sentence
    assert "`cnn`" not in sentence
    mlp = next(cell for cell in cell_results(record) if cell.space == "mlp")
    # After 24 epochs the law gives 0.95 - 0.4 / sqrt(24).
    assert rise(mlp).expected == pytest.approx(0.4 / np.sqrt(12) - 0.4 / np.sqrt(24), rel=0.05)
    assert sentence in markdown(work_out(record))


def test_nothing_is_expected_of_a_curve_that_is_no_power_law(tmp_path):
    steps = np.where(TIMES < 10, 0.5 + 0.001 * TIMES, 0.6 + 0.02 * TIMES)
    record = record_of(tmp_path, with_curves({"cnn": FLAT, "mlp": steps}))
    (sentence,) = said(record)
    assert "expected to give" not in sentence


@pytest.mark.parametrize("late", [0, 1])
def test_few_late_runs_are_no_caution(tmp_path, late):
    def edit(entry):
        if isinstance(entry, TrialResult) and entry.phase == "confirm":
            scores = RISING if entry.seed < late else FLAT
            return with_curves({"cnn": scores, "mlp": scores})(entry)
        return entry

    assert not any("still improving" in sentence for sentence in said(record_of(tmp_path, edit)))


def test_the_luck_of_a_winner_is_told(tmp_path):
    def edit(entry):
        entry = with_curves({"cnn": FLAT, "mlp": FLAT - 0.1})(entry)
        if isinstance(entry, TrialResult) and entry.phase == "search" and entry.space == "mlp":
            return dataclasses.replace(entry, score=0.90 + 0.01 * (entry.number == 2))
        return entry

    (sentence,) = said(record_of(tmp_path, edit))
    assert "what was found for `mlp` reaches accuracy 0.851 on validation" in sentence
    assert "worse than the default configuration in the search (0.9)" in sentence
    assert "its own 0.91 there was luck" in sentence


def test_splits_that_are_not_of_one_kind_are_told(tmp_path):
    def edit(entry):
        entry = with_curves({"cnn": FLAT - 0.2, "mlp": FLAT - 0.22})(entry)
        if isinstance(entry, TrialResult) and entry.phase == "confirm":
            easier = 1 - (1 - entry.metrics["val_accuracy"]) / 3
            return dataclasses.replace(entry, metrics={**entry.metrics, "test_accuracy": easier})
        return entry

    (sentence,) = said(record_of(tmp_path, edit))
    assert sentence.startswith(
        "On `digits` the test split is easier than validation: accuracy 0.91"
    )
    assert "errors 3.0 times as small" in sentence


def test_a_gap_that_only_some_architectures_show_is_none_of_the_splits(tmp_path):
    def edit(entry):
        entry = with_curves({"cnn": FLAT, "mlp": FLAT - 0.02})(entry)
        if isinstance(entry, TrialResult) and entry.phase == "confirm" and entry.space == "mlp":
            return dataclasses.replace(entry, metrics={**entry.metrics, "test_accuracy": 0.7})
        return entry

    assert said(record_of(tmp_path, edit)) == []


def test_few_independent_examples_are_told(tmp_path):
    record = record_of(tmp_path, with_curves({"cnn": FLAT, "mlp": FLAT - 0.02}))
    (sentence,) = said(record, {"digits": Outcomes(independent=6.3)})
    assert "about 6 examples that are independent" in sentence
    assert said(record, {"digits": Outcomes(independent=60.0)}) == []


# --- edges ------------------------------------------------------------------------


def searched(folder, trend, trials=12):
    """A search of `mlp` on `digits` whose scores go with the learning rate as `trend` says."""
    rates = np.geomspace(3e-4, 1e-2, trials)

    def edit(entry):
        entry = with_curves({"mlp": FLAT})(entry)
        if isinstance(entry, Asked):
            values = {"training.learning_rate": float(rates[entry.number])}
            return dataclasses.replace(entry, values=values)
        if isinstance(entry, TrialResult) and entry.phase == "search":
            return dataclasses.replace(entry, score=float(trend(entry.number)))
        return entry

    record = record_of(folder, edit, spaces=("mlp",), trials=trials)
    (cell,) = cell_results(record)
    return record, edges(cell, suggestions(record)["digits", "mlp"])


def test_a_best_at_the_edge_that_trials_rise_towards_is_told(tmp_path):
    record, found = searched(tmp_path, lambda number: 0.5 + 0.01 * number)
    (edge,) = found
    assert (edge.name, edge.low) == ("training.learning_rate", False)
    assert edge.value == pytest.approx(1e-2)
    (sentence,) = (s for s in said(record) if "upper end" in s)
    assert "`training.learning_rate`: 0.01 in 0.0003 to 0.01" in sentence
    _, found = searched(tmp_path / "down", lambda number: 0.7 - 0.01 * number)
    assert [edge.low for edge in found] == [True]


def test_a_best_at_the_edge_by_luck_is_not(tmp_path):
    _, found = searched(tmp_path, lambda number: 0.9 if number == 11 else 0.6 - 0.01 * number)
    assert found == []


def test_a_best_within_the_range_is_not(tmp_path):
    _, found = searched(tmp_path, lambda number: 0.9 - 0.01 * abs(number - 6))
    assert found == []


def test_few_trials_say_nothing(tmp_path):
    _, found = searched(tmp_path, lambda number: 0.5 + 0.01 * number, trials=5)
    assert found == []
