"""What the verdicts are worth, on simulated sweeps of which the truth is known."""

import functools
import math

import numpy as np
import pytest
import scipy.interpolate
import scipy.stats

from harness.analysis import statistics
from harness.analysis.cells import CellResults
from harness.journal.record import TaskRecord
from harness.report.verdicts import verdict
from harness.report.verdicts.bootstrap import compare_examples
from harness.report.verdicts.per_example import Outcomes
from harness.report.verdicts.verdict import judge
from harness.spec import Objective
from harness.trial import TrialResult

SWEEPS = 200
EXAMPLES = 200
DATA = TaskRecord("t", "", {}, Objective("accuracy", "max"), {}, None, "")


@functools.cache
def quantiles(groups):
    """The studentized range at 95 % by degrees of freedom: SciPy takes a tenth of a second each."""
    inverse = np.linspace(1e-4, 0.5, 8)
    values = scipy.stats.studentized_range.ppf(0.95, groups, 1 / inverse)
    return scipy.interpolate.CubicSpline(inverse, np.log(values))


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    def quantile(confidence, groups, freedom):
        assert confidence == 0.95
        if groups == 2:
            return scipy.stats.t.ppf(0.975, freedom) * math.sqrt(2)
        return math.exp(quantiles(groups)(1 / freedom))

    monkeypatch.setattr(statistics, "_studentized_quantile", quantile)
    # A quarter of the resamples, as a sweep is one of hundreds. No verdict rests on a p-value.
    few = functools.partial(compare_examples, replicates=500)
    monkeypatch.setattr(verdict, "compare_examples", few)
    monkeypatch.setattr(statistics, "_studentized_tail", lambda *_: math.nan)


@pytest.mark.parametrize("freedom", [2.2, 4.0, 11.5, 240.0])
def test_the_quantiles_used_here_are_those_of_scipy(freedom):
    expected = scipy.stats.studentized_range.ppf(0.95, 4, freedom)
    assert statistics._studentized_quantile(0.95, 4, freedom) == pytest.approx(expected, rel=1e-3)


def cell(space, right):
    """An architecture whose models were right on these examples, shape (seeds, examples)."""
    runs = tuple(
        TrialResult("s", "t", space, "confirm", seed, seed, {}, {}, "completed",
                    metrics={"test_accuracy": float(row.mean())})
        for seed, row in enumerate(right)
    )  # fmt: skip
    return CellResults("t", space, DATA, (), runs, 0, "trials")


def simulated(random, architectures, seeds, *, level=0.8, seed_noise=0.2, own_examples=0.0,
              ahead=0.0):  # fmt: skip
    """Whether each model is right on each example: (architectures, seeds, examples).

    An example is harder or easier for all; `own_examples` is how much it is so for one
    architecture alone. A seed makes a model better or worse on all examples, and on each one.
    The first architecture is `ahead` of the others.
    """
    logit = np.full((architectures, seeds, EXAMPLES), level)
    logit[0] += ahead
    logit += random.normal(size=EXAMPLES)
    logit += own_examples * random.normal(size=(architectures, 1, EXAMPLES))
    logit += seed_noise * random.normal(size=(architectures, seeds, 1))
    logit += 0.5 * random.normal(size=logit.shape)
    return logit > 0


def verdicts(right):
    """What is said of the best against each other architecture, and the name of the best."""
    group = sorted((cell(str(i), r) for i, r in enumerate(right)), key=lambda c: -c.mean)
    values = {str(i): r[..., None].astype(float) for i, r in enumerate(right)}
    return group[0].space, judge(group, Outcomes(values))


def share_of_false_differences(architectures, seeds=3, **how):
    random = np.random.default_rng(20240)
    wrong = 0
    for _ in range(SWEEPS):
        _, judged = verdicts(simulated(random, architectures, seeds, **how))
        wrong += any(found.verdict == "different" for found in judged.values())
    return wrong / SWEEPS


@pytest.mark.parametrize("architectures", [2, 4])
def test_identical_architectures_are_rarely_called_different(architectures):
    assert share_of_false_differences(architectures) <= 0.07


@pytest.mark.parametrize("seed_noise", [0.03, 0.2])
def test_architectures_that_are_as_good_on_other_examples_are_rarely_called_different(seed_noise):
    found = share_of_false_differences(2, seeds=5, seed_noise=seed_noise, own_examples=0.7)
    assert found <= 0.07


def test_seeds_alone_would_call_those_different():
    random = np.random.default_rng(20240)
    wrong = 0
    for _ in range(SWEEPS):
        right = simulated(random, 2, 5, seed_noise=0.03, own_examples=0.7)
        a, b = right.mean(axis=2)
        wrong += statistics.compare(a, b).verdict == "different"
    assert wrong / SWEEPS > 0.15


@functools.cache
def two_deviations():
    """How far ahead an architecture must be for its mean score to be two deviations higher."""
    random = np.random.default_rng(7)
    many = simulated(random, 1, 1000)[0].mean(axis=1)
    goal = many.mean() + 2 * many.std(ddof=1)
    steps = np.linspace(0, 0.8, 5)
    means = [simulated(np.random.default_rng(7), 1, 1000, ahead=step)[0].mean() for step in steps]
    return float(np.interp(goal, means, steps))


@pytest.mark.parametrize("seeds, least, most", [(3, 0.25, 0.6), (6, 0.7, 1.0)])
def test_a_difference_of_two_standard_deviations_is_found_given_the_seeds(seeds, least, most):
    # `Judgement.verdict` states how many seeds it takes.
    random = np.random.default_rng(99)
    found = 0
    for _ in range(SWEEPS):
        best, judged = verdicts(simulated(random, 2, seeds, ahead=two_deviations()))
        (other,) = judged.values()
        found += best == "0" and other.verdict == "different"
    assert least <= found / SWEEPS <= most
