"""Seeds that are added until a verdict is clear: which architectures get them, and what is told."""

import dataclasses

import numpy as np
import pytest

from harness.analysis.cells import CellResults, by_task
from harness.analysis.sequential import confidences
from harness.journal.record import Look, TaskRecord
from harness.report.verdicts.how_sure import how_sure
from harness.report.verdicts.more_seeds import more_seeds
from harness.report.verdicts.per_example import Outcomes
from harness.report.verdicts.verdict import judge
from harness.spec import Objective
from harness.trial import TrialResult

LOOKS = (3, 5, 8, 12)
DATA = TaskRecord("t", "", {}, Objective("accuracy", "max"), {}, None, "")


def cell(space, scores, looks=LOOKS, searches=1):
    """An architecture with these test scores, of its searches in turn."""
    runs = tuple(
        TrialResult("s", "t", space, "confirm", n, n, {}, {}, "completed",
                    metrics={"test_accuracy": score})
        for n, score in enumerate(scores)
    )  # fmt: skip
    return CellResults(
        "t", space, DATA, (), runs, 0, "trials", searches,
        seeds=len(runs) // searches, looks=looks, settled=False,
    )  # fmt: skip


def spread(mean, seeds, width=0.01):
    """Scores about a mean, always the same ones."""
    return [float(mean + width * x) for x in np.linspace(-1, 1, seeds)]


def looked(*found):
    """What is decided of these cells, whose test examples are all as hard."""
    group = by_task(found)["t"]
    outcomes = Outcomes({
        c.space: np.tile(np.array(c.scores)[:, None, None], (1, 20, 1)) for c in found
    })  # fmt: skip
    return more_seeds("t", group, judge(group, outcomes))


def test_a_pair_that_is_not_clear_gets_as_many_each_as_the_next_look_has():
    found = looked(cell("a", spread(0.9, 3)), cell("b", spread(0.88, 3)), cell("c", spread(0.3, 3)))
    assert found.seeds == {"a": 5, "b": 5}
    assert found.why == {"b": "not clear after 3 seeds", "c": "clear after 3 seeds"}


def test_one_that_has_fewer_catches_up_before_both_go_on():
    found = looked(cell("a", spread(0.9, 5)), cell("b", spread(0.885, 3)))
    assert found.seeds == {"b": 5}
    found = looked(cell("a", spread(0.885, 5)), cell("b", spread(0.9, 3)))
    assert found.seeds == {"b": 5}, "the best one as well"


def test_nothing_is_spent_where_it_is_clear_or_the_most_is_reached():
    assert looked(cell("a", spread(0.9, 3)), cell("b", spread(0.3, 3))).seeds == {}
    found = looked(cell("a", spread(0.9, 12, 0.1)), cell("b", spread(0.88, 12, 0.1)))
    assert found == Look("t", {}, {"b": "not clear, and 12 are the most"})


def test_nothing_is_spent_on_what_more_seeds_would_not_clear():
    found = looked(cell("a", spread(0.9, 5, 0.1)), cell("b", spread(0.899, 5, 0.1)))
    assert found.seeds == {}
    assert found.why == {"b": "not clear after 5 seeds, nor to be expected with more"}
    same = [0.9, 0.9, 0.9]
    assert looked(cell("a", same), cell("b", same)).seeds == {}, "nothing varies"


def test_nothing_is_spent_where_the_test_examples_are_what_is_missing():
    random = np.random.default_rng(0)
    pair = [cell("a", spread(0.9, 3)), cell("b", spread(0.86, 3))]
    assert looked(*pair).seeds == {"a": 5, "b": 5}
    few = Outcomes({
        c.space: (random.random((3, 60)) < c.mean)[..., None] * 1.0 for c in pair
    })  # fmt: skip
    found = more_seeds("t", pair, judge(pair, few))
    assert found.seeds == {}


def test_what_cannot_be_judged_gets_none_and_says_why():
    group = [cell("a", spread(0.9, 3)), cell("b", spread(0.88, 3))]
    found = more_seeds("t", group, judge(group))
    assert found.seeds == {}
    assert found.why == {"b": "not judged, as the luck of the test examples is not known"}


def test_one_without_a_score_and_one_that_is_alone_get_none():
    alone = cell("a", spread(0.9, 3))
    assert looked(alone) == Look("t", {}, {})
    group = by_task([alone, cell("b", [])])["t"]
    assert more_seeds("t", group, judge(group)) == Look("t", {}, {})


def test_seeds_do_not_clear_what_searches_make_uncertain():
    # Means of the searches far apart, seeds within each close together, and the other way round.
    apart, close = [0.8, 0.9, 0.95] * 3, [0.79, 0.88, 0.93] * 3
    found = looked(cell("a", apart, searches=3), cell("b", close, searches=3))
    assert found.seeds == {}
    noisy = [spread(mean, 3, 0.03) for mean in (0.9, 0.88)]
    a, b = ([*np.repeat(scores, 3) + 0.001 * np.tile([-1, 0, 1], 3)] for scores in noisy)
    found = looked(cell("a", a, searches=3), cell("b", b, searches=3))
    assert found.why["b"].startswith(("clear", "not clear after 3"))


def test_a_verdict_has_the_confidence_of_its_look():
    group = [cell("a", spread(0.9, 5)), cell("b", spread(0.885, 5)), cell("c", spread(0.3, 3))]
    once = [dataclasses.replace(c, looks=()) for c in group]
    outcomes = Outcomes({c.space: np.ones((len(c.scores), 100, 1)) for c in group})
    judged, plain = judge(group, outcomes), judge(once, outcomes)
    assert {j.confidence for j in judged.values()} == {confidences(LOOKS)[1]}
    assert {j.confidence for j in plain.values()} == {0.95}
    widths = [j["b"].runs.difference for j in (judged, plain)]
    assert widths[0].low < widths[1].low < widths[1].high < widths[0].high


def test_the_report_says_how_many_each_got_and_by_which_rule():
    group = [cell("a", spread(0.9, 5)), cell("b", spread(0.885, 5)), cell("c", spread(0.3, 3))]
    looks = [
        Look("t", {"a": 5, "b": 5}, {"b": "not clear after 3 seeds", "c": "clear after 3 seeds"}),
        Look("t", {}, {"b": "not clear after 5 seeds, nor to be expected with more",
                       "c": "clear after 5 and 3 seeds"}),
    ]  # fmt: skip
    text = how_sure({"t": group}, {"t": judge(group)}, looks=looks)
    assert "until the verdict is clear: `a` and `b` 5 and `c` 3. Planned are 4 looks" in text
    assert "after 3, 5, 8 and 12 seeds, with intervals of 99.4, 99.1, 98.1 and 96.6 %" in text
    assert "- `b`: not clear after 5 seeds, nor to be expected with more." in text
    assert "have the confidence that is said there, not 95 %" in " ".join(text.split())
    assert "looks" not in how_sure(
        {"t": [dataclasses.replace(c, looks=()) for c in group]}, {"t": judge(group)}
    )


@pytest.mark.parametrize("seeds", [3, 12])
def test_looks_change_no_order(seeds):
    found = looked(cell("a", spread(0.3, seeds)), cell("b", spread(0.9, seeds)))
    assert found.why == {"a": f"clear after {seeds} seeds"}
