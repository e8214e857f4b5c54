"""What the harness costs: the same trials by KerasTuner alone, and by one and two workers.

    python -m benchmarks.overhead --task digits --rounds 3

The bare script (`bare.py`) is given the configurations that the harness suggests, so that
every side trains the same models on the same data for the same epochs, without early
stopping, and retrains each architecture's winner. The sides take turns, each run in processes of
its own; ratios are medians over the rounds.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil
from tabulate import tabulate

from harness import registry
from harness.data import cache
from harness.journal.read import read_journal
from harness.sweep.load import from_fields, toml
from harness.sweep.question import Sweep
from harness.system.json_values import jsonable
from harness.training.feed import subset

BARE = "KerasTuner alone"


@dataclass(frozen=True)
class Run:
    """One run of one side; times in seconds."""

    whole: float
    """From the start of the process to its end."""
    start: float
    """From the start of the process to the start of its first trial: imports, mostly."""
    search: float
    """From the start of the first search trial to the end of the last one."""
    processor: float
    """Processor seconds of all its processes: what it costs a machine that is busy."""
    scores: dict[str, dict[int, float]]
    """Validation score of each search trial, by architecture."""
    winners: dict[str, int]
    turnaround: float | None = None
    """Median time from a trial's end to the next one's start, with one worker."""
    inside: float | None = None
    """Median time of a warm search trial outside of building and fitting."""

    @property
    def warm(self) -> float:
        return self.whole - self.start


@click.command()
@click.option("--task", default="digits", show_default=True)
@click.option("--spaces", default="mlp,cnn", show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--trials", default=6, show_default=True, help="Search trials of each space.")
@click.option("--epochs", default=10, show_default=True)
@click.option("--fraction", default=1.0, show_default=True, help="Share of train to search on.")
@click.option("--seeds", default=2, show_default=True, help="Times each winner is retrained.")
@click.option("--data-dir", type=click.Path(path_type=Path))
def main(task: str, spaces: str, rounds: int, trials: int, epochs: int, fraction: float,
         seeds: int, data_dir: Path | None) -> None:  # fmt: skip
    """Time the same trials by KerasTuner alone and by the harness."""
    budget = {"trials": trials, "epochs": epochs, "train_fraction": fraction, "patience": epochs}
    fields = {"name": "overhead", "tasks": [task], "spaces": spaces.split(","), "seeds": seeds}
    question = from_fields({**fields, "budget": budget}, {}, origin="command line")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = _write_work(question, folder, data_dir)
        sides: dict[str, Callable[[], Run]] = {
            BARE: lambda: _run_bare(folder),
            "harness, 1 worker": lambda: _run_harness(folder, 1, data_dir),
            "harness, 2 workers": lambda: _run_harness(folder, 2, data_dir),
        }
        runs: dict[str, list[Run]] = {side: [] for side in sides}
        for number in range(rounds):
            for side, run in sides.items():
                others = psutil.cpu_percent(interval=1)
                runs[side].append(run())
                click.echo(
                    f"round {number + 1}, {side}: {runs[side][-1].whole:.1f} s "
                    f"(processor {others:.0f} % busy just before)"
                )
    _print(runs, work)


def _write_work(question: Sweep, folder: Path, data_dir: Path | None) -> dict[str, Any]:
    """Writes the question for the harness, and configurations and arrays for the bare script."""
    from harness.driver.plan import Plan

    (folder / "sweep.toml").write_text(toml(question))
    data = cache.load(registry.task(question.tasks[0]), data_dir)
    part = subset(data.train, question.budget.train_fraction)
    arrays = [next(iter(a.values())) for s in (data.train, part, data.val, data.test)
              for a in (s.x, s.y)]  # fmt: skip
    np.savez(folder / "work.npz", *arrays)
    work: dict[str, Any] = {
        "task": question.tasks[0],
        "epochs": question.budget.epochs,
        "patience": question.budget.patience,
        "confirm_seeds": question.seeds,
        "search_seeds": {space: [] for space in question.spaces},
        "examples": len(part),
        "values": {space: [] for space in question.spaces},
        "training": {space: [] for space in question.spaces},
    }
    plan = Plan(question, folder, None)
    while (step := plan.next()) is not None:
        assert step.asked is not None
        plan.cell(step.job.task, step.job.space).start(step.job)
        work["values"][step.job.space].append(step.asked.values)
        work["search_seeds"][step.job.space].append(step.job.seed)
        work["training"][step.job.space].append(jsonable(step.job.training))
    (folder / "work.json").write_text(json.dumps(work))
    return work


def _run_bare(folder: Path) -> Run:
    began, whole, processor = _run("benchmarks.bare", str(folder / "work.json"))
    answer = json.loads((folder / "bare.json").read_text())
    scores = {s: {int(n): v for n, v in by.items()} for s, by in answer["scores"].items()}
    search = answer["searched"] - answer["began"]
    return Run(whole, answer["began"] - began, search, processor, scores, answer["winners"])


def _run_harness(folder: Path, workers: int, data_dir: Path | None) -> Run:
    options = ["--workers", str(workers), "--tracking", "none", "--output", str(folder), "--fresh"]
    if data_dir is not None:
        options += ["--data-dir", str(data_dir)]
    began, whole, processor = _run("harness", "run", str(folder / "sweep.toml"), *options)
    record = read_journal(folder / "overhead")
    assert record is not None
    results = sorted(record.results, key=lambda result: result.started)
    failed = [result for result in results if result.status != "completed"]
    if failed:
        raise click.ClickException(f"a trial failed: {failed[0].failure}")
    searched = [result for result in results if result.phase == "search"]
    ends = [result.started + result.cost.seconds for result in searched]
    scores: dict[str, dict[int, float]] = {}
    winners = {}
    for result in searched:
        assert result.score is not None
        scores.setdefault(result.space, {})[result.number] = result.score
    for result in results:
        if result.phase == "confirm":
            same = [r for r in searched if r.space == result.space
                    and (r.config, r.training) == (result.config, result.training)]  # fmt: skip
            winners[result.space] = same[0].number
    warm = [r.cost for r in searched[workers:]]
    return Run(
        whole=whole,
        start=results[0].started - began,
        search=max(ends) - searched[0].started,
        processor=processor,
        scores=scores,
        winners=winners,
        turnaround=statistics.median(
            after.started - end for end, after in zip(ends, searched[1:], strict=False)
        )
        if workers == 1
        else None,
        inside=statistics.median(
            c.seconds - c.build_seconds - c.first_step_seconds - c.train_seconds for c in warm
        ),
    )


def _run(module: str, *arguments: str) -> tuple[float, float, float]:
    """Runs a module in a process of its own: when it began, its seconds, its processor seconds."""
    command = [sys.executable, "-m", module, *arguments]
    began, used = time.time(), _used()
    # A session of its own, as workers have: schedulers share a busy machine among sessions.
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, start_new_session=True
    )
    seconds = time.time() - began
    if done.returncode:
        raise click.ClickException(f"{module} failed:\n{done.stdout}{done.stderr}")
    return began, seconds, _used() - used


def _used() -> float:
    """Processor seconds of the child processes that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _print(runs: dict[str, list[Run]], work: dict[str, Any]) -> None:
    def ratio(side: str, time_of: Callable[[Run], float]) -> float:
        pairs = zip(runs[side], runs[BARE], strict=True)
        return statistics.median(time_of(run) / time_of(bare) for run, bare in pairs)

    def median(side: str, time_of: Callable[[Run], float]) -> float:
        return statistics.median(map(time_of, runs[side]))

    parts: list[tuple[str, Callable[[Run], float]]] = [
        ("whole", lambda run: run.whole),
        ("start-up", lambda run: run.start),
        ("whole but start-up", lambda run: run.warm),
        ("search", lambda run: run.search),
        ("processor", lambda run: run.processor),
    ]
    rows = []
    for side in runs:
        row: list[Any] = [side]
        for _, time_of in parts:
            row += [f"{median(side, time_of):.1f}", f"{ratio(side, time_of):.2f}"]
        rows.append(row)
    headers = ["side"] + [text for name, _ in parts for text in (f"{name}, s", "ratio")]
    trials = sum(map(len, work["values"].values()))
    click.echo(
        f"\n{work['task']}: {trials} search trials of {work['epochs']} epochs on "
        f"{work['examples']} examples, {len(work['confirm_seeds']) * len(work['values'])} "
        f"retrained; "
        f"medians of {len(runs[BARE])} rounds\n"
    )
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
    for side, made in runs.items():
        turnarounds = [run.turnaround for run in made if run.turnaround is not None]
        insides = [run.inside for run in made if run.inside is not None]
        if turnarounds and insides:
            click.echo(
                f"\n{side}: {1000 * statistics.median(turnarounds):.0f} ms from a trial's end to "
                f"the next one's start, {1000 * statistics.median(insides):.0f} ms of a warm "
                "trial after its fit"
            )
    bare = runs[BARE][0]
    for side, made in runs.items():
        gaps = [
            abs(score - bare.scores[space][number])
            for run in made
            for space, scores in run.scores.items()
            for number, score in scores.items()
        ]
        same = all(run.winners == bare.winners for run in made)
        click.echo(
            f"{side}: validation scores differ from the bare script's by at most "
            f"{max(gaps):.4f}; {'the same' if same else 'OTHER'} winners retrained"
        )


if __name__ == "__main__":
    main()
