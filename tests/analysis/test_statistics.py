"""Intervals and comparisons against hand-worked values and SciPy's own tests."""

import math

import numpy as np
import pytest
import scipy.stats

from harness.analysis.statistics import compare, compare_with, mean_interval, running_best

A, B, C = (0.981, 0.987, 0.993), (0.970, 0.975, 0.972, 0.969), (0.90, 0.93, 0.91)


def test_interval_of_a_hand_worked_sample():
    # Mean 2, standard deviation 1, so 2 -+ 4.302653 / sqrt(3).
    interval = mean_interval([1, 2, 3])
    assert (interval.mean, interval.low, interval.high) == pytest.approx((2, -0.484138, 4.484138))


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_interval_is_that_of_scipy(confidence):
    expected = scipy.stats.ttest_1samp(B, 0).confidence_interval(confidence)
    interval = mean_interval(B, confidence)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_interval_of_one_value_has_no_ends():
    interval = mean_interval([0.5])
    assert interval.mean == 0.5
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_interval_of_nothing_is_nan():
    assert math.isnan(mean_interval([]).mean)


def test_equal_values_give_an_interval_without_width():
    interval = mean_interval([0.1] * 3)
    assert (interval.mean, interval.low, interval.high) == (0.1, 0.1, 0.1)


def test_two_groups_are_compared_as_by_welch():
    expected = scipy.stats.ttest_ind(A, B, equal_var=False)
    ends = expected.confidence_interval(0.95)
    found = compare(A, B)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.difference.low, found.difference.high) == pytest.approx((ends.low, ends.high))
    assert found.difference.mean == pytest.approx(np.mean(A) - np.mean(B))


def test_three_groups_are_compared_as_by_games_howell():
    expected = scipy.stats.tukey_hsd(A, B, C, equal_var=False)
    ends = expected.confidence_interval(0.95)
    found = compare_with("a", {"a": A, "b": B, "c": C})
    for j, name in enumerate("bc", start=1):
        assert found[name].p_value == pytest.approx(expected.pvalue[0, j], abs=1e-9)
        assert found[name].difference.low == pytest.approx(ends.low[0, j], abs=1e-9)
        assert found[name].difference.high == pytest.approx(ends.high[0, j], abs=1e-9)


def test_more_architectures_make_the_same_difference_harder_to_tell():
    assert compare(A, B, groups=2).verdict == "different"
    assert compare(A, B, groups=8).verdict == "not distinguishable"


def test_samples_without_two_values_do_not_count_as_groups():
    with_single = compare_with("a", {"a": A, "b": B, "single": (0.5,), "none": ()})
    assert with_single["b"] == compare(A, B, groups=2)
    assert with_single["single"].verdict == "unknown"
    assert with_single["single"].difference.mean == pytest.approx(0.487)
    assert with_single["none"].verdict == "unknown"


def test_overlapping_samples_are_not_distinguishable():
    found = compare([0.90, 0.92, 0.94], [0.91, 0.93, 0.92])
    assert found.verdict == "not distinguishable"
    assert found.difference.holds_zero


@pytest.mark.parametrize(
    "other, verdict, p_value", [(0.9, "different", 0.0), (0.95, "not distinguishable", 1.0)]
)
def test_samples_that_do_not_vary(other, verdict, p_value):
    found = compare([0.95] * 3, [other] * 3)
    assert (found.verdict, found.p_value) == (verdict, p_value)
    assert found.difference.low == found.difference.high


def test_equal_architectures_are_rarely_called_different():
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        a, b = random.normal(0.9, 0.01, size=(2, 3))
        wrong += compare(a, b).verdict == "different"
    assert wrong <= 14


def test_running_best_passes_over_what_is_not_a_number():
    scores = [math.nan, 0.2, math.inf, 0.1, 0.4, math.nan]
    np.testing.assert_array_equal(running_best(scores, "max"), [math.nan, 0.2, 0.2, 0.2, 0.4, 0.4])
    np.testing.assert_array_equal(running_best(scores, "min"), [math.nan, 0.2, 0.2, 0.1, 0.1, 0.1])
    assert running_best([], "max").shape == (0,)
