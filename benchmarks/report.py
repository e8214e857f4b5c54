"""How long the report of a large sweep takes: 10,000 search trials, and where the time goes.

    python -m benchmarks.report
    python -m benchmarks.report --trials 40 --profile 40

Nothing is trained: the journal is made up (`made_up.py`).
"""

import cProfile
import io
import pstats
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.made_up import ceiling, write_journal
from harness import report
from harness.journal.read import read_journal
from harness.sweep.question import Budget, Sweep


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
        size = write_journal(folder, sweep)
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


def _write_outcomes(folder: Path, sweep: Sweep, examples: int) -> None:
    """Whether each test example was right, as confirmed classifiers leave it."""
    (folder / "outcomes").mkdir(exist_ok=True)
    for task in sweep.tasks:
        for space in sweep.spaces:
            for seed in sweep.seeds:
                random = np.random.default_rng([seed, *map(ord, task + space)])
                correct = random.uniform(size=examples) < ceiling(sweep, space)
                prediction = random.integers(10, size=examples)
                file = folder / "outcomes" / f"{task}.{space}.seed{seed}.npz"
                np.savez_compressed(file, correct=correct, prediction=prediction)


if __name__ == "__main__":
    main()
