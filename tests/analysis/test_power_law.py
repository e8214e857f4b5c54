"""Curves that follow a power law are gone on with; others are not."""

import numpy as np
import pytest

from harness.analysis.power_law import FEWEST, fit, trusted


def law(epochs, limit=2.0, size=3.0, exponent=0.7):
    return limit + size * np.arange(1.0, epochs + 1) ** -exponent


def test_a_power_law_is_found_again_and_gone_on_with():
    found = trusted(law(12).tolist())
    assert found is not None
    assert found.at(24) == pytest.approx(law(24)[-1], rel=0.01)
    assert fit(law(12)).at(1) == pytest.approx(5.0, rel=0.01)


def test_rising_scores_follow_one_as_well():
    found = trusted((-law(12)).tolist())
    assert found is not None
    assert found.at(24) == pytest.approx(-law(24)[-1], rel=0.01)


@pytest.mark.parametrize(
    "scores",
    [
        law(FEWEST - 1),  # too few to tell
        [*law(8), *law(8)[-1] - 0.5 * np.arange(1, 5)],  # falls again after it had slowed down
        [*np.full(8, 5.0), 1.0, 1.0, 1.0, 1.0],  # a jump
        [*law(7), np.nan],
    ],
)
def test_a_curve_whose_end_it_does_not_tell_is_not_gone_on_with(scores):
    assert trusted(list(map(float, scores))) is None


def test_noise_as_large_as_that_over_seeds_is_allowed():
    noisy = law(12) + np.random.default_rng(0).normal(0, 0.05, 12)
    assert trusted(noisy.tolist(), noise=0.3) is not None
