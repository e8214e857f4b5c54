"""What holds of every comparison: sides, units, orders and directions, and numbers of any size."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness import report
from harness.analysis.cells import by_task, cell_results
from harness.analysis.statistics import (
    Uncertainty,
    compare,
    compare_with,
    far_apart,
    mean_interval,
    running_best,
    unit,
)
from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from harness.report.across_tasks.profiles import profile
from harness.report.across_tasks.ranks import CommonTasks, friedman, task_ranks
from harness.report.searches.gain import gain, suggestions
from harness.report.text import number
from harness.report.two_sweeps.per_cell import contrasts
from harness.report.verdicts.bootstrap import block_length, compare_examples, dependence, mean
from harness.report.verdicts.per_example import Outcomes
from harness.report.verdicts.verdict import judge
from harness.spec import Objective
from harness.trial import TrialResult
from tests.synthetic import write_journal

scores = st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda value: round(value, 6))
samples = st.lists(scores, min_size=1, max_size=6)
powers = st.integers(-500, 500).map(lambda power: math.ldexp(1.0, power))
"""Units that change no digit of a value."""
BEST = {"better": "worse", "worse": "better", "lost": "gained", "gained": "lost"}


def ends(interval):
    return interval.mean, interval.low, interval.high


# --- one sample ------------------------------------------------------------------


@given(st.lists(scores, min_size=2, max_size=6), powers, st.randoms(use_true_random=False))
def test_an_interval_holds_the_mean_whatever_the_unit_and_the_order(values, factor, chance):
    found = mean_interval(values)
    assert found.low <= found.mean <= found.high
    assert ends(mean_interval([factor * v for v in values])) == tuple(
        factor * e for e in ends(found)
    )
    assert ends(mean_interval([-v for v in values])) == (-found.mean, -found.high, -found.low)
    mixed = chance.sample(values, len(values))
    assert ends(mean_interval(mixed)) == pytest.approx(ends(found), rel=1e-9, abs=1e-9)
    wider = mean_interval(values, 0.99)
    assert wider.low <= found.low <= found.high <= wider.high


@given(st.lists(st.floats(-1e307, 1e307), min_size=1, max_size=6))
def test_units_are_powers_of_two_near_the_largest_value(values):
    largest, one = max(map(abs, values)), unit(values)
    assert math.frexp(one)[0] == 0.5
    assert largest == 0 or one <= largest < 2 * one


@given(st.lists(scores | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=9))
def test_the_best_so_far_is_the_same_whichever_way_is_up(values):
    up, down = running_best(values, "max"), running_best([-v for v in values], "min")
    np.testing.assert_array_equal(up, -down)
    known = up[np.isfinite(up)]
    assert (np.diff(known) >= 0).all()
    assert len(known) == 0 or known[-1] == max(v for v in values if math.isfinite(v))


# --- two samples -----------------------------------------------------------------


@settings(max_examples=60)
@given(samples, samples, st.sampled_from([2, 2, 2, 3, 5]), powers,
       st.none() | st.builds(Uncertainty, st.floats(0, 1e3), st.integers(1, 50)))  # fmt: skip
def test_a_comparison_has_two_equal_sides_and_no_unit(a, b, groups, factor, further):
    found = compare(a, b, groups=groups, further=further)
    other = compare(b, a, groups=groups, further=further)
    mean, low, high = ends(found.difference)
    assert ends(other.difference) == pytest.approx((-mean, -high, -low), nan_ok=True, rel=1e-9)
    assert other.verdict == found.verdict
    assert other.p_value == pytest.approx(found.p_value, nan_ok=True, rel=1e-6)
    larger = further
    if further is not None:
        larger = Uncertainty(further.variance * factor * factor, further.freedom)
        assume(math.isfinite(larger.variance) and math.sqrt(larger.variance) < 1e150)
        assume(larger.variance == 0 or larger.variance > 1e-290)
    scaled = compare([factor * v for v in a], [factor * v for v in b], groups=groups,
                     further=larger)  # fmt: skip
    assert scaled.verdict == found.verdict
    assert scaled.difference.mean == factor * mean
    if len(a) < 2 or len(b) < 2:
        assert found.verdict == "unknown"
        return
    assert low <= mean <= high
    assert 0 <= found.p_value <= 1
    if abs(found.p_value - 0.05) > 1e-6:
        assert (found.verdict == "different") == (found.p_value < 0.05)
    alone = compare(a, b, groups=2, further=further)
    assert alone.difference.high - alone.difference.low <= (high - low) * (1 + 1e-9)


@settings(max_examples=30)
@given(st.lists(samples, min_size=2, max_size=4), st.integers(-10, 10))
def test_all_are_compared_with_the_best_wherever_zero_is(lists, moved):
    named = {str(place): values for place, values in enumerate(lists)}
    found = compare_with("0", named)
    assert set(found) == set(named) - {"0"}
    away = {name: [value + moved for value in values] for name, values in named.items()}
    for name, other in compare_with("0", away).items():
        expected = pytest.approx(ends(found[name].difference), nan_ok=True, rel=1e-6, abs=1e-6)
        assert ends(other.difference) == expected


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e-80, 1e80, 1e150, 1e300])
@pytest.mark.parametrize("groups", [2, 3])
def test_comparisons_of_any_size(size, groups):
    """Squares of such numbers overflow or vanish: differences came out certain, or not at all."""
    plain = compare([1, 2, 3], [2.5, 3, 5], groups=groups)
    found = compare([size, 2 * size, 3 * size], [2.5 * size, 3 * size, 5 * size], groups=groups)
    assert found.verdict == plain.verdict == "not distinguishable"
    assert found.p_value == pytest.approx(plain.p_value)
    assert ends(found.difference) == pytest.approx([size * e for e in ends(plain.difference)])
    interval = mean_interval([size, 2 * size, 3 * size])
    assert ends(interval) == pytest.approx([size * e for e in ends(mean_interval([1, 2, 3]))])
    endless = compare([1, 2], [3, 4], further=Uncertainty(math.inf, 3))
    assert (endless.verdict, endless.p_value) == ("not distinguishable", 1)


# --- the same examples -----------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(-490, 490), st.sampled_from([1, 4]))
def test_paired_comparisons_have_no_unit(seed, power, block):
    random = np.random.default_rng(seed)
    a, b, c = random.normal(size=(3, 2, 24))
    factor = math.ldexp(1.0, power)
    keywords = {"block": block, "replicates": 40}
    found = compare_examples("a", {"a": a, "b": b, "c": c}, **keywords)
    outcomes = {"a": factor * a, "b": factor * b, "c": factor * c}
    for name, other in compare_examples("a", outcomes, **keywords).items():
        expected = [factor * end for end in ends(found[name].comparison.difference)]
        assert ends(other.comparison.difference) == pytest.approx(expected)
        assert other.comparison.verdict == found[name].comparison.verdict
        error = math.sqrt(found[name].uncertainty.variance)
        assert math.sqrt(other.uncertainty.variance) == pytest.approx(factor * error)
    again = compare_examples("a", {"a": a, "b": b, "c": c}, **keywords)
    assert again == found, "the same examples are drawn each time"
    lengths = block_length([a, b, c]), block_length(list(outcomes.values()))
    assert lengths[0] == lengths[1] >= 1
    assert dependence(factor * a[0]) == dependence(a[0])


@given(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=4, max_size=4))
def test_two_examples_are_enough_for_an_answer(values):
    a, b = np.array([values[:2]]), np.array([values[2:]])
    found = compare_examples("a", {"a": a, "b": b}, replicates=40)["b"].comparison.difference
    assert found.low <= found.mean <= found.high
    assert found.mean == pytest.approx(a.mean() - b.mean())


# --- whole sweeps ----------------------------------------------------------------

TASKS, SPACES = ("digits", "fashion_mnist", "cifar10"), ("mlp", "cnn", "vit")


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Makes a record with these scores, trial by trial; `None` for a confirmation without one."""
    folder = tmp_path_factory.mktemp("sweep")
    write_journal(folder, tasks=TASKS, spaces=SPACES, trials=3)
    record = read_journal(folder)
    return lambda *how: rescored(record, *how)


def rescored(record, values, sign=1, direction="max"):
    given = iter(values)

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.status != "completed":
            return entry
        value = next(given)
        if entry.phase == "confirm":
            metrics = {} if value is None else {"test_accuracy": sign * value}
            return dataclasses.replace(entry, metrics=metrics)
        value = 0.0 if value is None else sign * value
        curve = ({"epoch": 1, "seconds": 1.0, "val_accuracy": value},)
        return dataclasses.replace(entry, score=value, curve=curve, epochs=1)

    objective = Objective("accuracy", direction)
    tasks = {n: dataclasses.replace(t, objective=objective) for n, t in record.tasks.items()}
    history = tuple(edit(entry) for entry in record.history)
    return dataclasses.replace(record, tasks=tasks, history=history)


TRIALS = len(TASKS) * len(SPACES) * (3 + 3)
tables = st.lists(st.none() | st.integers(-20, 20).map(lambda v: v / 4), min_size=TRIALS,
                  max_size=TRIALS)  # fmt: skip


@settings(max_examples=25)
@given(tables)
def test_the_largest_of_scores_is_the_smallest_of_their_opposites(scored, values):
    """Winners, verdicts, ranks and gains do not depend on which way a metric gets better."""
    up, down = scored(values, 1, "max"), scored(values, -1, "min")
    asked = suggestions(up)
    groups = by_task(cell_results(up)), by_task(cell_results(down))
    for task in TASKS:
        ours, theirs = (group[task] for group in groups)
        assert [cell.space for cell in ours] == [cell.space for cell in theirs]
        assert [c.best and c.best.number for c in ours] == [
            c.best and c.best.number for c in theirs
        ]
        assert [-cell.mean for cell in ours] == pytest.approx([c.mean for c in theirs], nan_ok=True)
        verdicts, others = judge(ours), judge(theirs)
        assert list(verdicts) == list(others)
        for space, found in verdicts.items():
            assert found.verdict == others[space].verdict
            mean, low, high = ends(others[space].difference)
            assert ends(found.difference) == pytest.approx((-mean, -high, -low), nan_ok=True)
            assert math.isnan(found.difference.mean) or found.difference.mean >= 0
        for cell, other in zip(ours, theirs, strict=True):
            own = asked.get((cell.task, cell.space), {})
            ways = gain(cell, own).gain, gain(other, own).gain
            assert ways[0] == pytest.approx(ways[1], nan_ok=True)
            assert math.isnan(ways[0]) or ways[0] >= 0
    fields = [
        CommonTasks(SPACES, {task: {cell.space: cell for cell in group[task]} for task in TASKS})
        for group in groups
    ]
    ranks = task_ranks(fields[0])
    np.testing.assert_array_equal(ranks, task_ranks(fields[1]))
    assert ranks.sum(axis=1).tolist() == [len(SPACES) * (len(SPACES) + 1) / 2] * len(TASKS)
    assert 0 <= friedman(ranks).p_value <= 1
    assert friedman(ranks[:, ::-1]).statistic == friedman(ranks).statistic
    profiles = [profile(field, "random") for field in fields]
    assert profiles[0].tasks == profiles[1].tasks
    np.testing.assert_allclose(profiles[0].ratios, profiles[1].ratios)


@settings(max_examples=10)
@given(tables, tables, st.sampled_from(["max", "min"]))
def test_what_is_better_one_way_is_worse_the_other(scored, values, others, direction):
    a, b = (scored(table, 1, direction) for table in (values, others))
    forward, back = contrasts(a, b), contrasts(b, a)
    assert len(forward) == len(TASKS) * len(SPACES)
    for one, other in zip(forward, back, strict=True):
        assert BEST.get(one.outcome, one.outcome) == other.outcome
        assert one.p_value == pytest.approx(other.p_value, nan_ok=True)
        if one.outcome in ("better", "worse"):
            up = one.b.mean > one.a.mean
            assert (one.outcome == "better") == (up if direction == "max" else not up)
    assert not [one for one in contrasts(a, a) if one.outcome in ("better", "worse")]


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_no_interval_of_a_verdict_is_left_out(scored, seed):
    """A difference is one of seeds, of examples, and of both, or it is none."""
    random = np.random.default_rng(seed)
    values = np.round(random.normal(size=TRIALS), 3).tolist()
    ((_, group), *_) = by_task(cell_results(scored(values))).items()
    outcomes = {cell.space: random.normal(size=(3, 30)) for cell in group[:2]}
    found = judge(group[:2], Outcomes(outcomes, measure=mean))
    assert len(found) == 1
    for judgement in found.values():
        parts = [judgement.runs, judgement.examples, judgement.both]
        whole = judgement.difference
        assert all(whole.low <= part.difference.low for part in parts)
        assert all(whole.high >= part.difference.high for part in parts)
        different = all(part.verdict == "different" for part in parts)
        assert (judgement.verdict == "different") == different


# --- a whole report of numbers of any size ---------------------------------------

SIZES = {
    "a model that failed": lambda r: {"mlp": 1e200}.get(r["space"], 20) * (1 + 0.1 * r["number"]),
    "nothing but failures": lambda r: 1e303 * (1 + 0.01 * r["number"]),
    "zeros and hardly more": lambda r: {"mlp": 0.0}.get(r["space"], 5e-324 * r["number"]),
}


@pytest.mark.parametrize("size", SIZES)
def test_reports_of_scores_of_any_size(tmp_path, size):
    write_journal(tmp_path, tasks=TASKS[:2], spaces=SPACES)
    path, lines = tmp_path / JOURNAL, []
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "data":
            event |= {"objective": {"metric": "perplexity", "direction": "min"}}
            event["baseline"] = {"perplexity": 100.0}
        if event["event"] == "finished" and event["result"]["status"] == "completed":
            result = event["result"]
            value = result["score"] = SIZES[size](result)
            names = ["val_perplexity", "test_perplexity"][: 1 + (result["phase"] == "confirm")]
            result["metrics"] = dict.fromkeys(names, value)
            for row in result["curve"]:
                row["val_perplexity"] = value
        lines.append(json.dumps(event))
    path.write_text("\n".join(lines) + "\n")
    report.write(tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "perplexity" in text
    assert not re.search(r"[\d,]{20}", text)


@given(st.floats(allow_nan=False, allow_infinity=False), st.none() | st.integers(0, 12))
def test_no_number_is_long(value, places):
    assert len(number(value, places)) <= 33


@pytest.mark.parametrize("places", [0, 3, None])
def test_zero_alone_has_no_sign(places):
    assert number(-0.0, places) == number(0.0, places)
    assert number(-1e-9, 3) == "-0.000"  # an interval that ends here holds zero


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=5))
def test_only_errors_may_need_a_logarithm(values):
    assert not far_apart(values, "max")
    if far_apart(values, "min"):
        assert max(values) > 10 * min(values) > 0
