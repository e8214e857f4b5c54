"""What a random search would have found in another order, against counting all orders."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.searches.permutations import (
    ORDERS,
    Trials,
    by_seconds,
    by_trials,
    observed,
    seconds_to,
)

SCORES = [0.2, math.nan, 0.7, 0.4, 0.9, 0.1]


def best_of_all_orders(scores, direction):
    """The best score so far, a row an order; what has none is the worst."""
    sign = 1 if direction == "max" else -1
    gains = [sign * s if math.isfinite(s) else -math.inf for s in scores]
    orders = [(gains[0], *rest) for rest in itertools.permutations(gains[1:])]
    return np.maximum.accumulate(np.array(orders), axis=1), sign


@pytest.mark.parametrize("direction", ["max", "min"])
def test_mean_and_band_are_those_of_all_orders(direction):
    band = by_trials(SCORES, direction)
    orders, sign = best_of_all_orders(SCORES, direction)
    assert band.x.tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(band.mean, sign * orders.mean(axis=0))
    ends = [np.quantile(orders, share, axis=0, method="inverted_cdf") for share in (0.05, 0.95)]
    low, high = sorted([sign * ends[0], sign * ends[1]], key=lambda end: end.sum())
    np.testing.assert_allclose(band.low, low)
    np.testing.assert_allclose(band.high, high)


def test_expected_best_is_the_unbiased_estimate_of_the_literature():
    # Tang et al. (2020), equation 3: the mean of the maximum over all subsets of k draws.
    scores = [0.31, 0.52, 0.66, 0.61, 0.12, 0.48, 0.7]
    band = by_trials([-1.0, *scores], "max")  # the first trial adds nothing
    for k in range(1, 8):
        subsets = [max(subset) for subset in itertools.combinations(scores, k)]
        assert band.mean[k] == pytest.approx(np.mean(subsets))
    # With replacement (Dodge et al. 2019) the expectation is lower: that is its bias.
    with_replacement = np.mean([max(draw) for draw in itertools.product(scores, repeat=3)])
    assert with_replacement < band.mean[3] - 0.01


def test_nothing_is_said_while_many_orders_have_no_score():
    band = by_trials([math.nan, 0.5, math.inf, 0.7], "max")
    # After two trials a third of the orders still have none, after three all have one.
    assert np.isnan(band.mean[:2]).all()
    assert np.isnan(band.low[:2]).all()
    assert np.isnan(band.high[:2]).all()
    assert band.mean[2] == pytest.approx((0.7 + 0.7 + 0.5) / 3)
    assert band.mean[3] == band.low[3] == band.high[3] == 0.7


def test_without_any_score_there_is_no_curve():
    band = by_trials([math.nan, math.nan], "min")
    assert np.isnan(band.mean).all()
    assert np.isnan(by_trials([math.nan], "max").mean).all()
    assert by_trials([0.3], "min").mean.tolist() == [0.3]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=300),
       st.sampled_from(["max", "min"]))  # fmt: skip
def test_curves_only_get_better_and_end_with_the_best(scores, direction):
    band = by_trials(scores, direction)
    known = [s for s in scores if math.isfinite(s)]
    if not known:
        assert np.isnan(band.mean).all()
        return
    best = max(known) if direction == "max" else min(known)
    sign = 1 if direction == "max" else -1
    assert band.mean[-1] == pytest.approx(best)
    assert band.low[-1] == band.high[-1] == best
    # While some orders still get their first score, the mean over those that have one may fall.
    for values in (band.low, band.high, *([band.mean] if math.isfinite(scores[0]) else [])):
        steps = np.diff(sign * values[np.isfinite(values)])
        assert (steps >= -1e-9).all()
    seen = np.isfinite(band.mean)
    assert (band.low[seen] <= band.high[seen]).all()


def trials(scores, cost, direction="max"):
    """Trials that have a score at half their time and a better one at the end."""
    scores, cost = np.array(scores, float), np.array(cost, float)
    early = scores - 0.1 if direction == "max" else scores + 0.1
    return Trials(cost, np.stack([cost / 2, cost], 1), np.stack([early, scores], 1), direction)


def test_curves_of_equally_long_trials_agree_with_those_by_trials():
    scores = np.random.default_rng(0).uniform(size=12)
    seconds = by_seconds(trials(scores, np.full(12, 10.0)))
    counts = by_trials(scores, "max")
    at_ends = np.searchsorted(seconds.x, counts.x * 10 - 1e-6)
    # 200 orders: the standard error of a mean is below 0.3 / sqrt(200).
    np.testing.assert_allclose(seconds.mean[at_ends], counts.mean, atol=0.06)
    assert seconds.mean[-1] == pytest.approx(scores.max())
    assert seconds.low[-1] == scores.max()
    assert np.isnan(seconds.mean[0])


def test_long_trials_use_up_the_time_of_others():
    # Wherever it comes, the best trial takes 50 seconds to its first score and 100 to its best.
    found = by_seconds(trials([0.1, 0.9, 0.2, 0.2, 0.2], [1, 100, 1, 1, 1]))
    assert np.nanmax(found.mean[found.x < 50]) < 0.25
    assert found.mean[-1] == pytest.approx(0.9)


def test_seconds_to_a_target_are_those_of_each_order():
    search = trials([0.5, 0.9, 0.6], [4, 10, 6])
    times = seconds_to(0.9, search)
    assert times.shape == (ORDERS,)
    # The trial with 0.9 is second or third, and reaches it at its end.
    assert set(times.tolist()) == {14.0, 20.0}
    assert 0.35 < np.mean(times == 14) < 0.65
    assert set(seconds_to(0.4, search).tolist()) == {2.0}
    assert np.isinf(seconds_to(0.95, search)).all()
    lower = trials([5.0, 1.0], [4, 10], "min")
    assert set(seconds_to(1.1, lower).tolist()) == {9.0}


def test_observed_is_the_order_that_happened():
    seconds, best = observed(trials([math.nan, 0.5, 0.4], [4, 10, 6]))
    assert seconds.tolist() == [2, 4, 9, 14, 17, 20]
    np.testing.assert_allclose(best, [math.nan, math.nan, 0.4, 0.5, 0.5, 0.5])
