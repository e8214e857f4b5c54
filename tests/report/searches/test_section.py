"""What the report says of the searches, in every state of a sweep."""

import dataclasses
import math

import numpy as np
import pytest

from harness.analysis.cells import by_task, cell_results
from harness.journal.read import read_journal
from harness.report.figure_style import image
from harness.report.searches.anytime import curves, exchangeable, trials_of
from harness.report.searches.gain import gain, gains
from harness.report.searches.permutations import observed
from harness.report.searches.time_to_target import targets, times, times_to_targets
from harness.spec import Objective
from harness.trial import Asked, TrialResult
from tests.answered import anytime_figure, search_figures, search_text, work_out
from tests.synthetic import write_journal


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path)
    return read_journal(tmp_path)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A task with many trials of two architectures."""
    folder = tmp_path_factory.mktemp("large")
    write_journal(folder, tasks=("digits",), trials=60)
    return read_journal(folder)


def edited(record, edit, **fields):
    """The record with each result edited."""
    history = tuple(edit(e) if isinstance(e, TrialResult) else e for e in record.history)
    return dataclasses.replace(record, history=history, **fields)


def scored(record, scores, seconds=10.0):
    """The record with these scores of search trials, by architecture, reached at their ends."""

    def edit(result):
        if result.phase == "confirm":
            return result
        value = scores[result.space][result.number]
        status = "failed" if math.isnan(value) else "completed"
        cost = dataclasses.replace(result.cost, seconds=seconds)
        return dataclasses.replace(result, status=status, score=value, curve=(), cost=cost)

    return edited(record, edit)


def tuned_by(record, tuner):
    return dataclasses.replace(record, sweep=dataclasses.replace(record.sweep, tuner=tuner))


SCORES = {"mlp": [0.5, math.nan, 0.7, 0.6], "cnn": [0.4, 0.9, 0.65, 0.8]}


# --- while a search goes on -------------------------------------------------------------


def test_epochs_of_failed_trials_cost_seconds_and_have_no_score(record):
    cell = cell_results(record)[0]  # its trial 1 diverged after an epoch that had a score
    trials = trials_of(cell)
    failed = [math.isnan(cell.score(result)) for result in cell.search]
    assert failed == [False, True, False, False]
    assert np.isnan(trials.scores[1]).all()
    seconds, best = observed(trials)
    assert seconds[-1] == pytest.approx(cell.search_seconds)
    assert best[-1] == max(r.score for r in cell.search if r.status == "completed")
    assert (np.diff(seconds) >= 0).all()


def test_only_random_search_has_other_orders(record):
    cell = cell_results(record)[0]
    assert exchangeable(cell, "random") is not None
    for tuner in ("bayesian", "hyperband", "grid"):
        assert exchangeable(cell, tuner) is None
        assert all(curve.low is None for curve in curves(cell, tuner))
    unbegun = dataclasses.replace(cell, search=cell.search[1:])
    assert exchangeable(unbegun, "random") is None
    assert exchangeable(dataclasses.replace(cell, search=()), "random") is None


def test_the_default_comes_first_whenever_it_ended(record):
    cell = cell_results(record)[0]
    late = dataclasses.replace(cell, search=(*cell.search[1:], cell.search[0]))
    _, by_trials = curves(late, "random")
    assert by_trials.y[0] == pytest.approx(cell.score(cell.search[0]))
    assert by_trials.low[0] == by_trials.high[0]


def test_a_task_has_a_row_of_seconds_and_trials(record):
    for tuner, bands in (("random", 2), ("bayesian", 0)):
        figure = anytime_figure(tuned_by(record, tuner))
        assert len(figure.axes) == 4
        assert figure.axes[0].get_title(loc="left") == "digits"
        assert figure.axes[0].get_ylabel() == "best validation accuracy"
        assert [len(axes.collections) for axes in figure.axes] == [bands] * 4
        keys = {text.get_text() for text in figure.legends[0].get_texts()}
        assert ("90 % of the orders" in keys) == (tuner == "random")


def test_all_searches_end_with_their_best_on_both_sides(record):
    record = scored(record, SCORES)
    for tuner in ("random", "grid"):
        for cell in cell_results(record):
            by_seconds, by_trials = curves(cell, tuner)
            best = np.nanmax(SCORES[cell.space])
            assert by_seconds.y[-1] == pytest.approx(best)
            assert by_trials.y[-1] == pytest.approx(best)
            assert by_seconds.x[-1] == pytest.approx(40)
            assert by_trials.x[-1] == 4


# --- time to target ---------------------------------------------------------------------


def test_targets_are_the_best_of_the_weakest_and_of_the_runner_up(tmp_path):
    write_journal(tmp_path, tasks=("digits",), spaces=("mlp", "cnn", "vit"))
    record = read_journal(tmp_path)
    found = scored(record, {**SCORES, "vit": [0.1, 0.2, 0.95, 0.3]})
    (group,) = by_task(cell_results(found)).values()
    assert targets(group) == [0.7, 0.9]
    (group,) = by_task(cell_results(scored(record, {**SCORES, "vit": [math.nan] * 4}))).values()
    assert targets(group) == [0.7]
    assert "vit" not in times_to_targets(group, "random")
    nobody = scored(record, {**SCORES, "vit": [math.nan] * 4, "cnn": [math.nan] * 4})
    (group,) = by_task(cell_results(nobody)).values()
    assert targets(group) == []
    assert times_to_targets(group, "random") == ""


def test_times_are_those_of_the_path_or_of_all_orders(record):
    mlp = cell_results(scored(record, SCORES))[0]
    assert times(mlp, 0.6, "bayesian").mean == 30  # the failed trial took its seconds
    assert math.isinf(times(mlp, 0.8, "bayesian").mean)
    # Three trials follow the default in any order, and one of them has 0.7.
    band = times(mlp, 0.7, "random")
    assert (band.low, band.mean, band.high) == (20, 30, 40)
    assert times(mlp, 0.5, "random").mean == 10
    table = times_to_targets(by_task(cell_results(scored(record, SCORES)))["digits"], "random")
    assert "time to 0.7000" in table
    assert "30 s (20 s to 40 s)" in table


def test_targets_of_errors_are_reached_from_above(record):
    tasks = {name: dataclasses.replace(task, objective=Objective("accuracy", "min"))
             for name, task in record.tasks.items()}  # fmt: skip
    record = dataclasses.replace(scored(record, SCORES), tasks=tasks)
    group = by_task(cell_results(record))["digits"]
    assert targets(group) == [0.5]
    cnn = next(cell for cell in group if cell.space == "cnn")
    assert times(cnn, 0.5, "grid").mean == 10
    assert times(cnn, 0.3, "grid").mean == math.inf


# --- the default and the best -----------------------------------------------------------


def test_the_gain_is_that_of_the_best_over_trial_zero(record):
    record = scored(record, SCORES)
    found = {cell.space: gain(cell, {}) for cell in cell_results(record) if cell.task == "digits"}
    assert found["cnn"].gain == pytest.approx(0.5)
    assert found["cnn"].best.number == 1
    assert found["cnn"].seconds == 20
    assert found["mlp"].gain == pytest.approx(0.2)
    table = gains([one.cell for one in found.values()], {})
    assert "0.4000" in table
    assert "0.5000" in table


def test_errors_gain_by_falling_and_a_default_may_be_best(record):
    tasks = {name: dataclasses.replace(task, objective=Objective("accuracy", "min"))
             for name, task in record.tasks.items()}  # fmt: skip
    found = gain(cell_results(dataclasses.replace(scored(record, SCORES), tasks=tasks))[1], {})
    assert found.gain == 0
    assert "-0" not in gains([found.cell], {})
    lower = {"mlp": [0.9, 0.5, 0.6, 0.7], "cnn": [0.9] * 4}
    cell = cell_results(dataclasses.replace(scored(record, lower), tasks=tasks))[0]
    assert gain(cell, {}).gain == pytest.approx(0.4)


def test_a_default_that_failed_or_still_runs_says_so(record):
    bad = scored(record, {"mlp": [math.nan, 0.4, 0.7, 0.6], "cnn": SCORES["cnn"]})
    cell = cell_results(bad)[0]
    assert math.isnan(gain(cell, {}).gain)
    assert "failed" in gains([cell], {})
    assert "no result yet" in gains([dataclasses.replace(cell, search=cell.search[1:])], {})
    assert gains([dataclasses.replace(cell, search=cell.search[:1])], {}) == ""


def test_a_default_that_was_trained_for_longer_counts_with_that(record):
    cell = cell_results(scored(record, {"mlp": [0.5, 0.6, 0.55, 0.58], "cnn": SCORES["cnn"]}))[0]
    asked = {n: Asked("digits", "mlp", n, {}, 4, 0, None) for n in range(3)}
    asked[3] = Asked("digits", "mlp", 3, {}, 8, 4, 0)
    assert gain(cell, asked).default.number == 3
    assert gain(cell, asked).gain == pytest.approx(0.02)
    assert gain(cell, {}).default.number == 0


# --- the whole --------------------------------------------------------------------------


def with_an_effect(record):
    """Scores that follow from the units and, with few of them, from the layers."""

    def edit(result):
        if result.status != "completed" or result.phase == "confirm":
            return result
        config = result.config
        score = (
            0.5 + 0.1 * (config["units"] / 64) + 0.1 * config["layers"] * (config["units"] == 64)
        )
        return dataclasses.replace(result, score=score + 1e-3 * config["dropout"])

    return edited(record, edit)


def test_the_section_shows_what_there_is(large):
    record = with_an_effect(large)
    page = search_text(record)
    for title in ("During the search", "Time to target", "What the search was worth",
                  "Which hyperparameters mattered"):  # fmt: skip
        assert f"### {title}" in page
    assert "`units`" in page
    assert "winner's curse" in page
    figures = search_figures(record)
    assert set(figures) == {"anytime", "pareto-digits", "importance-digits"}
    for name in figures:
        assert f"({name}.png)" in page
    (axes,) = figures["importance-digits"].axes
    assert axes.get_yticklabels()[0].get_text() == "units"
    keys = figures["importance-digits"].legends[0].get_texts()
    assert [text.get_text() for text in keys] == ["cnn", "mlp"]
    for figure in figures.values():
        assert image(figure).startswith(b"\x89PNG")


def test_noise_has_no_importances(large):
    def edit(result):
        return dataclasses.replace(result, score=float(np.random.default_rng(
            [result.number, len(result.space), ord(result.space[0])]).uniform()))  # fmt: skip

    record = edited(large, edit)
    assert "the surrogate explains nothing" in search_text(record)
    assert "importance-digits" not in search_figures(record)


def broken(record, state):
    """The record of a sweep that went badly, or has not gone far."""
    search = [e for e in record.history if not (isinstance(e, TrialResult)
                                                and e.phase == "confirm")]  # fmt: skip
    match state:
        case "everything failed":
            return edited(record, lambda r: dataclasses.replace(
                r, status="failed", score=None, metrics={}))  # fmt: skip
        case "not numbers":
            return edited(record, lambda r: dataclasses.replace(
                r, score=[math.nan, math.inf, -math.inf, 0.5][r.number % 4],
                metrics={"test_accuracy": math.inf},
                curve=tuple({**row, "val_accuracy": math.inf, "seconds": math.nan}
                            for row in r.curve)))  # fmt: skip
        case "half-way":
            return dataclasses.replace(
                record, history=tuple(search[: len(search) // 2]), ended_searches={}
            )
        case "one trial":
            return dataclasses.replace(record, history=tuple(search[:2]), ended_searches={})
        case "only asked":
            return dataclasses.replace(record, history=tuple(search[:1]), ended_searches={})
        case "no data":
            return dataclasses.replace(record, tasks={})
        case "nothing":
            return dataclasses.replace(record, history=(), ended_searches={}, tasks={})
    raise AssertionError(state)


@pytest.mark.parametrize("tuner", ["random", "hyperband"])
@pytest.mark.parametrize("state", ["everything failed", "not numbers", "half-way", "one trial",
                                   "only asked", "no data", "nothing"])  # fmt: skip
def test_every_state_of_a_sweep_can_be_shown(record, state, tuner):
    found = tuned_by(broken(record, state), tuner)
    page, figures = search_text(found), search_figures(found)
    for figure in figures.values():
        assert image(figure)
    assert "anytime" in figures
    assert "nan" not in page
    assert "inf" not in page
    if state in ("everything failed", "only asked"):
        assert "Time to target" not in page
        assert "What the search was worth" not in page
    if state == "nothing":
        assert page == ""


def test_names_from_data_cannot_break_the_page(large):
    name = "a|b`<script>$x$"

    def edit(entry):
        if isinstance(entry, Asked):
            return dataclasses.replace(entry, values={name: entry.values["units"]})
        return entry

    record = with_an_effect(large)
    hostile = dataclasses.replace(record, history=tuple(map(edit, record.history)))
    assert "`a\\|b'<script>$x$`" in search_text(hostile)
    figure = search_figures(hostile)["importance-digits"]
    assert figure.axes[0].get_yticklabels()[0].get_text() == name
    assert image(figure)


def test_nothing_is_said_of_hyperparameters_after_few_trials(record):
    assert work_out(record).importances == {}
    assert "Which hyperparameters mattered" not in search_text(record)
