"""Trials of `fake` some of which work against their driver, as the variable `MISBEHAVE` says.

forks("run", ..., fate=misbehaving.instead, MISBEHAVE="delete")
"""

import os
import shutil
from typing import Any

from tests.faults import fake, jobs

KIND = "MISBEHAVE"
fake_run = fake.run


def run(job: Any, report: Any) -> Any:
    """A trial of `fake`, but for a few."""
    result = fake_run(job, report)
    kind = os.environ[KIND]
    if kind == "delete" and (job.space, job.phase, job.number) == ("good", "search", 3):
        shutil.rmtree(job.folder)
    if kind == "spoil":
        if not job.folder.is_dir():
            raise FileNotFoundError(job.folder)
        jobs.spoil(report, "/")
        jobs.close_output(report, "streams")
    return result


def instead() -> None:
    """Has a forked driver run these trials."""
    fake.run = run
