"""Shared by all tests: one cache for the session, no framework noise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
HOSTILE = Path(__file__).parent / "hostile"


@pytest.fixture(scope="session", autouse=True)
def cache_root(tmp_path_factory):
    """The data cache of the tests, apart from the user's own."""
    root = tmp_path_factory.mktemp("cache")
    os.environ["HARNESS_CACHE"] = str(root)
    return root


@pytest.fixture(scope="session")
def harness():
    """Calls the command line in a process of its own, with the hostile plugin installed."""

    def call(*words, timeout=300, **environment):
        return subprocess.run(
            [sys.executable, "-m", "harness", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "PYTHONPATH": str(HOSTILE), "COLUMNS": "200", **environment},
        )

    return call
