"""Ranks and performance profiles across tasks: against the literature, SciPy and by hand."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

from harness.journal.read import read_journal
from harness.report.across_tasks.profiles import (
    profile_figure_name,
    profiles_section,
    shares,
    target,
)
from harness.report.across_tasks.ranks import (
    critical_difference,
    friedman,
    nemenyi,
    rank_figure_name,
    ranks_section,
    task_ranks,
)
from harness.report.figure_style import image
from harness.spec import Objective
from harness.trial import Asked, Failure, TrialResult
from tests.answered import common_tasks, profile_figures, profiles, rank_figures
from tests.synthetic import write_journal

# Demšar (2006), "Statistical comparisons of classifiers over multiple data sets", table 6: the
# area under the curve of C4.5, with m, with cf, and with both, on 14 data sets. It prints 0.975
# twice for "voting" and ranks them 2 and 3, so that the digits it cuts off must differ.
AREAS = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip
DEMSAR = scipy.stats.rankdata(-AREAS, axis=1)
TASKS, SPACES = ("digits", "fashion_mnist", "cifar10"), ("mlp", "cnn", "vit")


def edited(record, edit):
    """The record with every trial passed through `edit`; `None` leaves a trial out."""
    history = [edit(entry) if isinstance(entry, TrialResult) else entry for entry in record.history]
    return dataclasses.replace(record, history=tuple(e for e in history if e is not None))


@pytest.fixture
def record(tmp_path):
    """Three tasks on which `vit` is best and `mlp` worst."""
    write_journal(tmp_path, tasks=TASKS, spaces=SPACES, failures=False)
    record = read_journal(tmp_path)

    def edit(result):
        if result.phase == "search":
            return result
        value = 0.8 + 0.05 * SPACES.index(result.space) + 0.001 * result.number
        return dataclasses.replace(result, metrics={"test_accuracy": value})

    return edited(record, edit)


def failing(record, task, space):
    """The record in which no confirmation run of a cell has a score."""

    def edit(result):
        if (result.task, result.space, result.phase) != (task, space, "confirm"):
            return result
        return dataclasses.replace(result, status="failed", metrics={}, score=None,
                                   failure=Failure("code", "it broke"))  # fmt: skip

    return edited(record, edit)


# --- the literature --------------------------------------------------------------


def test_friedman_of_demsar():
    assert DEMSAR.mean(axis=0) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    found = friedman(DEMSAR)
    assert (found.statistic, found.f) == pytest.approx((9.28, 3.69), abs=0.01)
    # Permutations allow for ties, for which SciPy's statistic is corrected and the paper's is not.
    corrected = scipy.stats.friedmanchisquare(*AREAS.T).statistic
    f = 13 * corrected / (14 * 3 - corrected)
    assert found.p_value == pytest.approx(scipy.stats.f.sf(f, 3, 39), abs=0.003)


def test_critical_differences_of_demsar():
    assert critical_difference(14, 4) == pytest.approx(1.25, abs=0.005)
    # Table 5 (a): q of two to ten classifiers.
    table = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    found = [critical_difference(1, k) / math.sqrt(k * (k + 1) / 6) for k in range(2, 11)]
    assert found == pytest.approx(table, abs=1e-3)


def test_nemenyi_agrees_with_the_critical_difference():
    names = tuple("abcd")
    average = dict(zip(names, DEMSAR.mean(axis=0), strict=True))
    found = nemenyi(DEMSAR, names)
    for one in names:
        for other in names:
            far = abs(average[one] - average[other]) > critical_difference(14, 4)
            assert (found.loc[one, other] < 0.05) == far


def test_friedman_is_that_of_scipy_where_nothing_is_tied():
    ranks = np.random.default_rng(0).permuted(np.tile(np.arange(1.0, 6), (12, 1)), axis=1)
    expected = scipy.stats.friedmanchisquare(*ranks.T)
    found = friedman(ranks)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.03)


def test_few_tasks_have_exact_p_values():
    # Two tasks that agree on three architectures: one order of the six, whatever the first is.
    assert friedman([[1, 2, 3], [1, 2, 3]]).p_value == pytest.approx(1 / 6)
    assert friedman([[1, 2, 3], [1, 2, 3]]).f == math.inf


@pytest.mark.parametrize("wins", [6, 5, 3])
def test_two_architectures_are_compared_by_the_sign_test(wins):
    ranks = [[1, 2]] * wins + [[2, 1]] * (6 - wins)
    assert friedman(ranks).p_value == pytest.approx(scipy.stats.binomtest(wins, 6).pvalue)


def test_what_is_tied_everywhere_does_not_differ():
    found = friedman([[2, 2, 2]] * 4)
    assert (found.statistic, found.p_value) == (0, 1)


# --- ranks of a sweep ------------------------------------------------------------


def test_the_best_architecture_has_rank_one(record):
    (field,) = common_tasks(record)
    assert (field.spaces, tuple(field.tasks)) == (SPACES, TASKS)
    assert task_ranks(field).tolist() == [[3, 2, 1]] * 3


def test_ranks_follow_the_direction_of_the_metric(record):
    tasks = {
        n: dataclasses.replace(t, measure=Objective("accuracy", "min"))
        for n, t in record.tasks.items()
    }
    (field,) = common_tasks(dataclasses.replace(record, tasks=tasks))
    assert task_ranks(field).tolist() == [[1, 2, 3]] * 3


def test_failure_has_the_last_rank_and_is_named(record):
    failed = failing(failing(record, "digits", "vit"), "digits", "cnn")
    (field,) = common_tasks(failed)
    assert task_ranks(field).tolist() == [[1, 2.5, 2.5], [3, 2, 1], [3, 2, 1]]
    assert "`cnn` and `vit` have no confirmed score on `digits` and the last rank." in (
        ranks_section(common_tasks(failed))
    )


def test_a_task_still_at_work_does_not_count(record):
    open_task = edited(record, lambda r: None if (r.task, r.space, r.phase, r.number) == (
        "cifar10", "mlp", "confirm", 2) else r)  # fmt: skip
    (field,) = common_tasks(open_task)
    assert tuple(field.tasks) == TASKS[:2]


def test_tasks_where_everything_failed_do_not_count(record):
    for space in SPACES:
        record = failing(record, "digits", space)
    (field,) = common_tasks(record)
    assert tuple(field.tasks) == TASKS[1:]


def without(record, drop):
    """The record as if these cells (task, space) had not been asked for."""
    keep = tuple(e for e in record.history if not drop(e.task, e.space))
    ended = {key: why for key, why in record.ended_searches.items() if not drop(*key[:2])}
    return dataclasses.replace(record, history=keep, ended_searches=ended)


def test_tasks_with_other_architectures_are_not_in_common(record):
    other = without(record, lambda task, space: task == "digits" and space == "vit")
    (field,) = common_tasks(other)
    assert tuple(field.tasks) == TASKS[1:]


@pytest.mark.parametrize("drop", [
    lambda task, _: task != "digits",
    lambda _, space: space != "cnn",
])  # fmt: skip
def test_one_task_or_one_architecture_shows_nothing(record, drop):
    one = without(record, drop)
    assert common_tasks(one) == []
    assert (ranks_section(common_tasks(one)), profiles_section(profiles(one))) == ("", "")
    assert rank_figures(one) == profile_figures(one) == {}


def test_the_section_says_how_little_few_tasks_show(record):
    text = ranks_section(common_tasks(record))
    assert "| `vit`          |           1.00 |" in text
    assert "3 tasks can show little" in text
    # Two tasks, three architectures: 2.34 sqrt(12 / 12) = 2.34, and ranks differ by 2 at most.
    two = ranks_section(common_tasks(without(record, lambda task, _: task == "digits")))
    assert "the critical difference is larger than 2" in two


def test_the_diagram_names_every_architecture_with_its_rank(record):
    figures = rank_figures(record)
    assert list(figures) == [rank_figure_name(1)] == ["ranks"]
    (axes,) = figures["ranks"].axes
    texts = [text.get_text() for text in axes.texts]
    assert {"vit (1.00)", "cnn (2.00)", "(3.00) mlp"} <= set(texts)
    assert axes.get_xlim() == (1, 3)
    # Nothing is told apart: the critical difference is 1.91, the ranks differ by 2.
    assert "critical difference 1.91" in texts
    assert image(figures["ranks"]).startswith(b"\x89PNG")


# --- performance profiles --------------------------------------------------------


def test_shares_by_hand():
    # Dolan and Moré (2002): each solver's share of problems within a factor of the best.
    ratios = [[1, 2, math.inf], [3, 1, 1.5], [1, 1, math.inf]]
    found = shares(ratios, [1, 2, 3])
    assert found == pytest.approx(np.array([[2, 2, 0], [2, 3, 1], [3, 3, 1]]) / 3)


def searching(record, reach):
    """The record with one search trial a cell: seconds to a validation score, by task and space."""

    def edit(result):
        if result.phase == "confirm":
            return result
        if result.number > 0:
            return None
        seconds, score = reach[result.task, result.space]
        row = {"epoch": 1, "seconds": seconds, "val_accuracy": score}
        cost = dataclasses.replace(result.cost, seconds=seconds)
        return dataclasses.replace(result, curve=(row,), score=score, epochs=1, cost=cost)

    history = tuple(e for e in record.history if not isinstance(e, Asked) or e.number == 0)
    return edited(dataclasses.replace(record, history=history), edit)


REACH = {
    ("digits", "mlp"): (1.0, 0.7), ("digits", "cnn"): (4.0, 0.8), ("digits", "vit"): (10.0, 0.9),
    ("fashion_mnist", "mlp"): (2.0, 0.9), ("fashion_mnist", "cnn"): (3.0, 0.9),
    ("fashion_mnist", "vit"): (9.0, 0.9), ("cifar10", "mlp"): (5.0, 0.3),
    ("cifar10", "cnn"): (6.0, 0.6), ("cifar10", "vit"): (6.0, 0.7),
}  # fmt: skip


def test_profiles_are_times_to_what_the_middle_architecture_reaches(record):
    (found,) = profiles(searching(record, REACH))
    assert found.tasks == TASKS
    expected = [[math.inf, 1, 2.5], [1, 1.5, 4.5], [math.inf, 1, 1]]
    assert found.ratios == pytest.approx(np.array(expected))


def test_the_middle_of_an_even_number_is_the_weaker_one(record):
    (field,) = common_tasks(searching(record, REACH))
    mlp, cnn, vit = (field.tasks["digits"][space] for space in SPACES)
    assert target([mlp, cnn, vit]) == 0.8
    assert target([vit, cnn]) == 0.8
    assert target([cnn, mlp]) == 0.7


def test_a_task_without_a_target_is_left_out_and_named(record):
    reach = {**REACH, ("digits", "mlp"): (1.0, math.nan), ("digits", "cnn"): (1.0, math.nan)}
    (found,) = profiles(searching(record, reach))
    assert (found.tasks, found.left_out) == (TASKS[1:], ("digits",))
    text = profiles_section(profiles(searching(record, reach)))
    assert "Left out, as half of the architectures have no validation score: `digits`." in text
    assert "2 tasks can show little." in text


def test_profiles_need_two_tasks_with_a_target(record):
    bad = {cell: (1.0, math.nan) for cell in REACH if cell[0] != "digits"}
    assert profiles(searching(record, {**REACH, **bad})) == []
    assert profiles_section(profiles(searching(record, {**REACH, **bad}))) == ""


def test_the_section_and_the_figure_show_the_shares(record):
    known = searching(record, REACH)
    lines = profiles_section(profiles(known)).splitlines()
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in lines
            if line.startswith("| `")]  # fmt: skip
    assert rows == [
        ["`cnn`", "67 %", "100 %", "100 %"],
        ["`vit`", "33 %", "33 %", "100 %"],
        ["`mlp`", "33 %", "33 %", "33 %"],
    ]
    figures = profile_figures(known)
    assert list(figures) == [profile_figure_name(1)] == ["profiles"]
    (axes,) = figures["profiles"].axes
    ends = [line.get_ydata()[-1] for line in axes.lines]
    assert ends == pytest.approx([1 / 3, 1, 1], abs=0.02)
    assert image(figures["profiles"]).startswith(b"\x89PNG")


def test_names_from_data_are_shown_as_they_are(tmp_path):
    hostile = ("$\\frac{1}{2}$", "<script>|x|", "{rank}" + "n" * 200)
    write_journal(tmp_path, tasks=TASKS, spaces=hostile, failures=False)
    record = read_journal(tmp_path)
    for figure in [*rank_figures(record).values(), *profile_figures(record).values()]:
        assert image(figure)
    assert all(
        "<script>|" not in text
        for text in (ranks_section(common_tasks(record)), profiles_section(profiles(record)))
    )
