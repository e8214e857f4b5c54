"""A clock that is put forward and back all the time, in the driver and in its workers.

What is measured is the harness's own: the record of a trial is the real one, and only its
training is left out.
"""

import itertools
import time
from typing import Any

from harness.training import run as training
from tests.faults import fake

YEARS = 10 * 365 * 86400.0
OFFSETS = (0.0, -3600.0, YEARS, -86400.0)
"""By how many seconds the clock is wrong, one look after the other."""

_rest = fake.run


def disturb() -> None:
    """Has every look at the clock say something else."""
    offsets, right = itertools.cycle(OFFSETS), time.time
    time.time = lambda: right() + next(offsets)


def befall() -> None:
    """Has a driver and its workers live by such a clock."""
    disturb()
    fake.run, fake.nothing = run, disturb


def run(job: Any, report: Any) -> Any:
    """Runs a trial as in a sweep that trains."""
    training.train = _nap
    return training.run_trial(job, report)


def _nap(job: Any, task: Any, report: Any, state: Any) -> None:
    result = _rest(job, report)
    state.curve = [dict(row) for row in result.curve]
    if job.phase == "confirm":
        state.test = {"accuracy": result.score}


def befall_broken() -> None:
    """Likewise, with workers that cannot start."""
    befall()
    fake.nothing = _break


def _break() -> None:
    raise ImportError("no such framework")
