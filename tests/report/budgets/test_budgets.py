"""Who leads at which budget, from curves whose crossing is known."""

import dataclasses
import math
import re

import numpy as np
import pytest

from harness.analysis.cells import by_task, cell_results
from harness.journal.read import read_journal
from harness.report.budgets.course import UNITS, after_twice, course, leads
from harness.report.budgets.figure import budget_figures
from harness.report.budgets.section import budget_section, courses
from harness.report.figure_style import image, line_styles
from harness.report.page import markdown
from harness.trial import TrialResult
from tests.answered import work_out
from tests.synthetic import write_journal

EPOCHS, SECONDS, OPERATIONS = UNITS
TIMES = np.arange(1.0, 13)


def record_of(folder, curves, seconds, flops=None, noise=0.0, seeds=(0, 1, 2), searches=1):
    """A sweep whose confirmation runs have these validation scores by architecture."""
    random = np.random.default_rng(0)

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.phase == "search":
            return entry
        scores = curves[entry.space] + random.normal(0, noise)
        rows = tuple(
            {"epoch": n, "seconds": n * seconds[entry.space], "val_accuracy": float(score)}
            for n, score in enumerate(scores, start=1)
        )
        cost = dataclasses.replace(entry.cost, flops=flops and flops[entry.space])
        return dataclasses.replace(entry, curve=rows, score=float(scores.max()), cost=cost)

    write_journal(folder, tasks=("digits",), failures=False, seeds=seeds, searches=searches)
    record = read_journal(folder)
    return dataclasses.replace(record, history=tuple(map(edit, record.history)))


def group_of(*args, **options):
    return by_task(cell_results(record_of(*args, **options)))["digits"]


# `mlp` learns fast and stops, `cnn` learns slowly and goes on: they cross at epoch 7.
CROSSING = {"mlp": np.minimum(0.60 + 0.05 * TIMES, 0.70), "cnn": 0.35 + 0.05 * TIMES}
EQUAL = {"mlp": 10.0, "cnn": 10.0}


def test_the_crossing_of_two_curves_is_found(tmp_path):
    found = course(group_of(tmp_path, CROSSING, EQUAL), EPOCHS)
    lead = leads(found)
    assert (lead.half.space, lead.whole.space, lead.before) == ("mlp", "cnn", "mlp")
    assert lead.begins.mean == pytest.approx(7, abs=0.1)
    assert (lead.begins.low, lead.begins.high) == (lead.begins.mean, lead.begins.mean)
    assert (lead.half.share, lead.whole.share) == (1.0, 1.0)


def test_seconds_move_the_crossing_of_a_slow_architecture(tmp_path):
    found = course(group_of(tmp_path, CROSSING, {"mlp": 10.0, "cnn": 20.0}), SECONDS)
    assert found.spent[-1] == 240
    assert leads(found).begins.mean == pytest.approx(140, abs=1)  # epoch 7 of 20 seconds each


def test_operations_are_a_unit_where_the_journal_tells_of_them(tmp_path):
    group = group_of(tmp_path, CROSSING, EQUAL, {"mlp": 12e9, "cnn": 36e9})
    assert leads(course(group, OPERATIONS)).begins.mean == pytest.approx(21e9, rel=0.01)
    assert course(group_of(tmp_path / "old", CROSSING, EQUAL), OPERATIONS) is None


def test_seeds_that_differ_make_the_crossing_uncertain(tmp_path):
    lead = leads(course(group_of(tmp_path, CROSSING, EQUAL, noise=0.03), EPOCHS))
    assert lead.begins.low < lead.begins.mean < lead.begins.high
    assert 0.5 < lead.half.share <= 1


def test_the_interval_holds_the_true_crossing_mostly(tmp_path):
    held = 0
    for number in range(40):
        random = np.random.default_rng(number)
        runs = {s: curve + random.normal(0, 0.03, (8, 1)) for s, curve in CROSSING.items()}
        found = course(group_of(tmp_path / str(number), CROSSING, EQUAL), EPOCHS)
        grid = found.spent
        scores = {s: np.array([np.interp(grid, TIMES, row) for row in own])
                  for s, own in runs.items()}  # fmt: skip
        begins = leads(dataclasses.replace(found, scores=scores)).begins
        held += begins.low <= 7 <= begins.high
    assert held >= 34  # of 95 % intervals of eight seeds, at least 85 %


def test_one_seed_has_a_leader_and_no_share(tmp_path):
    lead = leads(course(group_of(tmp_path, CROSSING, EQUAL, seeds=(0,)), EPOCHS))
    assert lead.whole.space == "cnn"
    assert math.isnan(lead.whole.share)
    assert math.isnan(lead.begins.low)


def test_several_searches_count_as_one_run_each(tmp_path):
    found = course(group_of(tmp_path, CROSSING, EQUAL, searches=2), EPOCHS)
    assert all(rows.shape == (2, len(found.spent)) for rows in found.scores.values())


def test_before_the_first_epoch_has_ended_nobody_leads_by_it(tmp_path):
    curves = {"mlp": np.full(4, 0.6), "cnn": np.full(4, 0.9)}
    lead = leads(course(group_of(tmp_path, curves, {"mlp": 1.0, "cnn": 10.0}), SECONDS))
    assert lead.before == "mlp"
    assert lead.begins.mean == pytest.approx(10, abs=0.3)


# --- twice as much ----------------------------------------------------------------


LAWS = {"mlp": 0.90 - 0.30 * TIMES**-1.0, "cnn": 0.98 - 0.50 * TIMES**-0.6}


def test_power_laws_tell_what_twice_the_epochs_give(tmp_path):
    expected = after_twice(group_of(tmp_path, LAWS, EQUAL))
    assert expected["mlp"] == pytest.approx(0.90 - 0.30 / 24, abs=0.002)
    assert expected["cnn"] == pytest.approx(0.98 - 0.50 * 24**-0.6, abs=0.005)


def test_nothing_is_told_where_one_curve_follows_no_law(tmp_path):
    jump = np.where(TIMES < 9, 0.6, 0.6 + 0.04 * np.maximum(TIMES - 8, 0) ** 1.5)
    assert after_twice(group_of(tmp_path, {**LAWS, "mlp": jump}, EQUAL)) is None
    assert after_twice(group_of(tmp_path / "short", {s: c[:4] for s, c in LAWS.items()},
                                EQUAL)) is None  # fmt: skip


# --- words and figures ------------------------------------------------------------


def test_the_section_says_where_the_answer_turns(tmp_path):
    record = record_of(tmp_path, CROSSING, EQUAL)
    text = budget_section(by_task(cell_results(record)))
    (epochs,) = (line for line in text.splitlines() if "epochs, 12" in line)
    cells = [cell.strip() for cell in epochs.strip("|").split("|")]
    assert cells[1:4] == ["`mlp` (100 %)", "`cnn` (100 %)", "not known"]
    assert cells[4].startswith("7")
    assert cells[4].endswith("before it `mlp`")
    assert text in markdown(work_out(record))


def test_an_extrapolated_leader_is_told_with_its_score(tmp_path):
    text = budget_section({"digits": group_of(tmp_path, LAWS, EQUAL)})
    (found,) = re.findall(r"\| +`cnn`, (0\.\d+) \|", text)
    assert float(found) == pytest.approx(0.906, abs=0.005)


def test_a_task_with_one_architecture_has_no_section(tmp_path):
    cells = group_of(tmp_path, CROSSING, EQUAL)[:1]
    assert budget_section({"digits": cells}) == ""
    assert budget_figures({"digits": cells}, {}) == {}


def test_the_figure_has_a_panel_for_each_unit_that_is_known(tmp_path):
    record = record_of(tmp_path, CROSSING, EQUAL, {"mlp": 12e9, "cnn": 36e9})
    tasks = by_task(cell_results(record))
    (drawing,) = budget_figures(tasks, line_styles(record.sweep.spaces)).values()
    figure = drawing()
    assert [axes.get_xlabel() for axes in figure.axes] == ["epochs", "training seconds", "TFLOP"]
    assert len(courses(tasks["digits"])) == 3
    lines = {line.get_color(): line.get_ydata() for line in figure.axes[0].get_lines()}
    assert sorted(float(y[-1]) for y in lines.values()) == pytest.approx([0.70, 0.95])
    assert image(figure)
