"""Sweeps through the command line: what is run, recorded, refused and repeated."""

import shutil
import sqlite3

import numpy as np

from benchmarks.kills import answer
from harness.driver.workplace import variables
from harness.journal.read import read_journal
from harness.sweep.question import Sweep
from harness.trial import Asked


def test_a_sweep_leaves_its_answer(finished):
    folder = finished[1] / "band"
    trials, board = answer(folder)
    assert list(trials["phase"]) == ["confirm"] * 2 + ["search"] * 6
    assert set(trials["status"]) == {"completed"}
    assert list(board["seeds"]) == [2]
    assert 0.8 < board["mean"][0] <= 1
    for seed in (0, 1):
        outcomes = np.load(folder / "outcomes" / f"blobs.good.seed{seed}.npz")
        scored = trials[(trials["phase"] == "confirm") & (trials["seed"] == seed)]["test_score"]
        assert outcomes["correct"].mean() == scored.item()
        assert (folder / "models" / f"blobs.good.seed{seed}.keras").is_file()
    for name in ("sweep.toml", "environment.json", "report.md"):
        assert (folder / name).stat().st_size > 0
    with sqlite3.connect(finished[1] / "mlflow.db") as database:
        (runs,) = database.execute("SELECT COUNT(*) FROM runs").fetchone()
    assert runs >= len(trials)


def test_hyperband_goes_on_from_the_best_and_leaves_no_checkpoint(finished):
    record = read_journal(finished[1] / "band")
    results = {result.number: result for result in record.results if result.phase == "search"}
    promoted = [e for e in record.history if isinstance(e, Asked) and e.parent is not None]
    assert promoted
    for asked in promoted:
        parent, result = results[asked.parent], results[asked.number]
        rung = [r.score for r in results.values() if r.number < asked.number]
        assert parent.score == max(rung)
        assert (parent.training, parent.config) == (result.training, result.config)
        assert [epoch["epoch"] for epoch in result.curve] == [3, 4]
    assert not list((finished[1] / "band").glob("checkpoints/*"))


def test_a_finished_sweep_is_not_run_again(finished, harness, tmp_path):
    question, output = finished[0], shutil.copytree(finished[1], tmp_path / "results")
    folder = output / "band"
    where = ("--workers", 1, "--tracking", "none", "--output", output)
    before = (folder / "journal.jsonl").read_text()

    again = harness("run", question, *where)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "complete already" in again.stdout
    assert (folder / "journal.jsonl").read_text() == before

    (folder / "report.html").unlink()
    (folder / "report.html").mkdir()
    unreported = harness("run", question, *where)
    assert unreported.returncode == 0, "a report that cannot be written is no failed sweep"
    assert unreported.stderr.startswith(f"no report: {folder / 'report.html'}: cannot be written")
    (folder / "report.html").rmdir()

    other = harness("run", question, *where, "--trials", 7)
    assert other.returncode == 2
    assert other.stdout == ""
    assert other.stderr.count("\n") == 1
    assert "budget.trials: 6, now 7" in other.stderr
    assert (folder / "journal.jsonl").read_text() == before


def test_an_output_that_cannot_be_written_is_one_line(finished, harness, tmp_path):
    (tmp_path / "results").write_text("in the way")
    run = harness("run", finished[0], "--output", tmp_path / "results")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        f"harness: {tmp_path}/results/band: cannot write there (Not a directory)\n"
    )


def test_a_space_that_cannot_be_sampled_is_named(harness, tmp_path):
    question = tmp_path / "broken.toml"
    question.write_text('name = "broken"\ntasks = ["blobs"]\nspaces = ["unhashable"]\n')
    run = harness("run", question, "--tracking", "none", "--output", tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith("harness: search space 'unhashable': sample must return a frozen")
    assert run.stderr.count("\n") == 1


def test_what_is_compiled_for_an_accelerator_is_kept_beside_the_data(monkeypatch, cache_root):
    sweep = Sweep("tests", ("blobs",), ("good",), backend="jax")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    assert "JAX_COMPILATION_CACHE_DIR" not in variables(sweep, ())
    kept = variables(sweep, ("0",))["JAX_COMPILATION_CACHE_DIR"]
    assert kept == str(cache_root / "compiled")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/elsewhere")
    assert variables(sweep, ("0",))["JAX_COMPILATION_CACHE_DIR"] == "/elsewhere"
