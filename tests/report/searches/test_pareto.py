"""The Pareto fronts of scores against costs."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.cells import by_task, cell_results
from harness.journal.read import read_journal
from harness.report.figure_style import image, line_styles
from harness.report.searches.pareto import (
    PRICES,
    comparable,
    fronts,
    pareto_figure,
    pareto_front,
    priced,
)
from harness.trial import TrialResult
from tests.synthetic import write_journal

VALUES = st.integers(0, 4).map(float) | st.sampled_from([math.nan, math.inf, -math.inf])
DIRECTIONS = st.lists(st.sampled_from(["max", "min"]), min_size=1, max_size=3)


@st.composite
def tables(draw):
    directions = draw(DIRECTIONS)
    row = st.tuples(*[VALUES] * len(directions))
    return draw(st.lists(row, max_size=12)), directions


def dominates(a, b, directions):
    """Written out, the definition."""
    signs = [1 if d == "max" else -1 for d in directions]
    pairs = [(s * x, s * y) for s, x, y in zip(signs, a, b, strict=True)]
    return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)


def test_a_worked_example():
    # Score up, seconds down; c is beaten by b, d has the same score as b for more, e is b again.
    points = [(0.7, 1), (0.9, 5), (0.8, 6), (0.9, 7), (0.9, 5), (0.95, 30)]
    front = pareto_front(points, ("max", "min"))
    assert front.tolist() == [True, True, False, False, True, True]


@settings(deadline=None)
@given(tables())
def test_the_front_is_what_nothing_dominates(table):
    points, directions = table
    front = pareto_front(points, directions)
    assert front.shape == (len(points),)
    for point, on in zip(points, front, strict=True):
        beaten = any(dominates(other, point, directions) for other in points)
        assert on == (not beaten and not any(map(math.isnan, point)))
    finite = [i for i, point in enumerate(points) if not any(map(math.isnan, point))]
    assert front.any() == bool(finite)


@settings(deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_neither_order_nor_scale_matters(table, random):
    points, directions = table
    order = list(range(len(points)))
    random.shuffle(order)
    front = pareto_front(points, directions)
    shuffled = pareto_front([points[i] for i in order], directions)
    assert shuffled.tolist() == front[order].tolist()
    scaled = [[math.atan(value) for value in point] for point in points]
    assert pareto_front(scaled, directions).tolist() == front.tolist()


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path, tasks=("digits",), spaces=("mlp", "cnn", "vit"))
    return read_journal(tmp_path)


def with_costs(record, seconds, parameters=None):
    """The record with these costs of confirmation runs, by architecture."""

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.phase != "confirm":
            return entry
        cost = dataclasses.replace(entry.cost, seconds=seconds[entry.space],
                                   parameters=(parameters or {}).get(entry.space))  # fmt: skip
        return dataclasses.replace(entry, cost=cost)

    return dataclasses.replace(record, history=tuple(map(edit, record.history)))


def test_the_sentence_names_who_is_on_each_front(record):
    # In the synthetic sweep vit is better than cnn, and cnn than mlp.
    record = with_costs(record, {"mlp": 5.0, "cnn": 9.0, "vit": 9.0})
    (group,) = by_task(cell_results(record)).values()
    assert "training time: `mlp` and `vit`;" in fronts(group)
    assert "parameters" not in fronts(group)
    everyone = with_costs(record, {"mlp": 5.0, "cnn": 6.0, "vit": 7.0})
    (group,) = by_task(cell_results(everyone)).values()
    assert "training time: `mlp`, `cnn` and `vit`, all of them" in fronts(group)


def test_the_figure_has_a_panel_a_cost_and_names_all(record):
    record = with_costs(record, {"mlp": 5.0, "cnn": 90.0, "vit": 9.0}, {"mlp": 10, "cnn": 10_000})
    (group,) = by_task(cell_results(record)).values()
    figure = pareto_figure("digits", group, line_styles(record.sweep.spaces))
    assert [axes.get_xlabel() for axes in figure.axes] == [price.axis for price in PRICES]
    # vit has no parameters, as its runs do not say how many.
    names = [{text.get_text() for text in axes.texts} for axes in figure.axes]
    assert names == [{"mlp", "cnn"}, {"mlp", "cnn", "vit"}, {"mlp", "cnn", "vit"}]
    known, front = priced(group, PRICES[1])
    stairs = next(line for line in figure.axes[1].get_lines() if len(line.get_xdata()) > 1)
    costs = [c.median_cost(PRICES[1].of) for c, on in zip(known, front, strict=True) if on]
    assert stairs.get_xdata().tolist() == costs
    again = pareto_figure("digits", group, line_styles(record.sweep.spaces))
    assert image(figure) == image(again)


def test_costs_that_are_nothing_or_all_the_same_still_draw(record):
    record = with_costs(record, {"mlp": 0.0, "cnn": 0.0, "vit": 0.0})
    (group,) = by_task(cell_results(record)).values()
    figure = pareto_figure("digits", group, line_styles(record.sweep.spaces))
    assert "not measured" in {text.get_text() for text in figure.axes[0].texts}
    assert image(figure)


def test_tasks_with_fewer_than_two_scores_have_no_front(record):
    def edit(entry):
        lost = isinstance(entry, TrialResult) and entry.phase == "confirm" and entry.space != "mlp"
        return dataclasses.replace(entry, metrics={"test_accuracy": np.inf}) if lost else entry

    broken = dataclasses.replace(record, history=tuple(map(edit, record.history)))
    tasks = by_task(cell_results(broken))
    assert comparable(tasks) == {}
    assert fronts(tasks["digits"]) == ""
