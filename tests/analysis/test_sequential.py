"""Levels of verdicts that are looked at again: against published ones, and by what they promise."""

import numpy as np
import pytest
import scipy.stats

from harness.analysis.sequential import POWER, confidence_at, confidences
from harness.sweep.question import AUTO_LOOKS


def test_one_look_has_the_whole_level():
    assert confidences((5,)) == pytest.approx((0.95,))
    assert confidence_at(5, ()) == 0.95


def test_two_looks_of_which_none_needs_to_be_integrated():
    # By the bivariate normal distribution: the first spends its share, the second all that is left.
    first, second = (scipy.stats.norm.isf((1 - c) / 2) for c in confidences((4, 8)))
    assert 2 * scipy.stats.norm.sf(first) == pytest.approx(0.05 * 0.5**POWER)
    both = scipy.stats.multivariate_normal([0, 0], [[1, 0.5**0.5], [0.5**0.5, 1]])
    inside = both.cdf([first, second], lower_limit=[-first, -second])
    assert 1 - inside == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("looks", [AUTO_LOOKS, (2, 3, 4, 5, 6, 7, 8, 9, 10), (3, 30)])
def test_all_looks_together_err_as_one_would(looks):
    sweeps = 40_000
    steps = np.random.default_rng(0).normal(size=(sweeps, looks[-1]))
    ever = np.zeros(sweeps, bool)
    for seeds, confidence in zip(looks, confidences(looks), strict=True):
        z = steps[:, :seeds].sum(axis=1) / np.sqrt(seeds)
        ever |= np.abs(z) > scipy.stats.norm.ppf((1 + confidence) / 2)
    assert ever.mean() == pytest.approx(0.05, abs=0.004)


def test_a_pair_has_the_confidence_of_the_look_that_its_longer_one_has_come_to():
    levels = confidences(AUTO_LOOKS)
    assert [confidence_at(n, AUTO_LOOKS) for n in (3, 4, 5, 8, 12)] == [
        *(levels[0], levels[1], levels[1], levels[2], levels[3])
    ]
    assert levels[0] > levels[2] > levels[3] > 0.95
