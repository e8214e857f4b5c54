"""Counts what the faults cost, for the table of docs/reliability.md."""

import json
import os
from pathlib import Path

import pytest

TOLL = "FAULTS_TOLL"
"""Variable that names the file to append to; nothing is written if absent."""


@pytest.fixture(scope="session")
def toll():
    """Adds a line to the toll: what was tried, what it cost, the seconds to recover from each."""

    def count(fault, tried=1, lost=0, doubled=0, seconds=None):
        path = os.environ.get(TOLL)
        if path is None:
            return
        seconds = [] if seconds is None else seconds
        entry = {
            "fault": fault,
            "tried": tried,
            "lost": lost,
            "doubled": doubled,
            "seconds": list(seconds) if isinstance(seconds, list | tuple) else [seconds],
        }
        with Path(path).open("a") as file:  # one short write: lines of two processes do not mix
            file.write(json.dumps(entry) + "\n")

    return count
