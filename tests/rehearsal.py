"""Rehearsals of a sweep: the real driver, plan, search and journal over workers that are made up.

No process is started and nothing is trained, so that a sweep takes milliseconds and can be killed
or stopped at any event of its journal, over and over. How a trial ends depends on which it is, on
its configuration and on how often its worker has died, as the journal tells, and on nothing else.
"""

import contextlib
import dataclasses
import json
import os
import random
import signal
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.check.baseline import Baselines
from harness.driver import conclusion, looks, opening, preflight, suggestions, workplace
from harness.driver import plan as plans
from harness.driver.options import Options
from harness.driver.run import run_sweep
from harness.engines.engine import Done
from harness.journal.events import result_from_json
from harness.journal.folder import checkpoint_path
from harness.journal.read import read_journal
from harness.journal.record import Look
from harness.journal.write import Journal
from harness.spec import Objective, SearchSpace, Training
from harness.sweep.growth import growth
from harness.sweep.pairs import Cell
from harness.sweep.question import Sweep
from harness.training.outcome import begun
from harness.trial import Cost, Failure, TrialResult
from tests.hostile.hostile.tasks import blobs


@dataclass(frozen=True)
class Config:
    units: int
    rate: float


def _wide(hp, kind):
    return Config(hp.Int("units", 1, 5), hp.Float("rate", 0.0, 1.0))


def _unbuilt(*_):
    raise AssertionError("no model is built in a rehearsal")


def _tiny(hp, kind):
    return Config(hp.Choice("units", [4, 8]), 0.5)


TINY = 2
"""Configurations of `tiny`."""
TASKS = {
    "first": dataclasses.replace(blobs, name="first"),
    "second": dataclasses.replace(
        blobs, name="second", objective=Objective("loss", "min"), init_from="first"
    ),
}
SPACES = {
    "wide": SearchSpace("wide", (blobs.kind,), _wide, _unbuilt),
    "tiny": SearchSpace("tiny", (blobs.kind,), _tiny, _unbuilt),
    "tuned": SearchSpace("tuned", (blobs.kind,), _wide, _unbuilt, pretrained=True),
}
SECONDS = {"wide": 1.0, "tiny": 2.0, "tuned": 0.5}
"""What a trial takes at least."""
INFRASTRUCTURE = Failure("infrastructure", "the worker process was killed by SIGKILL")
BAD = {
    "failed": ("code", "memory"),
    "diverged": ("diverged",),
    "infeasible": ("infeasible",),
    "timeout": ("timeout",),
}
"""Ends of a trial that are not made up for, and their kinds of failure."""
DATA = {
    "digest": "",
    "sizes": {"train": 1, "val": 1, "test": 1},
    "objective": blobs.objective,
    "reference": None,
    "licence": "",
}


def cells(sweep):
    """As of `harness.sweep`, of the tasks and spaces above."""
    return tuple(Cell(TASKS[task], SPACES[space]) for task in sweep.tasks for space in sweep.spaces)


def look(folder, record, task):
    """Stands for a look at the verdict: as often as not an architecture gets more seeds, by what
    its runs came to."""
    runs = sorted(
        (r.key, str(r.score))
        for r in record.results
        if (r.task, r.phase) == (task, "confirm") and r.status != "interrupted"
    )
    chance = random.Random(zlib.crc32(repr(runs).encode()))
    more = {}
    for space in record.sweep.spaces:
        later = [n for n in record.sweep.looks_of(task) if n > len(record.seeds_of(task, space))]
        if later and chance.random() < 0.5:
            more[space] = later[0]
    return Look(task, more, {})


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the driver runs on that could write."""


@dataclass(frozen=True)
class Blow:
    """What befalls a driver, and after how many events that it has written."""

    events: int
    kind: str
    """`killed`, `torn` (killed while it writes), `SIGINT` or `SIGTERM`."""


@dataclass(frozen=True)
class Fates:
    """How trials end."""

    seed: int
    deaths: int
    """Most deaths of the worker of one trial."""
    bad: float
    """Share of the other trials that fail by themselves."""

    def of(self, job):
        """How often the worker of a trial dies, and its result if it does not."""
        config = (job.config.units, round(job.config.rate, 9))
        name = (self.seed, job.task, job.space, job.phase, job.number, job.seed, config, job.epochs)
        chance = random.Random(zlib.crc32(repr(name).encode()))
        deaths = chance.choice([0] * 2 + list(range(self.deaths + 1)))
        seconds = SECONDS[job.space] * chance.choice([1, 2, 3])
        result = dataclasses.replace(
            begun(job, started=0.0), cost=Cost(seconds=seconds), epochs=job.epochs
        )
        if chance.random() < self.bad:
            status = chance.choice(sorted(BAD))
            failure = Failure(chance.choice(BAD[status]), "so it was to be")
            return deaths, dataclasses.replace(result, status=status, failure=failure)
        model = f"models/{job.task}.{job.space}.{job.seed}" if job.phase == "confirm" else None
        return deaths, dataclasses.replace(result, score=chance.choice([0.25, 0.5, 0.75, 0.9]),
                                           model=model)  # fmt: skip


class Workers:
    """An engine whose jobs end in any order."""

    def __init__(self, rehearsal, count):
        self.rehearsal, self.count = rehearsal, count
        self.chance = random.Random(rehearsal.fates.seed)
        self.running, self.left = {}, []

    def free(self):
        return self.count - len(self.running)

    def submit(self, job_id, job, limits, worker=None):
        assert self.free() > 0
        assert job_id not in self.running
        self.rehearsal.watch(job, list(self.running.values()))
        if job.parent is not None and not _checkpoint(job, job.parent).exists():
            self.rehearsal.gone.append(job)
        self.running[job_id] = job
        self.rehearsal.submitted.append(job)

    def poll(self, timeout):
        if self.left or not self.running:
            left, self.left = self.left, []
            return left
        return [self._end(self.chance.choice(sorted(self.running)))]

    def close(self, kill=False):
        """Those that are stopped may have ended in the same moment."""
        for job_id in sorted(self.running):
            if self.chance.random() < 0.3:
                self.left.append(self._end(job_id))
            else:
                stopped = Failure("interrupted", "stopped before its end")
                self.left.append(Done(job_id, failure=stopped, seconds=0.1))
        self.running.clear()

    def _end(self, job_id):
        job = self.running.pop(job_id)
        deaths, result = self.rehearsal.fates.of(job)
        if self.rehearsal.deaths[job.task, job.space, job.phase, job.number] < deaths:
            return Done(job_id, failure=INFRASTRUCTURE, seconds=SECONDS[job.space])
        if job.keep_checkpoint and result.status == "completed":
            _checkpoint(job, job.number).parent.mkdir(exist_ok=True)
            _checkpoint(job, job.number).touch()
        return Done(job_id, value=result)


def _checkpoint(job, number):
    return checkpoint_path(job.folder, job.task, job.space, number)


class Rehearsal:
    """One sweep in one folder, run as often as it takes."""

    def __init__(self, folder: Path, sweep: Sweep, fates: Fates, workers: int = 1) -> None:
        self.folder, self.sweep, self.fates, self.workers = folder, sweep, fates, workers
        self.submitted = []
        """Jobs that were given to a worker, by all drivers."""
        self.gone = []
        """Those whose parent had left no checkpoint any more."""
        self.asked = sweep
        """The question, as far as the journal knows it."""
        self.deaths = Counter()
        """How often the worker of a trial has died, by the journal."""
        self.failed = set()
        """Trials that failed with it."""
        self.watch = lambda job, running: None
        """Called before a job is given to a worker, with those that run."""
        self.blow, self.written = None, 0

    def run(self, blow: Blow | None = None, retry_failed: bool = False) -> None:
        """One driver, until it ends or the blow falls."""
        self.blow, self.written = blow, 0
        options = Options(
            output=self.folder, workers=self.workers, tracking="none", retry_failed=retry_failed
        )
        with self._made_up(), contextlib.suppress(Killed):
            run_sweep(self.sweep, options, rehearse=False)

    def record(self):
        return read_journal(self.folder / self.sweep.name)

    def results(self, superseded: bool = False):
        """How trials ended, in order, without interruptions, moments and times; with those that
        count no more as the question has grown, if asked for."""
        found = []
        for entry in self.record().history:
            if not isinstance(entry, TrialResult):
                continue
            if entry.status != "interrupted":
                found.append(dataclasses.replace(entry, started=0.0, cost=Cost()))
            elif not superseded and entry.failure and entry.failure.kind == "superseded":
                found = [result for result in found if result.key != entry.key]
        return found

    def complete(self) -> bool:
        """Whether nothing is left to do, as the driver sees it."""
        with self._made_up():
            return preflight.complete(self.record())

    @contextlib.contextmanager
    def _made_up(self):
        with pytest.MonkeyPatch.context() as patch:
            for module in (plans, opening, preflight):
                patch.setattr(module, "cells", cells)
            patch.setattr(suggestions, "sample_training", lambda hp, task: Training())
            patch.setattr(preflight, "data_event", lambda *_: DATA)
            patch.setattr(preflight, "baselines_of", lambda *_: Baselines({}, {}))
            patch.setattr(looks, "look", look)
            patch.setattr(opening.atomic_files, "write", lambda *_: None)
            patch.setattr(opening.host, "describe", dict)
            patch.setattr(conclusion, "write_report", lambda folder: 0)
            patch.setattr(workplace.ThisMachine, "engine", lambda *told: Workers(self, told[4]))
            patch.setattr(os, "fsync", lambda number: None)
            patch.setattr(opening.plugins, "provenance", lambda *_: {})  # none of it is registered
            write = Journal._write
            patch.setattr(
                Journal, "_write", lambda journal, line: self._write(write, journal, line)
            )
            yield

    def _write(self, write, journal, line):
        """Writes an event, unless it is the one at which the driver is killed."""
        blow, self.written = self.blow, self.written + 1
        struck = blow is not None and self.written == blow.events
        if struck and blow.kind == "torn":
            journal._file.write(b'{"event": "fini')
        if blow is not None and self.written >= blow.events and blow.kind in ("killed", "torn"):
            raise Killed
        write(journal, line)
        event = json.loads(line)
        if event["event"] == "finished":
            result = result_from_json(event["result"])
            if result.failure and result.failure.kind == "superseded":
                self._forget(result.key)
            elif result.broken:
                self._died(result)
        elif event["event"] == "grown":
            runs = growth(self.asked, self.sweep).runs
            for key in [key for key in self.deaths if key[0] in runs and key[2] == "confirm"]:
                self._forget(key)
        if event["event"] in ("sweep", "grown"):
            self.asked = self.sweep
        if struck:
            signal.raise_signal(getattr(signal, blow.kind))

    def _forget(self, key):
        """What runs in the place of a trial that counts no more has a fate of its own."""
        del self.deaths[key]
        self.failed.discard(key)

    def _died(self, result):
        """Counts a death; that a failure is taken back is none."""
        self.deaths[result.key] += result.key not in self.failed
        (self.failed.add if result.status == "failed" else self.failed.discard)(result.key)


def counts(results) -> Counter:
    """How often each trial is among results."""
    return Counter(result.key for result in results)
