"""A sweep on a simulated Ray cluster whose workers, nodes and driver are killed again and again.

    python -m benchmarks.cluster --kills 10

The nodes are processes of this machine. The driver, the search, the journal, Ray and the worker
processes are real; trials take a moment and train nothing, as in `benchmarks.kills --pretend`. Each
kind of victim has a sweep of its own, which is carried on until it ends by itself.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psutil
from tabulate import tabulate

from benchmarks.kills import finished, suggested
from harness.engines.local.worker import MARK
from harness.journal.read import read_journal

QUESTION = """
name = "fake"
tasks = ["blobs"]
spaces = ["good", "raising"]
tuner = "random"
seeds = 3
backend = "jax"
[budget]
trials = {trials}
epochs = 4
"""
NODES = 3
WAIT_SECONDS = 120.0
"""How long the next trial may take to end before the sweep is given up."""


@dataclass
class Sweep:
    """A sweep on a cluster, and the driver that runs it now."""

    cluster: Any
    command: list[str]
    folder: Path
    environment: dict[str, str]
    driver: "subprocess.Popen[str] | None" = None
    nodes: list[Any] = field(default_factory=list)

    def start(self) -> None:
        """Starts a driver, or the next one."""
        self.driver = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.DEVNULL, text=True
        )

    def ended(self) -> int | None:
        """The exit code of the driver, if it has ended."""
        assert self.driver is not None
        return self.driver.poll()

    def wait_for(self, trials: int) -> bool:
        """Waits until so many have ended; false where the driver ends before."""
        until = time.monotonic() + WAIT_SECONDS
        while finished(self.folder).total() < trials:
            if self.ended() is not None:
                return False
            if time.monotonic() > until:
                raise click.ClickException(f"no trial has ended for {WAIT_SECONDS:g} s")
            time.sleep(0.02)
        return True


def kill_worker(sweep: Sweep, rng: random.Random) -> None:
    """Kills a worker process of a node, whatever it does."""
    workers = [process for process in psutil.process_iter() if _is_worker(process)]
    if workers:
        rng.choice(workers).kill()


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return MARK in process.environ() and "harness.engines.local.worker" in " ".join(
            process.cmdline()
        )
    return False


def kill_actor(sweep: Sweep, rng: random.Random) -> None:
    """Kills an actor that keeps a worker."""
    actors = [p for p in psutil.process_iter(["cmdline"]) if "ray::Keeper" in str(p.info)]
    if actors:
        rng.choice(actors).kill()


def kill_node(sweep: Sweep, rng: random.Random) -> None:
    """Kills a node, and has another one join."""
    node = sweep.nodes.pop(rng.randrange(len(sweep.nodes)))
    sweep.cluster.remove_node(node, allow_graceful=False)
    sweep.nodes.append(sweep.cluster.add_node(num_cpus=1))


def kill_driver(sweep: Sweep, rng: random.Random) -> None:
    """Kills the driver and starts it again."""
    assert sweep.driver is not None
    sweep.driver.send_signal(signal.SIGKILL)
    sweep.driver.wait()
    sweep.start()


VICTIMS = {"worker": kill_worker, "actor": kill_actor, "node": kill_node, "driver": kill_driver}


@contextlib.contextmanager
def sweeping(root: Path, trials: int, seconds: float) -> Iterator[Sweep]:
    """A sweep that has begun on a cluster of its own."""
    from tests.conftest import environment
    from tests.engines.clusters import simulated

    question = root / "fake.toml"
    question.write_text(QUESTION.format(trials=trials))
    with simulated(cpus=0) as cluster:
        words = [str(question), "--output", str(root), "--workers", str(NODES)]
        sweep = Sweep(
            cluster,
            [sys.executable, "-m", "tests.faults.fake", *words, "--address", cluster.address],
            root / "fake",
            {**environment(), "FAKE_SECONDS": str(seconds)},
        )
        os.environ["FAKE_SECONDS"] = str(seconds)  # of the nodes
        sweep.nodes = [cluster.add_node(num_cpus=1) for _ in range(NODES)]
        sweep.start()
        try:
            yield sweep
        finally:
            assert sweep.driver is not None
            sweep.driver.kill()
            sweep.driver.wait()


def row(victim: str, kills: int, trials: int, seconds: float, seed: int) -> list[Any]:
    """Runs one sweep among kills; a row of the table."""
    rng, recoveries = random.Random(seed), []
    with tempfile.TemporaryDirectory() as name, sweeping(Path(name), trials, seconds) as sweep:
        sweep.wait_for(1)
        while len(recoveries) < kills and sweep.ended() is None:
            time.sleep(rng.uniform(0, 2 * seconds))
            if sweep.ended() is not None:
                break
            before = finished(sweep.folder).total()
            began = time.monotonic()
            VICTIMS[victim](sweep, rng)
            if not sweep.wait_for(before + NODES + 1):  # one that was not struck at least
                break
            recoveries.append(time.monotonic() - began)
        while sweep.ended() is None:
            time.sleep(0.1)
        counts, code = finished(sweep.folder), sweep.ended()
        record = read_journal(sweep.folder)
        assert record is not None
        failed = sum(result.status == "failed" for result in record.results)
        expected = len(suggested(sweep.folder)) + sum(
            len(record.sweep.runs_of(task)) for task in record.sweep.tasks for _ in (0, 1)
        )
    slowest = f"{max(recoveries, default=0.0):.1f}"
    lost, doubled = expected - len(counts), counts.total() - len(counts)
    return [victim, len(recoveries), len(counts), lost, doubled, failed, slowest, code]


@click.command()
@click.option("--kills", default=10, show_default=True, help="Of each kind of victim.")
@click.option("--victims", default=",".join(VICTIMS), show_default=True)
@click.option("--trials", default=60, show_default=True, help="Search trials of each cell.")
@click.option("--seconds", default=0.5, show_default=True, help="That a trial takes.")
@click.option("--seed", default=0, show_default=True, help="Seed of victims and moments.")
def main(kills: int, victims: str, trials: int, seconds: float, seed: int) -> None:
    """Kill parts of a cluster while sweeps run on it."""
    headers = ["killed", "kills", "trials", "lost", "doubled", "failed",
               f"until {NODES + 1} more trials ended, slowest, s", "exit code"]  # fmt: skip
    rows = []
    for victim in victims.split(","):
        rows.append(row(victim, kills, trials, seconds, seed))
        print(rows[-1], flush=True)
    print(tabulate(rows, headers, tablefmt="github"))


if __name__ == "__main__":
    main()
