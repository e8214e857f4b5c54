"""Trials of `fake` some of which work against their driver, as the variable `MISBEHAVE` says.

forks("run", ..., fate=misbehaving.instead, MISBEHAVE="delete")
"""

import os
import shutil
from typing import Any

from tests.faults import fake, jobs

KIND = "MISBEHAVE"
NASTY = (
    "\x1b[2J\x1b]0;owned\x07[red]x[/red] <script>alert(1)</script> | `code` ![x](http://x.example)",
    "=cmd|' /C calc'!A0",
    "first\r\n# second\n| third |",
    "half \ud83d of a pair, \0 and \u202e backwards",
    "</code></td></tr></table><img src=x onerror=alert(1)>",
    "$\\frac{1}{2}$ &lt;b&gt; {{7*7}} %s {0} \\",
)
"""Texts that a terminal, a page, a table or a program would obey."""
fake_run = fake.run


def run(job: Any, report: Any) -> Any:
    """A trial of `fake`, but for a few."""
    result = fake_run(job, report)
    kind = os.environ[KIND]
    if kind == "delete" and (job.space, job.phase, job.number) == ("good", "search", 3):
        shutil.rmtree(job.folder)
    if kind == "raise" and job.phase == "search" and job.space == "raising":
        raise ValueError(NASTY[job.number % len(NASTY)])
    if kind == "spoil":
        if not job.folder.is_dir():
            raise FileNotFoundError(job.folder)
        jobs.spoil(report, "/")
        jobs.close_output(report, "streams")
    return result


def instead() -> None:
    """Has a forked driver run these trials."""
    fake.run = run
