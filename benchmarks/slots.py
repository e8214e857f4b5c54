"""What one driver keeps busy: hundreds of slots, of trials that do nothing but wait.

    python -m benchmarks.slots --slots 512 --seconds 60 --trials 5000

The real driver, search and journal; in place of workers is a list of the moments at which trials
end, and no report is written at the end. That is a cluster without Ray: `benchmarks.cluster` has
Ray, and few slots. The share of slots that are busy is that between the first end of a trial and
the last start of one. A turn of the driver is what it does from one look at its workers to the
next.
"""

import heapq
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import click
import psutil
from tabulate import tabulate

from benchmarks import noop
from harness.engines.engine import Done, Limits, Told
from harness.sweep.question import Tuner


@dataclass(frozen=True)
class Mark:
    """How far a driver has come, and what it took."""

    trials: int
    wall: float
    processor: float
    memory: float
    """Resident megabytes of this process."""
    turn: float
    """Median seconds of a turn since the mark before."""

    @classmethod
    def now(cls, trials: int, turn: float = 0.0) -> "Mark":
        """At this moment."""
        memory = psutil.Process().memory_info().rss / 2**20
        return cls(trials, time.monotonic(), time.process_time(), memory, turn)


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
        self.marks: list[Mark] = []
        """Taken at the first trial and after each thousand."""
        self._turns: list[float] = []
        self._looked = time.monotonic()

    def free(self) -> int:
        """Slots that are idle."""
        return self._count - len(self._running)

    def submit(self, job_id: str, job: Any, limits: Limits, worker: int | None = None) -> None:
        """Begins to wait."""
        if not self.marks:
            self.marks.append(Mark.now(0))
        self.starts.append(time.monotonic())
        heapq.heappush(self._running, (self.starts[-1] + self._seconds, job_id, job))

    def poll(self, timeout: float) -> list[Told | Done]:
        """The ends that have come."""
        self._turns.append(time.monotonic() - self._looked)
        if self._running:
            time.sleep(min(timeout, max(0.0, self._running[0][0] - time.monotonic())))
        ended: list[Told | Done] = []
        while self._running and self._running[0][0] <= time.monotonic():
            _, job_id, job = heapq.heappop(self._running)
            ended.append(Done(job_id, noop.run(job, None)))
            self.ends.append(time.monotonic())
        if len(self.ends) // 1000 >= len(self.marks):
            self.marks.append(Mark.now(len(self.ends), statistics.median(self._turns)))
            self._turns = []
        self._looked = time.monotonic()
        return ended

    def close(self, kill: bool = False) -> None:
        """Ends nothing: there is nothing."""

    def busy(self) -> float:
        """Share of the slots' time, while there were enough trials for all, that they were busy."""
        begin, end = self.ends[0], self.starts[-1]
        # Of trials that all take as long; where the driver was stopped, some have no end.
        pairs = zip(self.starts, self.ends, strict=False)
        spent = sum(max(0.0, min(last, end) - max(first, begin)) for first, last in pairs)
        return spent / (self._count * (end - begin))


@click.command()
@click.option("--slots", default=512, show_default=True)
@click.option("--seconds", default=60.0, show_default=True, help="That a trial takes.")
@click.option("--trials", default=5000, show_default=True)
@click.option("--tuner", type=click.Choice(get_args(Tuner)), default="random", show_default=True)
def main(slots: int, seconds: float, trials: int, tuner: str) -> None:
    """Run a sweep of trials that wait."""
    from harness.driver import conclusion
    from harness.driver.options import Options
    from harness.driver.run import run_sweep
    from harness.driver.workplace import ThisMachine
    from harness.sweep.load import from_fields

    engine = Slots(slots, seconds)
    fields = {"name": "slots", "tasks": ["digits"], "spaces": ["cnn"], "tuner": tuner, "seeds": 1}
    question = from_fields({**fields, "budget": {"trials": trials}}, {}, origin="slots")
    with tempfile.TemporaryDirectory() as name:
        options = Options(output=Path(name), workers=slots, tracking="none")
        with (
            mock.patch.object(ThisMachine, "engine", return_value=engine),
            mock.patch.object(conclusion, "write_report", return_value=0),
            noop.quiet(),
        ):
            run_sweep(question, options, rehearse=False)
    rate = (len(engine.ends) - 1) / (engine.ends[-1] - engine.ends[0])
    click.echo(f"{rate:.0f} trials ended a second, {engine.busy():.1%} of the slots busy")
    rows = [
        [
            f"{last.trials:,}",
            f"{(last.trials - first.trials) / (last.wall - first.wall):.0f}",
            f"{1000 * (last.processor - first.processor) / (last.trials - first.trials):.2f}",
            f"{1000 * last.turn:.1f}",
            f"{last.memory:.0f}",
        ]
        for first, last in pairwise(engine.marks)
        if last is engine.marks[-1] or _round(last.trials // 1000)
    ]
    headers = ["trials", "ended a second", "ms of a processor each", "ms a turn", "memory, MB"]
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _round(thousands: int) -> bool:
    """Whether a number is 1, 2, 5, 10, 20, ..."""
    return str(thousands).rstrip("0") in ("1", "2", "5")


if __name__ == "__main__":
    main()
