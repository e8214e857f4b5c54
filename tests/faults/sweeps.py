"""How a sweep of the suite is asked for, and what it left when it ended."""

import re

import pandas as pd

from benchmarks.kills import answer
from benchmarks.kills import finished as ended

__all__ = ["answer", "ended", "files", "report", "run_words", "same", "same_trials"]


def run_words(question, output, workers=1):
    """The command line that runs it without MLflow."""
    return ("run", question, "--workers", workers, "--tracking", "none", "--output", output)


def files(folder):
    """What a sweep's folder holds, its locks and folders left out."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", ".tracking.lock")
    }


def report(folder):
    """A report without the lines that name the moment, the command and the commit."""
    lines = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not re.match("- (begun|git_commit): |harness ", line)]


def same_trials(folder, quiet):
    """Asserts that the same trials ended, each as often and with the same values and scores."""
    assert ended(folder) == ended(quiet)
    for found, expected in zip(answer(folder), answer(quiet), strict=True):
        pd.testing.assert_frame_equal(found, expected)


def same(folder, quiet, tried_again=False):
    """Asserts that a sweep ended as the one to which nothing happened; its report says so, where a
    trial was tried again."""
    same_trials(folder, quiet)
    assert files(folder) == files(quiet)
    lines = report(folder)
    if tried_again:
        first = next(n for n, line in enumerate(lines) if line.startswith("Tried again, "))
        last = next(n for n, line in enumerate(lines) if n > first and line.startswith("## "))
        del lines[first:last]
    assert lines == report(quiet)
