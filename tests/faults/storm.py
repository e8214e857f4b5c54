"""Strikes a driver again and again, wherever it is, and starts it again each time."""

import functools
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.kills import finished
from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from harness.journal.write import Journal
from tests.faults.forks import Fate, Forked, Forks

START_SECONDS = 0.8
"""About how long a forked driver takes until its first trial runs."""
REPORT_SECONDS = 1.5
"""About how long it takes to write a report."""
MOMENTS = {"start": 3, "append": 5, "trials": 5, "report": 2}
"""Where a blow may come, and how often: in the start, in the middle of writing an event, while
trials run, and while the report is written."""
KILL = (signal.SIGKILL,)


@dataclass(frozen=True)
class Blow:
    """What is done to a driver, and when."""

    where: str
    signals: tuple[int, ...] = ()
    moment: Callable[[], bool] = lambda: False
    """Whether it is time."""
    fate: Fate | None = None
    """What the driver does to itself."""


@dataclass
class Damage:
    """What a storm did."""

    blows: list[tuple[Blow, Forked]] = field(default_factory=list)
    """Those that ended a driver before its work was done."""
    lost: int = 0
    """Finished trials that were gone afterwards."""
    doubled: int = 0
    """Trials that are recorded as finished more than once."""
    orphans: int = 0
    """Workers that lived on."""
    seconds: list[float] = field(default_factory=list)
    """From each start after a blow to the next finished trial, or to the end."""


def storm(forks: Forks, words: tuple[object, ...], folder: Path, total: int,
          rng: random.Random, blows: int, fresh: bool = False,
          moments: Mapping[str, int] = MOMENTS,
          signals: Sequence[tuple[int, ...]] = (KILL,)) -> Damage:  # fmt: skip
    """Runs a sweep to its end, striking its first drivers.

    Args:
        words: The command line.
        folder: The sweep's folder.
        total: Number of the sweep's trials.
        rng: Draws the blows.
        blows: How many at most; the sweep may end before.
        fresh: The folder holds an answer that is to be discarded: `--fresh` is given until
            there is a new one.
        moments: Where blows come, by their weights.
        signals: What a blow may be.
    """
    damage = Damage()
    old = _id(folder) if fresh else None
    while True:
        again = fresh and _id(folder) == old
        known = Counter() if again else finished(folder)
        blow = Blow("")
        if len(damage.blows) < blows:
            blow = _draw(rng, folder, total, again, moments, signals)
        driver = forks(*words, *(["--fresh"] if again else []), fate=blow.fate)
        recovery = _follow(driver, folder, blow)
        code = driver.wait()
        damage.orphans += len(driver.orphans())
        if damage.blows and recovery is not None and not again:
            damage.seconds.append(recovery)
        if not (fresh and _id(folder) == old):
            counts = finished(folder)
            damage.lost += (known - counts).total()
            damage.doubled = counts.total() - len(counts)
        if code == 0:
            return damage
        assert blow.where, f"nothing was done to it: {driver.out}{driver.err}"
        damage.blows.append((blow, driver))


def _draw(rng: random.Random, folder: Path, total: int, fresh: bool,
          moments: Mapping[str, int], signals: Sequence[tuple[int, ...]]) -> Blow:  # fmt: skip
    began, recorded = time.monotonic(), _count(folder)
    kind = rng.choices(list(moments), list(moments.values()))[0]
    if "report" in moments and not fresh and _done(folder) == total:
        kind = "report"
    seconds = rng.uniform(0, {"start": START_SECONDS, "report": REPORT_SECONDS}.get(kind, 0.03))
    chosen = rng.choice(signals)
    match kind:
        case "append":
            share = rng.choice([0.0, rng.random(), 1.0])
            return Blow(kind, fate=torn(rng.randint(0, 12), share))
        case "start":
            return Blow(kind, chosen, lambda: time.monotonic() > began + seconds)
        case "trials":
            events = 1 + rng.randint(1, 12) + (0 if fresh else recorded)
            return Blow(kind, chosen, _once(lambda: _count(folder) >= events, seconds))
    return Blow(kind, chosen, _once(lambda: _done(folder) == total, seconds))


def _follow(driver: Forked, folder: Path, blow: Blow) -> float | None:
    """Strikes a driver; returns the seconds to its next finished trial or its end."""
    began, known = time.monotonic(), _done(folder)
    recovery = None
    while driver.code is None:
        if blow.moment():
            for number in blow.signals:
                driver.send(number)
                time.sleep(0.02)  # of two signals at once, one would be taken for both
            return recovery
        if recovery is None and _done(folder) > known:
            recovery = time.monotonic() - began
        time.sleep(0.002)
    if recovery is None and driver.code == 0:
        recovery = time.monotonic() - began
    return recovery


def _once(happened: Callable[[], bool], seconds: float) -> Callable[[], bool]:
    """Whether something has happened so many seconds ago."""
    since: list[float] = []

    def now() -> bool:
        if not since and happened():
            since.append(time.monotonic())
        return bool(since) and time.monotonic() >= since[0] + seconds

    return now


def torn(number: int, share: float) -> Fate:
    """The driver dies in one of its appends to the journal, after a share of the line."""
    return functools.partial(_tear, number, share)


def _tear(number: int, share: float) -> None:
    write = Journal._write
    appended = itertools.count()

    class Torn:
        def __init__(self, file: object) -> None:
            self.file = file

        def write(self, line: bytes) -> int:
            os.write(self.file.fileno(), line[: round(share * len(line))])
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError("killed")

    def tear(self: Journal, line: bytes) -> None:
        if next(appended) == number:
            self._file = Torn(self._file)
        write(self, line)

    Journal._write = tear


def _done(folder: Path) -> int:
    """How many results are in the journal, interruptions left out."""
    return _count(folder, b'"event": "finished"') - _count(folder, b'"status": "interrupted"')


def _count(folder: Path, word: bytes = b"\n") -> int:
    """How often a word is in the journal, which may be removed at any moment."""
    try:
        return (folder / JOURNAL).read_bytes().count(word)
    except FileNotFoundError:
        return 0


def _id(folder: Path) -> str | None:
    record = read_journal(folder) if (folder / JOURNAL).is_file() else None
    return record.id if record else None
