"""Tries what was asked about in workers of its own, and says what was found, a line each."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness import registry
from harness.check import cell, place, steps
from harness.check.baseline import baselines
from harness.check.subjects import Attempt, asked, attempts
from harness.data import cache
from harness.engines.engine import Done, Limits
from harness.engines.local.pool import LocalEngine
from harness.spec import HarnessError, Prepared, SearchSpace, Task
from harness.sweep.question import Backend
from harness.system.text import counted, one_line
from harness.training import worker_start

EXIT_WELL = 0
EXIT_FAULTS = 1
SECONDS = 600.0
"""How long a cell, or the loading of its model, may take."""
MEMORY_SHARE = 0.8
"""Of the memory that is free, how much a cell may take."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """How a check is run."""

    data_dir: Path | None = None
    offline: bool = False
    backend: Backend = "tensorflow"


def check(names: Sequence[str], how: How, say: Say = print) -> int:
    """Checks tasks, architectures and files.

    Args:
        names: what is checked, as of `subjects.asked`.
        how: with what.
        say: receives each line as soon as it is known.

    Returns:
        The exit code: 1 where faults were found, else 0.

    Raises:
        HarnessError: something of that name does not exist.
    """
    nouns = asked(names)
    told: dict[str, str] = {}
    """Faults, and what they were first found with."""
    checked = 0
    with tempfile.TemporaryDirectory() as folder, _Workers(how, Path(folder)) as workers:
        for noun in nouns:
            for name, faults in _examine(noun, how, workers):
                checked += 1
                for line in _lines(name, faults, told):
                    say(one_line(line))
    say(f"{checked} checked: {counted(len(told), 'fault')}")
    return EXIT_FAULTS if told else EXIT_WELL


def _lines(name: str, faults: Sequence[str], told: dict[str, str]) -> Iterator[str]:
    """A line for each fault; what many cells have in common is told once."""
    if not faults:
        yield f"ok: {name}"
    for fault in faults:
        if fault in told:
            yield f"fault: {name}: as with {told[fault]}"
        else:
            told[fault] = name
            yield f"fault: {name}: {fault}"


def _examine(
    noun: Task | SearchSpace, how: How, workers: "_Workers"
) -> Iterator[tuple[str, Sequence[str]]]:
    """What is checked of a task or an architecture, and the faults of each."""
    faults = list(steps.declaration_faults(noun))
    if faults:
        yield noun.name, faults
        return
    if isinstance(noun, Task):
        data, faults = _data(noun, how)
        yield f"{noun.name} (data)", faults
        if data is None:
            return
    found = attempts(noun)
    if not found and isinstance(noun, Task):
        yield noun.name, [f"no architecture for {noun.kind} is there to try it with"]
    for attempt in found:
        yield attempt.name, workers.attempt(attempt)


def _data(task: Task, how: How) -> tuple[Prepared | None, list[str]]:
    """A task's data, prepared, if it can be had, and what is wrong with it or its baseline."""
    try:
        data = cache.load(task, how.data_dir, how.offline)
    except HarnessError as error:
        told = "traceback: " in str(error)  # and the line of its code is
        where = place.of_function(task.prepare, task)
        return None, [str(error) if told else steps.at(str(error), where)]
    try:
        baselines(task, data)
    except HarnessError as error:
        return data, [str(error)]
    return data, []


class _Workers:
    """Two worker processes: one tries cells, the other loads what they have saved."""

    def __init__(self, how: How, folder: Path) -> None:
        self.how, self.folder = how, folder
        self.engines: list[LocalEngine] = []

    def __enter__(self) -> "_Workers":
        variables = {"KERAS_BACKEND": self.how.backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
        for _ in range(2):
            self.engines.append(
                LocalEngine(
                    cell.answer,
                    workers=1,
                    environment=variables,
                    initialize=worker_start.import_framework,
                )
            )
        return self

    def __exit__(self, *_: object) -> None:
        for engine in self.engines:
            engine.close(kill=True)

    def attempt(self, attempt: Attempt) -> tuple[str, ...]:
        """The faults of a cell, tried and loaded again."""
        trying, loading = self.engines
        plugins = registry.plugins()
        job = cell.Trying(
            attempt.task.name if attempt.task else None, attempt.kind, attempt.space.name,
            self.folder, plugins, self.how.data_dir, self.how.offline,
        )  # fmt: skip
        tried, faults = _done(trying, attempt.name, job)
        if tried is None or tried.model is None:
            return faults
        again = cell.Loading(attempt.space.name, tried, plugins)
        return faults + _done(loading, attempt.name, again)[1]


def _done(
    engine: LocalEngine, name: str, job: cell.Trying | cell.Loading
) -> tuple[cell.Tried | None, tuple[str, ...]]:
    """What came of a job; that it came to no end is a fault as well."""
    memory = MEMORY_SHARE * psutil.virtual_memory().available / 1e9
    engine.submit(name, job, Limits(seconds=SECONDS, memory_gb=memory))
    while True:
        for event in engine.poll(timeout=1.0):
            if isinstance(event, Done):
                tried: cell.Tried | None = event.value
                if event.failure is not None:
                    return None, (event.failure.message,)
                assert tried is not None
                return tried, tried.faults
