"""Kills a sweep's driver with SIGKILL at random moments and resumes it each time.

    python -m benchmarks.kills --kills 20

Prints a line for each kill, then whether every trial was finished once and whether scores and
leaderboard are those of the same sweep run without a kill.
"""

import collections
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd
from tabulate import tabulate

from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from harness.report.csv_tables import LEADERBOARD, TRIALS
from harness.trial import TrialKey, TrialResult

SWEEP = """
name = "kills"
tasks = ["digits"]
spaces = ["mlp", "cnn"]
tuner = "hyperband"
seeds = 2
[budget]
trials = 16
epochs = 3
"""
TRIAL = ["task", "space", "phase", "trial", "seed"]
SCORES = [*TRIAL, "status", "val_score", "test_score", "epochs", "parameters", "error", "config"]
MEANS = ["task", "space", "mean", "ci_low", "ci_high", "seeds", "trials", "failed", "parameters"]
"""Columns that hold no time, and so are the same in every run."""


@dataclass(frozen=True)
class Kill:
    """One death of the driver."""

    seconds: float
    """How long the driver had lived."""
    before: int
    """Trials finished when it was started."""
    after: int
    """Trials finished when it was dead."""


def survive(
    command: Sequence[str],
    folder: Path,
    kills: int,
    seed: int,
    environment: Mapping[str, str] | None = None,
) -> tuple[list[Kill], int]:
    """Runs a command until it ends by itself, killing its first so many processes.

    A kill comes at a random moment of the start, or up to two seconds after the journal has
    grown by a random number of events.

    Returns:
        The kills, fewer when the sweep ended before, and the exit code of the last process.
    """
    rng = random.Random(seed)
    done: list[Kill] = []
    while True:
        before, events = finished(folder).total(), _events(folder)
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True
        )
        if len(done) < kills:
            if rng.random() < 0.25:
                _wait(process, folder, deadline=began + rng.uniform(0, 6))
            else:
                _wait(process, folder, events=events + rng.randint(2, 4))
                time.sleep(rng.uniform(0, 2))
            process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        if process.returncode != -signal.SIGKILL:
            if process.returncode:
                print(output, file=sys.stderr)
            return done, process.returncode
        seconds = time.monotonic() - began
        done.append(Kill(seconds, before, finished(folder).total()))


def finished(folder: Path) -> collections.Counter[TrialKey]:
    """How often each trial of a sweep is recorded as ended, interruptions left out."""
    if not (folder / JOURNAL).is_file():
        return collections.Counter()
    record = read_journal(folder)
    history = record.history if record else ()
    return collections.Counter(
        entry.key
        for entry in history
        if isinstance(entry, TrialResult) and entry.status != "interrupted"
    )


def answer(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a sweep found, without its times: scores of the trials and means of the cells."""
    trials = pd.read_csv(folder / "trials.csv", dtype=TRIALS)[SCORES]
    board = pd.read_csv(folder / "leaderboard.csv", dtype=LEADERBOARD)[MEANS]
    return trials.sort_values(TRIAL, ignore_index=True), board


def _events(folder: Path) -> int:
    path = folder / JOURNAL
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def _wait(
    process: "subprocess.Popen[str]",
    folder: Path,
    events: float = math.inf,
    deadline: float = math.inf,
) -> None:
    """Waits for the journal to grow, for a moment to come, or for the process to end."""
    while process.poll() is None and _events(folder) < events and time.monotonic() < deadline:
        time.sleep(0.02)


@click.command()
@click.option("--kills", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Seed of the moments.")
@click.option("--workers", default=1, show_default=True)
def main(kills: int, seed: int, workers: int) -> None:
    """Runs the sweep with and without kills and compares."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        question = root / "kills.toml"
        question.write_text(SWEEP)
        harness = [sys.executable, "-m", "harness", "run", str(question), "--tracking", "none"]
        harness += ["--workers", str(workers), "--output"]
        subprocess.run([*harness, str(root / "calm")], check=True)
        folder = root / "killed" / "kills"
        done, code = survive([*harness, str(root / "killed")], folder, kills, seed, os.environ)
        rows = [(n, f"{k.seconds:.1f}", k.before, k.after) for n, k in enumerate(done, start=1)]
        header = ("kill", "seconds after start", "finished before", "finished after")
        print(tabulate(rows, header))
        counts = finished(folder)
        print(f"exit code of the last run: {code}")
        print(f"trials: {len(counts)}; recorded again: {counts.total() - len(counts)}")
        calm, killed = answer(root / "calm" / "kills"), answer(folder)
        print(f"same trials and scores: {calm[0].equals(killed[0])}")
        print(f"same leaderboard: {calm[1].equals(killed[1])}")
        print(killed[1].to_string(index=False))


if __name__ == "__main__":
    main()
