"""The tables of a sweep: their columns, what they count, and their way through CSV."""

import dataclasses
import io
import json
import math
import time

import pandas as pd
import pytest

from harness import report
from harness.analysis.cells import cell_results, exit_code, unconfirmed
from harness.journal.folder import outcomes_path
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.report.appendix import spending
from harness.report.csv_tables import (
    LEADERBOARD,
    LEADERBOARD_COLUMNS,
    TRIALS,
    TRIALS_COLUMNS,
    csv,
)
from harness.spec import HarnessError, Objective
from harness.trial import Failure, TrialResult
from tests.answered import leaderboard, markdown, trials_table, work_out
from tests.synthetic import write_journal


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path)
    return read_journal(tmp_path)


def edited(record, edit):
    """The record with every trial passed through `edit`; `None` leaves a trial out."""
    history = [edit(entry) if isinstance(entry, TrialResult) else entry for entry in record.history]
    return dataclasses.replace(record, history=tuple(e for e in history if e is not None))


def test_trials_have_the_promised_columns_and_a_row_each(record):
    table = trials_table(record)
    assert " ".join(table.columns) == (
        "sweep task space phase search trial seed status val_metric val_score test_metric "
        "test_score other_test_metrics epochs seconds build_seconds first_step_seconds compiled "
        "resumed_at together parameters forward_flops flops node flops_per_second share_of_peak "
        "device_memory_mb error config"
    )
    assert len(table) == 4 * (4 + 3)
    assert (table["status"] != "completed").sum() == 3
    assert table["error"].notna().sum() == 3
    assert table.query("status != 'completed'")["val_score"].isna().all()


def test_a_row_tells_what_its_trial_cost(record):
    def costly(result):
        cost = dataclasses.replace(result.cost, compiled=result.number == 0, flops=2.5e9)
        return dataclasses.replace(result, cost=cost)

    known = edited(record, costly)
    table = trials_table(known)
    assert list(table["compiled"]) == list(table["trial"] == 0)
    assert set(table["flops"]) == set(leaderboard(known)["flops"]) == {2.5e9}
    assert trials_table(record)["compiled"].isna().all(), "journals from before"


def test_of_an_accelerator_that_is_known_the_share_in_use_is_told(record):
    def quick(result):
        cost = dataclasses.replace(
            result.cost, device="gpu", forward_flops=1e9, flops=1e12, examples_per_second=16_490.0
        )
        return dataclasses.replace(result, cost=cost)

    known = dataclasses.replace(
        edited(record, quick), environments=({"hardware": {"accelerators": ["NVIDIA H200"]}},)
    )
    table = trials_table(known)
    assert set(table["flops_per_second"]) == {3 * 1e9 * 16_490}
    assert table["share_of_peak"].tolist() == pytest.approx([0.1000404] * len(table))
    assert " 10 % |" in markdown(known)
    assert trials_table(edited(record, quick))["share_of_peak"].isna().all(), "no device is named"
    assert "of peak" not in markdown(record)


def test_seeds_that_were_one_program_are_told(record):
    def grouped(result):
        together = 3 if result.phase == "confirm" and result.space == "cnn" else None
        return dataclasses.replace(result, cost=dataclasses.replace(result.cost, together=together))

    known = edited(record, grouped)
    table = trials_table(known)
    cnn = (table["phase"] == "confirm") & (table["space"] == "cnn")
    assert list(table["together"].notna()) == list(cnn)
    told = spending(known, cell_results(known))
    assert "Trained as one program: the seeds of `cnn` on `digits` (3 at once)" in told
    assert "one program" not in spending(record, cell_results(record))


def test_validation_and_test_have_scores_of_their_own(record):
    table = trials_table(record)
    row = table.query("task == 'digits' and space == 'cnn' and phase == 'confirm' and seed == 2")
    result = next(r for r in record.results if r.key == ("digits", "cnn", "confirm", 2))
    assert row["test_score"].item() == result.metrics["test_accuracy"]
    assert row["val_score"].item() == result.score
    assert row["test_metric"].item() == row["val_metric"].item() == "accuracy"
    searched = table.query("phase == 'search'")
    assert searched[["test_metric", "test_score", "other_test_metrics"]].isna().all(axis=None)
    assert set(searched["val_metric"]) == {"accuracy"}


def test_config_holds_architecture_and_training(record):
    config = json.loads(trials_table(record)["config"][0])
    assert config["units"] in (64, 128, 256)
    assert config["training.optimizer"] == "adamw"


def test_tables_read_back_as_they_were(record):
    for table, types in (
        (trials_table(record), TRIALS),
        (leaderboard(record), LEADERBOARD),
    ):
        again = pd.read_csv(io.StringIO(csv(table)), dtype=types)
        pd.testing.assert_frame_equal(again, table)


def test_trials_read_without_hints_have_numbers_as_numbers(record):
    table = pd.read_csv(io.StringIO(csv(trials_table(record))))
    for name in ("trial", "seed", "val_score", "test_score", "epochs", "seconds", "parameters"):
        assert pd.api.types.is_numeric_dtype(table[name]), name


def test_tables_read_without_hints_have_one_type_a_column(record):
    """Integers stay integers where none is missing, and no column mixes types."""
    trials = pd.read_csv(io.StringIO(csv(trials_table(record))))
    assert {name: str(trials[name].dtype) for name in ("trial", "seed", "epochs")} == {
        "trial": "int64", "seed": "int64", "epochs": "int64",
    }  # fmt: skip
    assert {str(trials[name].dtype) for name in ("val_score", "test_score", "seconds")} == {
        "float64"
    }
    completed = trials[trials["status"] == "completed"]
    assert (completed["parameters"] == completed["parameters"].round()).all()
    board = pd.read_csv(io.StringIO(csv(leaderboard(record))))
    for name in ("seeds", "trials", "failed", "parameters"):
        assert board[name].dtype == "int64", name
    for name in ("mean", "ci_low", "ci_high", "search_seconds", "latency_ms", "baseline"):
        assert board[name].dtype == "float64", name
    for table in (trials, board):
        for name in table:
            assert len({type(value) for value in table[name].dropna()}) <= 1, name


def test_every_config_parses_and_keeps_its_types(record):
    values = {"bias": True, "width": 8, "rate": 0.5, "name": 'ü,"\n', "none": None, "l": [1, 2]}
    odd = edited(record, lambda r: dataclasses.replace(r, config={**values, "half": "\udc80"}))
    text = csv(trials_table(odd)).encode()
    for config in pd.read_csv(io.BytesIO(text))["config"]:
        assert values.items() <= json.loads(config).items()


def test_scores_below_zero_and_beyond_all_numbers_are_numbers(record):
    """From the journal nothing infinite comes, but a record in memory may hold it."""
    scores = iter([-0.25, math.inf, -math.inf, math.nan])

    def edit(result):
        score = next(scores, -1e-300) if result.status == "completed" else None
        return dataclasses.replace(result, score=score, metrics={"test_accuracy": -3.0})

    again = pd.read_csv(io.StringIO(csv(trials_table(edited(record, edit)))))
    assert again["val_score"].dtype == "float64"
    found = again.query("phase == 'search' and status == 'completed'")["val_score"]
    assert {-0.25, math.inf, -math.inf, -1e-300} == set(found.dropna())
    assert found.isna().sum() == 1
    assert set(again.query("phase == 'confirm'")["test_score"]) == {-3.0}


@pytest.mark.parametrize("text", ["007", "1e5", ".5", "nan", "None", "#N/A", "True", "Infinity"])
def test_text_that_reads_as_something_else_stays_text(record, text):
    named = dataclasses.replace(record, sweep=dataclasses.replace(record.sweep, name=text))
    again = pd.read_csv(io.StringIO(csv(trials_table(named))))
    assert set(again["sweep"]) == {f"'{text}"}


@pytest.mark.parametrize("text", ["v2", "1.2.3", "nano", "a=b", "e5", "12 trials"])
def test_text_that_reads_as_text_is_left_as_it_is(record, text):
    named = dataclasses.replace(record, sweep=dataclasses.replace(record.sweep, name=text))
    again = pd.read_csv(io.StringIO(csv(trials_table(named))))
    assert set(again["sweep"]) == {text}


def test_ten_thousand_trials_are_written_within_seconds(record):
    """It takes one, on an idle machine; what grows with the square of the trials takes minutes."""
    results = [r for r in record.results if r.phase == "search"]
    many = [
        dataclasses.replace(results[number % len(results)], number=number)
        for number in range(10_000)
    ]
    large = dataclasses.replace(record, history=tuple(many))
    began = time.process_time()
    text = csv(trials_table(large)) + csv(leaderboard(large))
    assert time.process_time() - began < 10
    assert text.count("\n") > 10_000


def test_leaderboard_has_a_row_a_cell_best_first(record):
    board = leaderboard(record)
    assert " ".join(board.columns) == (
        "task space metric direction mean ci_low ci_high seeds searches verdict difference "
        "difference_low difference_high trials failed search_seconds parameters flops latency_ms "
        "baseline rivals reference"
    )
    assert list(board["task"]) == ["digits", "digits", "fashion_mnist", "fashion_mnist"]
    for _, rows in board.groupby("task"):
        assert rows["mean"].is_monotonic_decreasing
    digits = board.query("task == 'digits' and space == 'cnn'").iloc[0]
    scores = [
        r.metrics["test_accuracy"]
        for r in record.results
        if (r.task, r.space, r.phase) == ("digits", "cnn", "confirm")
    ]
    assert digits["mean"] == pytest.approx(sum(scores) / 3)
    assert digits["ci_low"] < min(scores) < max(scores) < digits["ci_high"]
    assert (digits["seeds"], digits["trials"], digits["failed"]) == (3, 4, 1)
    assert (digits["baseline"], digits["reference"]) == (0.1, 0.99)


def test_leaderboard_has_verdicts_and_rivals(record):
    known = record.tasks["digits"]
    tasks = {**record.tasks, "digits": dataclasses.replace(
        known, baseline={**known.baseline, "accuracy_nearest_mean": 0.5})}  # fmt: skip
    record = dataclasses.replace(record, tasks=tasks)
    board = leaderboard(record).query("task == 'digits'").set_index("space")
    judgement = work_out(record).judged["digits"]["mlp"]
    assert board.loc["cnn", "verdict"] == "best mean"
    assert math.isnan(board.loc["cnn", "difference"])
    assert board.loc["mlp", "verdict"] == judgement.verdict
    found = board.loc["mlp", ["difference", "difference_low", "difference_high"]].tolist()
    expected = judgement.difference
    assert found == [expected.mean, expected.low, expected.high]
    assert found[0] == pytest.approx(board.loc["cnn", "mean"] - board.loc["mlp", "mean"])
    assert json.loads(board.loc["mlp", "rivals"]) == {"nearest mean": 0.5}


def test_every_column_says_what_it_means():
    for column in (*TRIALS_COLUMNS.values(), *LEADERBOARD_COLUMNS.values()):
        assert column.meaning.endswith(".")
    # A column may be missing only where its type allows for it.
    types = {c.dtype for c in TRIALS_COLUMNS.values()}
    assert types <= {"string", "int64", "Int64", "float64", "boolean"}


def test_damaged_outcomes_leave_a_leaderboard_without_verdicts(tmp_path):
    write_journal(tmp_path)
    for seed in range(3):
        for space in ("mlp", "cnn"):
            path = tmp_path / outcomes_path("digits", space, seed)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"no archive")
    with pytest.raises(HarnessError, match="outcomes"):
        report.write(tmp_path)
    board = pd.read_csv(tmp_path / "leaderboard.csv", dtype=LEADERBOARD)
    assert board["verdict"].isna().all()
    assert board["mean"].notna().all()


def test_smaller_is_better_where_the_objective_says_so(record):
    tasks = {
        name: dataclasses.replace(task, objective=Objective("accuracy", "min"))
        for name, task in record.tasks.items()
    }
    board = leaderboard(dataclasses.replace(record, tasks=tasks))
    for _, rows in board.groupby("task"):
        assert rows["mean"].is_monotonic_increasing


def test_cells_without_a_result_are_rows_at_the_end(record):
    without = edited(record, lambda r: None if r.phase == "confirm" and r.space == "cnn" else r)
    board = leaderboard(without)
    assert list(board["space"]) == ["mlp", "cnn"] * 2
    assert board["mean"].isna().tolist() == [False, True] * 2
    assert board["seeds"].tolist() == [3, 0] * 2
    assert unconfirmed(without) == [("digits", "cnn"), ("fashion_mnist", "cnn")]
    assert exit_code(without) == 1


def test_exit_code_is_zero_only_when_all_of_the_question_is_answered(record):
    assert exit_code(record) == 0
    more = dataclasses.replace(record.sweep, tasks=(*record.sweep.tasks, "cifar10"))
    assert exit_code(dataclasses.replace(record, sweep=more)) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_seed_without_a_finite_score_counts_as_failed(record, value):
    def edit(result):
        if result.phase == "search" or result.seed != 1:
            return result
        metrics = {} if value is None else {"test_accuracy": value}
        return dataclasses.replace(result, metrics=metrics)

    board = leaderboard(edited(record, edit))
    assert board["seeds"].tolist() == [2] * 4
    assert board["mean"].notna().all()
    assert board["failed"].sum() == 3 + 4


def test_one_seed_has_a_mean_and_no_interval(tmp_path):
    write_journal(tmp_path, seeds=(7,))
    board = leaderboard(read_journal(tmp_path))
    assert board["mean"].notna().all()
    assert board[["ci_low", "ci_high"]].isna().all(axis=None)


def test_only_the_last_result_of_a_trial_counts(record):
    first = record.results[0]
    lost = dataclasses.replace(first, status="interrupted", score=None)
    again = dataclasses.replace(record, history=(lost, *record.history))
    pd.testing.assert_frame_equal(trials_table(again), trials_table(record))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "＝1+1"])
def test_text_that_a_spreadsheet_would_run_is_neutralised(record, text):
    failure = Failure("code", text + "\nsecond line")
    bad = edited(record, lambda r: dataclasses.replace(r, status="failed", failure=failure))
    again = pd.read_csv(io.StringIO(csv(trials_table(bad))))
    assert set(again["error"]) == {f"'{text.strip()} second line"}
    assert trials_table(bad)["error"][0] == f"{text.strip()} second line"


def test_winners_are_compared_by_the_measure_where_the_task_has_one(tmp_path):
    """Trials by their validation accuracy, confirmed models by another test metric."""
    write_journal(tmp_path, tasks=("digits",), failures=False)
    record = read_journal(tmp_path)
    known = dataclasses.replace(record.tasks["digits"], measure=Objective("errors", "min"))

    def scored(result):
        if result.phase != "confirm" or result.space != "mlp":
            return result
        errors = {"test_errors": float(10 + result.number)}
        return dataclasses.replace(result, metrics={**result.metrics, **errors})

    record = edited(dataclasses.replace(record, tasks={"digits": known}), scored)
    board = leaderboard(record).set_index("space")
    assert board.loc["mlp", "metric"] == "errors"
    assert board.loc["mlp", "direction"] == "min"
    assert board.loc["mlp", "mean"] == pytest.approx(11)
    assert board.loc["cnn", "seeds"] == 0
    trials = trials_table(record)
    assert set(trials["val_metric"]) == {"accuracy"}
    assert set(trials["test_metric"].dropna()) == {"errors"}
    searched = trials[trials["phase"] == "search"]
    assert (searched["val_score"].between(0, 1)).all()
    run = trials[(trials["space"] == "mlp") & (trials["phase"] == "confirm")].iloc[0]
    assert run["test_score"] == 10
    assert list(json.loads(run["other_test_metrics"])) == ["accuracy"]


def test_a_measure_survives_the_journal(tmp_path):
    write_journal(tmp_path, tasks=("digits",))
    with Journal(tmp_path) as kept:
        kept.append(
            "data",
            task="digits",
            digest="0" * 64,
            sizes={},
            objective=Objective("token_accuracy", "max"),
            measure=Objective("bleu", "max"),
            baseline={"bleu": 0.4},
            reference=None,
            licence="",
        )
    known = read_journal(tmp_path).tasks["digits"]
    assert known.judged_by == Objective("bleu", "max")
    assert known.objective == Objective("token_accuracy", "max")
