"""What one driver keeps busy: hundreds of slots, of trials that do nothing but wait.

    python -m benchmarks.slots --slots 512 --seconds 60 --trials 5000

The real driver, search and journal; in place of workers is a list of the moments at which trials
end. That is a cluster without Ray: `benchmarks.cluster` has Ray, and few slots. The share of slots
that are busy is that between the first end of a trial and the last start of one.
"""

import heapq
import tempfile
import time
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import click
import psutil
from tabulate import tabulate

from benchmarks import noop
from harness.engines.engine import Done, Limits, Told
from harness.sweep.question import Tuner


class Slots:
    """An engine whose jobs end a time after they were submitted.

    Args:
        count: of slots.
        seconds: that a job takes.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._count, self._seconds = count, seconds
        self._running: list[tuple[float, str, Any]] = []
        self.starts: list[float] = []
        self.ends: list[float] = []
        """Moments, monotonic; those of ends are when the driver was told."""
        self.memory: list[tuple[int, float]] = []
        """Resident megabytes of this process by the number of ended trials."""

    def free(self) -> int:
        """Slots that are idle."""
        return self._count - len(self._running)

    def submit(self, job_id: str, job: Any, limits: Limits, worker: int | None = None) -> None:
        """Begins to wait."""
        self.starts.append(time.monotonic())
        heapq.heappush(self._running, (self.starts[-1] + self._seconds, job_id, job))

    def poll(self, timeout: float) -> list[Told | Done]:
        """The ends that have come."""
        if self._running:
            time.sleep(min(timeout, max(0.0, self._running[0][0] - time.monotonic())))
        ended: list[Told | Done] = []
        while self._running and self._running[0][0] <= time.monotonic():
            _, job_id, job = heapq.heappop(self._running)
            ended.append(Done(job_id, noop.run(job, None)))
            self.ends.append(time.monotonic())
        if len(self.ends) // 1000 > len(self.memory):
            self.memory.append((len(self.ends), psutil.Process().memory_info().rss / 2**20))
        return ended

    def close(self, kill: bool = False) -> None:
        """Ends nothing: there is nothing."""

    def busy(self) -> float:
        """Share of the slots' time, while there were enough trials for all, that they were busy."""
        begin, end = self.ends[0], self.starts[-1]
        pairs = zip(self.starts, self.ends, strict=True)  # of trials that all take as long
        spent = sum(max(0.0, min(last, end) - max(first, begin)) for first, last in pairs)
        return spent / (self._count * (end - begin))


@click.command()
@click.option("--slots", default=512, show_default=True)
@click.option("--seconds", default=60.0, show_default=True, help="That a trial takes.")
@click.option("--trials", default=5000, show_default=True)
@click.option("--tuner", type=click.Choice(get_args(Tuner)), default="random", show_default=True)
def main(slots: int, seconds: float, trials: int, tuner: str) -> None:
    """Run a sweep of trials that wait."""
    from harness.driver.options import Options
    from harness.driver.run import run_sweep
    from harness.driver.workplace import ThisMachine
    from harness.sweep.load import from_fields

    engine = Slots(slots, seconds)
    fields = {"name": "slots", "tasks": ["digits"], "spaces": ["cnn"], "tuner": tuner, "seeds": 1}
    question = from_fields({**fields, "budget": {"trials": trials}}, {}, origin="slots")
    with tempfile.TemporaryDirectory() as name:
        options = Options(output=Path(name), workers=slots, tracking="none")
        with mock.patch.object(ThisMachine, "engine", return_value=engine), noop.quiet():
            run_sweep(question, options, rehearse=False)
    rate = (len(engine.ends) - 1) / (engine.ends[-1] - engine.ends[0])
    rows = [["trials ended a second", f"{rate:.0f}"], ["slots busy", f"{engine.busy():.1%}"]]
    rows += [[f"driver memory after {n:,} trials, MB", f"{mb:.0f}"] for n, mb in engine.memory]
    click.echo(tabulate(rows, ["", ""], tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
