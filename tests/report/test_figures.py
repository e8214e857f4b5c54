"""The figures show what the tables say, in every state of a sweep."""

import dataclasses
import io
import math

import numpy as np
import PIL.Image
import pytest
from matplotlib.colors import to_rgb

from harness.analysis.cells import cell_results
from harness.journal.folder import DRAWN_BY
from harness.journal.read import read_journal
from harness.report.figure_style import COLOURS, DPI, image, line_styles
from harness.report.searches.anytime import trials_of
from harness.report.searches.permutations import observed
from harness.spec import Objective, Reference
from harness.trial import TrialResult
from tests.answered import anytime_figure, leaderboard_figure, markdown
from tests.synthetic import write_journal


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path)
    return read_journal(tmp_path)


def test_leaderboard_has_a_panel_a_task_with_the_best_on_top(record):
    figure = leaderboard_figure(record)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["digits", "fashion_mnist"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["cnn", "mlp"]
    low, high = figure.axes[0].get_ylim()
    assert low > high  # the first row is on top


def test_a_far_baseline_does_not_squeeze_the_scores(record):
    axes = leaderboard_figure(record).axes[0]
    assert axes.get_xlim()[0] > 0.5
    assert "← baseline 0.1" in axes.get_xlabel()


def with_errors(record, errors):
    """The record with mean squared errors, the same in all trials of a space."""

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.status != "completed":
            return entry
        value = errors[entry.space] * (1 + 0.01 * entry.number)
        curve = tuple({**row, "val_mse": value} for row in entry.curve)
        metrics = {"val_mse": value} | ({"test_mse": value} if entry.phase == "confirm" else {})
        return dataclasses.replace(entry, score=value, metrics=metrics, curve=curve)

    tasks = {
        name: dataclasses.replace(task, objective=Objective("mse", "min"), baseline={"mse": 1200.0},
                                  reference=Reference(1e-9, "far below"))
        for name, task in record.tasks.items()
    }  # fmt: skip
    return dataclasses.replace(record, history=tuple(map(edit, record.history)), tasks=tasks)


def test_a_failure_does_not_squeeze_the_errors_of_the_others(record):
    record = with_errors(record, {"mlp": 0.16, "cnn": 0.0005})
    (axes, *_) = leaderboard_figure(record).axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == (
        "test mse (lower is better, logarithmic scale)\n← published 1e-09     baseline 1,200 →"
    )
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert "0.001" in labels
    assert not any("$" in label for label in labels)
    assert anytime_figure(record).axes[0].get_yscale() == "log"
    page = markdown(record)
    assert "0.00050" in page
    assert "Trivial baseline: 1,200.0." in page


def test_errors_of_one_size_are_on_a_linear_scale(record):
    record = with_errors(record, {"mlp": 0.004, "cnn": 0.0005})
    assert leaderboard_figure(record).axes[0].get_xscale() == "linear"
    assert anytime_figure(record).axes[0].get_yscale() == "linear"


def test_anytime_sums_the_seconds_of_all_trials(record):
    cell = cell_results(record)[0]
    seconds, scores = observed(trials_of(cell))
    assert np.all(np.diff(seconds) >= 0)
    assert seconds[-1] == pytest.approx(cell.search_seconds)
    assert np.nanmax(scores) == max(r.score for r in cell.search if r.score is not None)


def test_images_are_the_same_each_time_and_small(record):
    first, second = (image(leaderboard_figure(record)) for _ in range(2))
    assert first == second
    assert DRAWN_BY.encode() in first[:512]
    picture = PIL.Image.open(io.BytesIO(first))
    assert (picture.format, picture.mode) == ("PNG", "P")
    assert round(picture.info["dpi"][0]) == DPI
    assert len(picture.getcolors()) <= COLOURS
    assert len(first) < 40_000


def test_no_colour_is_lost_to_the_palette(record):
    """That of a name has few pixels, and tells which architecture it is."""
    picture = PIL.Image.open(io.BytesIO(image(leaderboard_figure(record)))).convert("RGB")
    found = np.unique(np.asarray(picture).reshape(-1, 3).astype(int), axis=0)
    for style in line_styles(record.sweep.spaces).values():
        colour = np.round(255 * np.array(to_rgb(style["color"]))).astype(int)
        assert np.abs(found - colour).max(axis=1).min() <= 12
    assert (255, 255, 255) in map(tuple, found.tolist())


def test_records_without_results_still_draw(record):
    failed = tuple(
        dataclasses.replace(e, status="failed", score=None, metrics={}, curve=())
        for e in record.history
        if isinstance(e, TrialResult) and e.phase == "search"
    )
    for history in ((), failed):
        bare = dataclasses.replace(record, history=history, ended_searches={}, tasks={})
        for figure in (leaderboard_figure(bare), anytime_figure(bare)):
            assert image(figure)


def test_curves_that_are_not_numbers_still_draw(record):
    def edit(entry):
        if not isinstance(entry, TrialResult):
            return entry
        curve = tuple({**row, "val_accuracy": math.inf} for row in entry.curve)
        return dataclasses.replace(entry, curve=curve, score=math.nan)

    broken = dataclasses.replace(record, history=tuple(map(edit, record.history)))
    assert image(anytime_figure(broken))


def test_more_architectures_than_colours_are_told_apart(tmp_path):
    spaces = tuple(f"space_{i}" for i in range(11))
    write_journal(tmp_path, tasks=("digits",), spaces=spaces, trials=2, seeds=(0,))
    lines = anytime_figure(read_journal(tmp_path)).axes[0].get_lines()
    looks = {
        (line.get_color(), line.get_linestyle()) for line in lines if len(line.get_xdata()) > 1
    }
    assert len(looks) == len(spaces)
