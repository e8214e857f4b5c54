"""How long the report of a large sweep takes: 10,000 search trials, and where the time goes.

    python -m benchmarks.report
    python -m benchmarks.report --trials 40 --profile 40

Nothing is trained: the journal is made up. Scores depend on the hyperparameters, some of which
are drawn only where another one has a certain value, and on two of them together, so that every
part of the report has something to show. One trial in twelve has no score.
"""

import cProfile
import dataclasses
import io
import json
import math
import pstats
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from harness import report
from harness.journal.folder import JOURNAL
from harness.journal.read import VERSION, read_journal
from harness.spec import Objective
from harness.sweep.question import Budget, Sweep
from harness.system.json_values import jsonable
from harness.trial import Cost, Failure, Status, TrialResult

STARTED = 1_760_000_000.0
ENVIRONMENT = {"python": "3.11.9", "platform": "Linux", "git_commit": "0" * 40,
               "packages": {"keras": "3.15.1"}, "hardware": {"cpu_count": 2}}  # fmt: skip
FAILURES: dict[Status, Failure] = {
    "diverged": Failure("diverged", "loss became NaN in epoch 2"),
    "failed": Failure("code", "ValueError: kernel larger than the image", "Traceback\n" * 20),
    "timeout": Failure("timeout", "killed after 60 s (trial_seconds = 60)"),
}


@click.command()
@click.option("--tasks", default=5, show_default=True)
@click.option("--spaces", default=5, show_default=True)
@click.option("--trials", default=400, show_default=True, help="Search trials of each cell.")
@click.option("--epochs", default=5, show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--tuner", default="random", type=click.Choice(["random", "bayesian"]))
@click.option("--examples", default=2000, show_default=True,
              help="Test examples with an outcome of their own; 0 writes none.")  # fmt: skip
@click.option("--profile", default=0, show_default=True, help="Print so many slowest functions.")
@click.option("--keep", type=click.Path(path_type=Path), help="Write the sweep to this folder.")
def main(tasks: int, spaces: int, trials: int, epochs: int, seeds: int, tuner: Any, examples: int,
         profile: int, keep: Path | None) -> None:  # fmt: skip
    """Time the report of a sweep that is made up."""
    sweep = Sweep(
        "large",
        tuple(f"task_{number}" for number in range(tasks)),
        tuple(f"space_{number}" for number in range(spaces)),
        Budget(trials=trials, epochs=epochs),
        tuner=tuner,
        seeds=tuple(range(seeds)),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        size = _write_journal(folder, sweep)
        if examples:
            _write_outcomes(folder, sweep, examples)
        print(f"{tasks * spaces * trials:,} search trials, journal of {size / 1e6:.1f} MB")
        # The libraries are loaded once a process, whatever the size of the sweep.
        _time("reading the journal", lambda: read_journal(folder))
        profiler = cProfile.Profile() if profile else None
        _time("the report", lambda: report.write(folder), profiler)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:,.0f} MB")
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.stat().st_size > 1_000_000:
                print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")
    if profiler:
        text = io.StringIO()
        pstats.Stats(profiler, stream=text).sort_stats("cumulative").print_stats(profile)
        print(text.getvalue())


def _time(what: str, work: Any, profiler: cProfile.Profile | None = None) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    if profiler:
        profiler.runcall(work)
    else:
        work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what}: {wall:.1f} s, {processor:.1f} s of the processor")


def _write_journal(folder: Path, sweep: Sweep) -> int:
    """Writes the journal at once, as a driver that waits for the disk takes minutes.

    Returns:
        Its size in bytes.
    """
    path = folder / JOURNAL
    with path.open("w") as file:
        for name, fields in _events(sweep):
            event = {"event": name, "time": STARTED, **jsonable(fields)}
            file.write(json.dumps(event) + "\n")
    return path.stat().st_size


def _events(sweep: Sweep) -> Iterator[tuple[str, dict[str, Any]]]:
    cells = [(task, space) for task in sweep.tasks for space in sweep.spaces]
    yield "sweep", {"version": VERSION, "id": "0" * 32, "sweep": sweep,
                    "environment": ENVIRONMENT, "command": "harness run large"}  # fmt: skip
    for task in sweep.tasks:
        yield "data", {"task": task, "digest": "0" * 64, "reference": None, "licence": "CC0",
                       "sizes": {"train": 50_000, "val": 10_000, "test": 10_000},
                       "objective": Objective("accuracy", "max"),
                       "baseline": {"accuracy": 0.1}}  # fmt: skip
    for number in range(sweep.budget.trials):
        for task, space in cells:
            random = np.random.default_rng([number, *map(ord, task + space)])
            values = _values(random)
            yield "asked", {"task": task, "space": space, "number": number, "values": values,
                            "epochs": sweep.budget.epochs, "initial_epoch": 0,
                            "parent": None}  # fmt: skip
            yield "finished", {"result": _result(random, sweep, task, space, number, values)}
    for task, space in cells:
        yield "search_ended", {"task": task, "space": space, "reason": "trials"}
        for number, seed in enumerate(sweep.seeds):
            random = np.random.default_rng([seed, *map(ord, space + task)])
            result = _result(random, sweep, task, space, number, _values(random))
            metrics = {**result.metrics, "test_accuracy": _ceiling(sweep, space) - 0.01 * number}
            cost = dataclasses.replace(result.cost, latency_ms=float(random.uniform(1, 9)))
            yield "finished", {
                "result": dataclasses.replace(
                    result, phase="confirm", seed=seed, status="completed", metrics=metrics,
                    cost=cost, failure=None,
                )
            }  # fmt: skip


def _values(random: np.random.Generator) -> dict[str, Any]:
    values = {
        "layers": int(random.integers(1, 6)),
        "units": int(random.choice([64, 128, 256, 512])),
        "pooling": str(random.choice(["max", "average", "none"])),
        "batch_norm": bool(random.integers(2)),
        "dropout": round(float(random.uniform(0, 0.5)), 1),
        "head": str(random.choice(["dense", "pooled"])),
        "training.learning_rate": float(10 ** random.uniform(-4, -2)),
        "training.weight_decay": float(10 ** random.uniform(-5, -3)),
        "training.batch_size": int(random.choice([64, 128, 256])),
    }
    if values["head"] == "dense":
        values["head_units"] = int(random.choice([32, 64, 128]))
    return values


def _ceiling(sweep: Sweep, space: str) -> float:
    return 0.8 + 0.15 * (1 + sweep.spaces.index(space)) / len(sweep.spaces)


def _result(random: np.random.Generator, sweep: Sweep, task: str, space: str, number: int,
            values: dict[str, Any]) -> TrialResult:  # fmt: skip
    rate = 1 + math.log10(values["training.learning_rate"] / 1e-2) / 2
    loss = 0.1 * rate * values["layers"] / 5 + 0.03 * values["dropout"]
    loss += 0.02 * (values["pooling"] == "none")
    status: Status = "completed"
    if random.uniform() < 1 / 12:
        status = list(FAILURES)[int(random.integers(3))]
    trained = 1 if status != "completed" else sweep.budget.epochs
    top = _ceiling(sweep, space) - loss + random.normal(0, 0.01)
    curve = tuple(
        {"epoch": epoch, "seconds": 1.5 * epoch, "loss": 1 - top, "accuracy": top,
         "val_loss": 1.1 - top, "val_accuracy": float(top - 0.4 * math.exp(-epoch))}
        for epoch in range(1, trained + 1)
    )  # fmt: skip
    score = curve[-1]["val_accuracy"] if status == "completed" else None
    training = {name.removeprefix("training."): value for name, value in values.items()
                if name.startswith("training.")}  # fmt: skip
    config = {name: value for name, value in values.items() if not name.startswith("training.")}
    seconds = 1.5 * trained + float(random.uniform(1, 5))
    return TrialResult(
        sweep=sweep.name, task=task, space=space, phase="search", number=number, seed=number,
        config=config, training=training, status=status, epochs=trained, score=score,
        metrics={} if score is None else {"val_accuracy": score, "val_loss": 1 - score},
        curve=curve, cost=Cost(seconds=seconds, build_seconds=0.4, first_step_seconds=1.6,
                               train_seconds=seconds - 2, examples_per_second=9e3,
                               parameters=int(random.integers(20_000, 400_000)),
                               peak_memory_mb=900.0, device="cpu"),
        failure=FAILURES.get(status), started=STARTED + number,
    )  # fmt: skip


def _write_outcomes(folder: Path, sweep: Sweep, examples: int) -> None:
    """Whether each test example was right, as confirmed classifiers leave it."""
    (folder / "outcomes").mkdir(exist_ok=True)
    for task in sweep.tasks:
        for space in sweep.spaces:
            for seed in sweep.seeds:
                random = np.random.default_rng([seed, *map(ord, task + space)])
                correct = random.uniform(size=examples) < _ceiling(sweep, space)
                prediction = random.integers(10, size=examples)
                file = folder / "outcomes" / f"{task}.{space}.seed{seed}.npz"
                np.savez_compressed(file, correct=correct, prediction=prediction)


if __name__ == "__main__":
    main()
