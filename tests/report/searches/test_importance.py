"""Importances and interactions: found where they are, refused where there is nothing."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.formula.api as smf
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from statsmodels.stats.anova import anova_lm

from harness.analysis.cells import cell_results
from harness.journal.read import read_journal
from harness.report.searches.factors import EPOCHS, Factor, factors
from harness.report.searches.gain import asking
from harness.report.searches.importance import LEAST_TRIALS, corrected_interval, surrogate
from harness.report.searches.interaction import (
    interaction_test,
    main_effects,
    strongest_interaction,
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


def as_factors(values):
    return [Factor(name, tuple(column)) for name, column in values.items()]


def noise(count, size, seed=1):
    return np.random.default_rng(seed).normal(0, size, count)


def importances(values, scores, direction="max"):
    found = surrogate(as_factors(values), scores, direction)
    assert found is not None
    return found, {one.name: one.lost for one in found.importances}


def test_the_one_that_matters_is_found():
    values = drawn(90)
    scores = np.log10(values["rate"]) + noise(90, 0.05)
    found, lost = importances(values, scores)
    assert found.explained.low > 0.5
    assert found.importances[0].name == "rate"
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


def test_a_conditional_hyperparameter_is_shuffled_only_where_it_is_active():
    values = drawn(200)
    # What the head is decides all: the units in it, which only tell that there is one, nothing.
    scores = [float(h == "dense") for h in values["head"]] + noise(200, 0.05)
    _, lost = importances(values, scores)
    assert abs(lost["head_units"].mean) < 0.02
    # Here its value matters, and the head only where it has units.
    scores = [0.0 if u is None else math.log2(u) for u in values["head_units"]] + noise(200, 0.05)
    assert importances(values, scores)[1]["head_units"].low > 0


def test_noise_is_refused():
    refused = 0
    for seed in range(10):
        found = surrogate(as_factors(drawn(60, seed)), noise(60, 1.0, seed + 100).tolist(), "max")
        refused += not found.explains and not found.importances
    assert refused == 10


def test_a_diverged_trial_weighs_no_more_than_a_poor_one():
    values = drawn(90)
    scores = np.log10(values["rate"]) + noise(90, 0.05)
    worst = int(np.argmin(scores))
    far = scores.copy()
    far[worst] = -1e9
    assert surrogate(as_factors(values), far, "max") == surrogate(as_factors(values), scores, "max")


def test_nothing_is_said_of_few_trials_or_of_nothing():
    few = LEAST_TRIALS - 1
    assert surrogate(as_factors(drawn(few)), list(range(few)), "max") is None
    assert surrogate([], list(range(50)), "max") is None
    same = surrogate(as_factors(drawn(50)), [0.5] * 50, "max")
    assert same.explained.mean == 0
    assert not same.explains


def test_importances_agree_with_those_of_scikit_learn():
    random = np.random.default_rng(5)
    table = random.uniform(size=(300, 3))
    scores = table[:, 0] + 0.5 * table[:, 1] + random.normal(0, 0.05, 300)
    _, lost = importances({name: table[:, i].tolist() for i, name in enumerate("abc")}, scores)
    ranks = scipy.stats.rankdata(scores) / 300
    forest = RandomForestRegressor(60, max_features=1 / 3, min_samples_leaf=3, random_state=0)
    forest.fit(table[:200], ranks[:200])
    theirs = permutation_importance(forest, table[200:], ranks[200:], n_repeats=30, random_state=0)
    for name, mean in zip("abc", theirs.importances_mean, strict=True):
        assert lost[name].low - 0.05 < mean < lost[name].high + 0.05


def test_the_corrected_interval_is_wider_than_that_of_independent_values():
    values = [0.5, 0.7, 0.6, 0.8]
    interval = corrected_interval(values, 0.0)
    low, high = scipy.stats.t.interval(0.95, 3, np.mean(values), scipy.stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx((low, high))
    # Nadeau and Bengio (2003): 1/4 becomes 1/4 + 1/2, so the width grows by the root of three.
    wider = corrected_interval(values, 0.5)
    assert wider.high - wider.mean == pytest.approx(math.sqrt(3) * (high - wider.mean))


def test_the_interaction_test_is_the_analysis_of_variance():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.integers(levels, size=90)
                          for name, levels in (("a", 3), ("b", 4), ("c", 2))})  # fmt: skip
    frame["y"] = frame.a * (frame.b == 1) + frame.c + random.normal(0, 1, 90)
    groups = [frame[name].to_numpy() for name in "abc"]
    p_value, share = interaction_test(main_effects(groups), *groups[:2], frame.y.to_numpy())
    small = smf.ols("y ~ C(a) + C(b) + C(c)", frame).fit()
    large = smf.ols("y ~ C(a) * C(b) + C(c)", frame).fit()
    assert p_value == pytest.approx(anova_lm(small, large)["Pr(>F)"][1])
    total = ((frame.y - frame.y.mean()) ** 2).sum()
    assert share == pytest.approx((small.ssr - large.ssr) / total)


def test_a_real_interaction_is_found_with_its_table():
    values = drawn(120)
    steep = np.array(values["width"]) * (np.array(values["head"]) == "dense")
    found = strongest_interaction(as_factors(values), (steep + noise(120, 0.1)).tolist(), "max")
    assert {found.rows, found.columns} == {"width", "head"}
    assert found.p_value < 0.001
    assert found.counts.sum() == 120
    assert found.column_levels == ("dense", "pooled")
    np.testing.assert_array_less(found.means[0, 0] + 0.5, found.means[-1, 0])
    assert abs(found.means[-1, 1] - found.means[0, 1]) < 0.2


def test_what_only_adds_up_is_no_interaction():
    wrong = 0
    for seed in range(40):
        values = drawn(100, seed)
        scores = np.log10(values["rate"]) + np.array(values["width"]) + noise(100, 0.3, seed)
        wrong += strongest_interaction(as_factors(values), scores.tolist(), "max") is not None
    # 5 % for all pairs of a cell together: of 40 cells, more than 6 happen once in 300.
    assert wrong <= 6


def test_pairs_that_are_never_active_together_are_left_out():
    random = np.random.default_rng(0)
    first = [float(v) if i % 2 else None for i, v in enumerate(random.uniform(size=120))]
    second = [None if i % 2 else float(v) for i, v in enumerate(random.uniform(size=120))]
    chosen = [Factor("a", tuple(first)), Factor("b", tuple(second))]
    assert strongest_interaction(chosen, noise(120, 1.0).tolist(), "max") is None


def test_levels_keep_few_values_and_cut_many():
    groups, names = Factor("f", (3, 1, None, 3)).levels()
    assert (groups.tolist(), names) == ([1, 0, -1, 1], ["1", "3"])
    groups, names = Factor("f", (True, False, None)).levels()
    assert (groups.tolist(), names) == ([1, 0, -1], ["False", "True"])
    groups, names = Factor("f", tuple(range(8))).levels()
    assert (groups.tolist(), names) == ([0, 0, 1, 1, 2, 2, 3, 3], [f"{i} to {i + 1}" for i in
                                                                  (0, 2, 4, 6)])  # fmt: skip
    groups, names = Factor("f", (*"aabbccdde", None)).levels()
    assert names == ["a", "b", "c", "others"]
    assert groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3, -1]
    # Most values alike: no level without a trial.
    groups, names = Factor("f", (0, 0, 0, 0, 0, 0, 1, 2, 3, 4)).levels()
    assert sorted(set(groups.tolist())) == list(range(len(names)))


def test_columns_leave_missing_numbers_missing_and_missing_categories_empty():
    assert Factor("f", (1, None, True)).columns[[0, 2]].tolist() == [[1.0], [1.0]]
    assert math.isnan(Factor("f", (1, None)).columns[1, 0])
    assert Factor("f", ("a", None, "b")).columns.tolist() == [[1, 0], [0, 0], [0, 1]]


def test_factors_are_those_of_scored_trials_that_varied(tmp_path):
    write_journal(tmp_path, trials=6)
    record = read_journal(tmp_path)
    cell = cell_results(record)[0]
    found, scores = factors(cell, asking(record)[cell.task, cell.space])
    # Trial 1 diverged.
    assert len(scores) == 5
    assert {factor.name for factor in found} <= {"units", "layers", "dropout"}
    assert all(len(set(factor.values)) > 1 for factor in found)


def test_a_continued_trial_counts_once_and_epochs_become_a_factor(tmp_path):
    write_journal(tmp_path, trials=6, failures=False)
    cell = cell_results(read_journal(tmp_path))[0]
    asked = {n: Asked(cell.task, cell.space, n, {"units": n, "bad": math.inf}, 1, 0, None)
             for n in range(6)}  # fmt: skip
    asked[5] = Asked(cell.task, cell.space, 5, {"units": 2}, 4, 1, 2)
    found, scores = factors(cell, asked)
    assert len(scores) == 5
    by_name = {factor.name: factor.values for factor in found}
    assert by_name == {"units": (0, 1, 3, 4, 2), EPOCHS: (1, 1, 1, 1, 4)}
