"""Importances: found where they are, refused where there is nothing."""

import math

import numpy as np
import pytest
import scipy.stats

from harness.analysis.cells import cell_results
from harness.analysis.statistics import corrected_interval
from harness.journal.read import read_journal
from harness.report.searches.gain import suggestions
from harness.report.searches.importance import (
    EPOCHS,
    LEAST_TRIALS,
    permuted,
    varied,
)
from harness.trial import Asked
from tests.synthetic import write_journal


def drawn(count, seed=0):
    """Hyperparameters of a search: two numbers, a category, and one that the category opens."""
    random = np.random.default_rng(seed)
    head = random.choice(["dense", "pooled"], count).tolist()
    units = [int(u) if h == "dense" else None
             for u, h in zip(random.choice([32, 64, 128], count), head, strict=True)]  # fmt: skip
    return {
        "rate": (10 ** random.uniform(-4, -2, count)).tolist(),
        "width": random.uniform(0, 1, count).tolist(),
        "head": head,
        "head_units": units,
    }


def noise(count, size, seed=1):
    return np.random.default_rng(seed).normal(0, size, count)


def importances(values, scores, direction="max"):
    found = permuted(values, scores, direction)
    assert found is not None
    return found, {one.name: one.lost for one in found.found}


def test_the_one_that_matters_is_found():
    values = drawn(90)
    scores = np.log10(values["rate"]) + noise(90, 0.05)
    found, lost = importances(values, scores)
    assert found.explained.low > 0.5
    assert found.found[0].name == "rate"
    assert lost["rate"].low > 0.5
    for name in ("width", "head", "head_units"):
        assert lost[name].low <= 0 or lost[name].mean < 0.02
    # A search that minimises sees the same.
    assert importances(values, -scores, "min")[1] == lost


def test_a_category_counts_as_a_whole_and_order_does_not_matter():
    random = np.random.default_rng(3)
    pooling = random.choice(["max", "average", "none", "mixed"], 80).tolist()
    effect = {"max": 1.0, "average": 0.0, "none": 1.0, "mixed": 0.0}
    scores = [effect[p] for p in pooling] + noise(80, 0.1)
    _, lost = importances({"pooling": pooling, "width": random.uniform(size=80).tolist()}, scores)
    assert lost["pooling"].low > 0.5
    assert lost["width"].mean < 0.05


def test_a_conditional_hyperparameter_does_not_tell_what_it_depends_on():
    values = drawn(200)
    # What the head is decides all: the units in it, which only tell that there is one, nothing.
    scores = [float(h == "dense") for h in values["head"]] + noise(200, 0.05)
    _, lost = importances(values, scores)
    assert abs(lost["head_units"].mean) < 0.02
    # Here its value matters, and the head only where it has units.
    scores = [0.0 if u is None else math.log2(u / 32) for u in values["head_units"]]
    assert importances(values, scores + noise(200, 0.05))[1]["head_units"].low > 0


def test_noise_is_refused():
    refused = 0
    for seed in range(10):
        found = permuted(drawn(60, seed), noise(60, 1.0, seed + 100).tolist(), "max")
        refused += not found.found
    assert refused == 10


def test_a_diverged_trial_weighs_no_more_than_a_poor_one():
    values = drawn(90)
    scores = np.log10(values["rate"]) + noise(90, 0.05)
    worst = int(np.argmin(scores))
    far = scores.copy()
    far[worst] = -1e9
    assert permuted(values, far, "max") == permuted(values, scores, "max")


def test_nothing_is_said_of_few_trials_or_of_nothing():
    few = LEAST_TRIALS - 1
    assert permuted(drawn(few), list(range(few)), "max") is None
    assert permuted({}, list(range(50)), "max") is None
    same = permuted(drawn(50), [0.5] * 50, "max")
    assert same.explained.mean == 0
    assert same.found == ()


def test_the_corrected_interval_is_wider_than_that_of_independent_values():
    values = [0.5, 0.7, 0.6, 0.8]
    interval = corrected_interval(values, 0.0)
    low, high = scipy.stats.t.interval(0.95, 3, np.mean(values), scipy.stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx((low, high))
    # Nadeau and Bengio (2003): 1/4 becomes 1/4 + 1/2, so the width grows by the root of three.
    wider = corrected_interval(values, 0.5)
    assert wider.high - wider.mean == pytest.approx(math.sqrt(3) * (high - wider.mean))


def test_what_is_looked_at_varied_among_scored_trials(tmp_path):
    write_journal(tmp_path, trials=6)
    record = read_journal(tmp_path)
    cell = cell_results(record)[0]
    columns, scores = varied(cell, suggestions(record)[cell.task, cell.space])
    # Trial 1 diverged.
    assert len(scores) == 5
    assert set(columns) <= {"units", "layers", "dropout"}
    assert all(len(set(column)) > 1 for column in columns.values())


def test_a_continued_trial_counts_once_and_epochs_become_a_hyperparameter(tmp_path):
    write_journal(tmp_path, trials=6, failures=False)
    cell = cell_results(read_journal(tmp_path))[0]
    asked = {n: Asked(cell.task, cell.space, n, {"units": n, "bad": math.inf}, 1, 0, None)
             for n in range(6)}  # fmt: skip
    asked[5] = Asked(cell.task, cell.space, 5, {"units": 2}, 4, 1, 2)
    columns, scores = varied(cell, asked)
    assert len(scores) == 5
    assert columns == {"units": [0, 1, 3, 4, 2], EPOCHS: [1, 1, 1, 1, 4]}
