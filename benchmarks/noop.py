"""What a trial costs the driver, and how much memory it grows: trials that do nothing.

    python -m benchmarks.noop --trials 1000 --tuner random

The real driver, search, journal and worker process, on the `digits` task and the `cnn` space;
only the training is left out. Times are those of the journal's events. The mean holds what the
median does not: the seconds a worker takes to start when it replaces one that is recycled.
"""

import contextlib
import dataclasses
import json
import os
import statistics
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import click
import psutil
from tabulate import tabulate

from harness.journal.folder import JOURNAL
from harness.sweep.question import Tuner

WINDOWS = 10


def run(job: Any, report: Any) -> Any:
    """Ends a trial at once, with a score that depends on its configuration alone."""
    from harness.training.outcome import begun

    trial = begun(job, time.time())
    score = zlib.crc32(repr((trial.config, trial.training)).encode()) / 2**32
    return dataclasses.replace(
        trial,
        epochs=1,
        score=score,
        metrics={"val_accuracy": score, "test_accuracy": score},
        curve=({"epoch": 1, "seconds": 0.0, "val_accuracy": score},),
    )


@click.command()
@click.option("--trials", default=1000, show_default=True)
@click.option("--tuner", type=click.Choice(get_args(Tuner)), default="random", show_default=True)
def main(trials: int, tuner: str) -> None:
    """Time the driver on trials that do nothing."""
    from benchmarks import noop  # workers import the function by this name
    from harness.driver.options import Options
    from harness.driver.run import run_sweep
    from harness.sweep.load import from_fields

    fields = {"name": "noop", "tasks": ["digits"], "spaces": ["cnn"], "tuner": tuner, "seeds": 1}
    question = from_fields({**fields, "budget": {"trials": trials}}, {}, origin="noop")
    with tempfile.TemporaryDirectory() as name:
        options = Options(output=Path(name), workers=1, tracking="none")
        with _memory() as samples, quiet():
            run_sweep(question, options, run_trial=noop.run)
        _print(Path(name) / "noop" / JOURNAL, samples, trials)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Sends the driver's lines to nowhere."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


@contextlib.contextmanager
def _memory() -> Iterator[list[tuple[float, float]]]:
    """Resident megabytes of this process and when they were seen, while the body runs."""
    samples: list[tuple[float, float]] = []
    process, ended = psutil.Process(), threading.Event()

    def sample() -> None:
        while not ended.wait(0.02):
            samples.append((time.time(), process.memory_info().rss / 2**20))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _print(path: Path, samples: list[tuple[float, float]], trials: int) -> None:
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    ended = [e["time"] for e in events
             if e["event"] == "finished" and e["result"]["phase"] == "search"]  # fmt: skip
    asks = [b["time"] - a["time"] for a, b in pairwise(events) if b["event"] == "asked"]
    size = max(1, trials // WINDOWS)
    rows = []
    for first in range(0, trials, size):
        last = min(first + size, len(ended)) - 1
        # The first trial waits for the worker to start.
        begin = max(first, 1)
        milliseconds = [1000 * (b - a) for a, b in pairwise(ended[begin - 1 : last + 1])]
        memory = min(samples, key=lambda sample: abs(sample[0] - ended[last]))[1]
        rows.append(
            [
                f"{first + 1} to {last + 1}",
                f"{statistics.median(milliseconds):.1f}",
                f"{statistics.fmean(milliseconds):.1f}",
                f"{1000 * statistics.median(asks[begin : last + 1]):.1f}",
                f"{memory:.0f}",
            ]
        )
    headers = ["trials", "ms each, median", "mean", "suggestion, median", "driver memory then, MB"]
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
