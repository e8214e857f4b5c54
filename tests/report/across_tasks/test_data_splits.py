"""Several splits of the same data: compared in pairs, with the correction for their overlap."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

from harness.analysis.cells import by_task, cell_results
from harness.journal.read import read_journal
from harness.report.across_tasks.data_splits import data_splits, data_splits_section, sentence
from harness.report.answer import work_out
from harness.report.page import markdown
from tests.synthetic import write_journal

TASKS = ("mine", "mine-2", "mine-3", "digits")


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path, tasks=TASKS, spaces=("mlp", "cnn", "vit"), trials=1, failures=False)
    found = read_journal(tmp_path)
    data = {name: {"fold": fold} for fold, name in enumerate(TASKS[:3])}
    return dataclasses.replace(found, sweep=dataclasses.replace(found.sweep, data=data))


def test_differences_are_those_of_each_split_with_the_corrected_interval(record):
    groups = by_task(cell_results(record))
    (found,) = data_splits(record, groups)
    assert (found.name, found.tasks) == ("mine", TASKS[:3])
    best, second, _ = found.scores
    means = {
        space: [next(c.mean for c in groups[task] if c.space == space) for task in TASKS[:3]]
        for space in (best, second)
    }
    assert found.scores[second] == tuple(means[second])
    apart = np.subtract(means[best], means[second])
    sizes = record.tasks["mine"].sizes
    assert found.ratio == pytest.approx(sizes["test"] / sizes["train"])
    error = math.sqrt(apart.var(ddof=1) * (1 / 3 + found.ratio))
    half = scipy.stats.t.ppf(1 - 0.05 / 3 / 2, 2) * error
    interval = found.differences()[second]
    assert (interval.low, interval.high) == pytest.approx(
        (apart.mean() - half, apart.mean() + half)
    )


def test_the_report_begins_with_what_all_splits_say(record):
    answer = work_out(record)
    page = markdown(answer)
    said = sentence(answer.splits[0])
    assert said.startswith("Over 3 splits of the data of `mine` `vit` ")
    first = page.split("\n\n")[1]
    assert first.startswith(f"- {said}\n- On `mine` ")
    assert "## Over splits of the data\n\n### `mine`" in page
    assert "Nadeau and Bengio (2003)" in page
    assert {*answer.common[0].tasks} == {"mine", "digits"}, "splits are not ranked as tasks"


def test_one_without_a_score_on_a_split_is_not_compared(record):
    groups = by_task(cell_results(record))
    groups["mine-2"] = [
        dataclasses.replace(cell, confirm=()) if cell.space == "mlp" else cell
        for cell in groups["mine-2"]
    ]
    (found,) = data_splits(record, groups)
    assert set(found.scores) == {"cnn", "vit"}
    assert "lack a score on a split: `mlp`" in data_splits_section([found], groups)


def test_a_single_architecture_is_compared_with_none(record):
    groups = by_task([cell for cell in cell_results(record) if cell.space == "cnn"])
    (found,) = data_splits(record, groups)
    assert found.differences() == {}
    assert sentence(found).startswith("Over 3 splits of the data of `mine` `cnn` has a mean")


def test_without_splits_there_is_no_such_chapter(record):
    plain = dataclasses.replace(record, sweep=dataclasses.replace(record.sweep, data={}))
    assert work_out(plain).splits == []
    assert "Over splits" not in markdown(work_out(plain))


def test_simple_methods_come_first_where_nothing_beats_them(record):
    groups = by_task(cell_results(record))
    (found,) = data_splits(record, groups)
    assert len(found.simple) == 3
    high = dataclasses.replace(found, simple=(0.99, 0.995, 0.99))
    assert sentence(high).startswith(
        "Over 3 splits of the data of `mine` nothing beats the best simple method of each (0.992); "
        "of architectures `vit` "
    )
    best = found.scores["vit"]
    near = dataclasses.replace(found, simple=(best[0] - 0.01, best[1] - 0.03, best[2] + 0.02))
    assert "no architecture can be told from" in sentence(near)
    assert "`vit` minus the best simple method of each split: " in data_splits_section(
        [near], groups
    )
