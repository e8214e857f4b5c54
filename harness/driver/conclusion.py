"""What a run of a sweep leaves at its end: a report, and what it says of itself."""

import sys
from pathlib import Path

from harness.analysis.cells import exit_code, unconfirmed
from harness.journal.folder import PAGE
from harness.journal.read import read_journal
from harness.spec import HarnessError
from harness.system.signals import EXIT_INTERRUPTED

EXIT_UNCONFIRMED = 1


def interrupted(resume: str) -> int:
    """Says how an interrupted sweep is carried on; returns its exit code."""
    print(f"interrupted; carry on with: {resume}", flush=True)
    return EXIT_INTERRUPTED


def write_report(folder: Path) -> int:
    """Writes the report; returns the exit code that its results deserve."""
    from harness import report

    try:
        report.write(folder)
        print(f"report: {folder / PAGE}")
    except HarnessError as error:
        # What was found is in the journal: the sweep has not failed.
        print(f"no report: {error}; then: harness report {folder}", file=sys.stderr)
    record = read_journal(folder)
    if record is None:
        return EXIT_UNCONFIRMED
    for task, space in unconfirmed(record):
        print(f"no confirmed result: {task} x {space}")
    return exit_code(record)
