"""Kills a sweep's driver with SIGKILL at random moments and resumes it each time.

    python -m benchmarks.kills --kills 20 --tuners hyperband --workers 1
    python -m benchmarks.kills --pretend --tuners tpe,asha,asha+tpe

Prints for each tuner and number of workers what was lost or run twice, and whether suggestions,
scores and leaderboard are those of the same sweep run without a kill: with one worker they must be.
"""

import collections
import itertools
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
from typing import Any

import click
import pandas as pd
from tabulate import tabulate

from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from harness.report.csv_tables import LEADERBOARD, TRIALS
from harness.trial import Asked, TrialKey, TrialResult

SWEEP = """
name = "kills"
tasks = ["digits"]
spaces = ["mlp", "cnn"]
tuner = "{tuner}"
seeds = 2
[budget]
trials = 16
epochs = 3
"""
PRETENDED = """
name = "fake"
tasks = ["blobs"]
spaces = ["good", "raising"]
tuner = "{tuner}"
seeds = 2
backend = "jax"
[budget]
trials = 20
epochs = 9
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


@dataclass(frozen=True)
class Case:
    """One sweep that is killed."""

    tuner: str
    workers: int
    pretend: bool

    def command(self, root: Path) -> list[str]:
        """What runs it, but for the folder it writes to."""
        question = root / "kills.toml"
        text = SWEEP.format(tuner=self.tuner)
        module = ["harness", "run"]
        if self.pretend:  # the tasks and spaces that tests are about, on no framework
            text = PRETENDED.format(tuner=self.tuner)
            module = ["tests.faults.fake"]
        question.write_text(text)
        words = [sys.executable, "-m", *module, str(question), "--tracking", "none"]
        return [*words, "--workers", str(self.workers), "--output"]

    def environment(self, root: Path) -> dict[str, str]:
        if not self.pretend:
            return dict(os.environ)
        from tests.conftest import environment

        return {**environment(), "FAKE_SECONDS": "0.3"}


def suggested(folder: Path) -> dict[tuple[str, str, int], Asked]:
    """What was suggested in a sweep."""
    record = read_journal(folder)
    assert record is not None
    return {(e.task, e.space, e.number): e for e in record.history if isinstance(e, Asked)}


def row(case: Case, kills: int, seed: int, calm: Path, scratch: Path) -> list[Any]:
    """Runs a sweep among kills and compares it with the calm one; a row of the table.

    A sweep may end sooner than so many kills: then another one begins.
    """
    command, environment = case.command(scratch), case.environment(scratch)
    done: list[Kill] = []
    lost = doubled = code = 0
    same = True
    for attempt in itertools.count():
        if len(done) >= kills or code != 0:
            break
        output = scratch / f"killed-{attempt}"
        folder = output / calm.name
        left = kills - len(done)
        made, code = survive([*command, str(output)], folder, left, seed + attempt, environment)
        done += made
        counts = finished(folder)
        lost += sum(max(0, kill.before - kill.after) for kill in made)
        lost += max(0, len(finished(calm)) - len(counts))
        doubled += counts.total() - len(counts)
        same = same and suggested(folder) == suggested(calm)
        tables = zip(answer(folder), answer(calm), strict=True)
        same = same and all(ours.equals(theirs) for ours, theirs in tables)
    says = ("yes" if same else "NO") if case.workers == 1 else "not promised"
    return [case.tuner, case.workers, len(done), lost, doubled, says, code]


@click.command()
@click.option("--kills", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True, help="Seed of the moments.")
@click.option("--workers", default="1,2", show_default=True)
@click.option("--tuners", default="hyperband,tpe,asha,asha+tpe", show_default=True)
@click.option("--pretend", is_flag=True, help="Trials take a moment and train nothing.")
def main(kills: int, seed: int, workers: str, tuners: str, pretend: bool) -> None:
    """Runs sweeps with and without kills and compares."""
    rows = []
    headers = ["tuner", "workers", "kills", "lost", "doubled", "same suggestions and scores",
               "exit code"]  # fmt: skip
    for tuner in tuners.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            quiet = Case(tuner, 1, pretend)
            subprocess.run(
                [*quiet.command(root), str(root / "calm")],
                check=True, env=quiet.environment(root), stdout=subprocess.DEVNULL,
            )  # fmt: skip
            for number in map(int, workers.split(",")):
                case = Case(tuner, number, pretend)
                own = root / f"{number}"
                own.mkdir()
                calm = next((root / "calm").iterdir())
                rows.append(row(case, kills, seed, calm, own))
                print(rows[-1], flush=True)
    print(tabulate(rows, headers, tablefmt="github"))


if __name__ == "__main__":
    main()
