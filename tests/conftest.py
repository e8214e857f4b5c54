"""Shared by all tests: one cache for the session, no framework noise."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

# The same examples in every run: a failure is that of the change before it. No deadlines, as a
# busy machine is no failure.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell starts background jobs with Ctrl-C ignored, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
HOSTILE = Path(__file__).parent / "hostile"
HARNESS = (sys.executable, "-m", "harness")


def pytest_collection_finish():
    """What the frameworks brought is not searched for garbage again each time Keras collects it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cache_root(tmp_path_factory):
    """The data cache of the tests, apart from the user's own; one for all processes."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    root.mkdir(exist_ok=True)
    os.environ["HARNESS_CACHE"] = str(root)
    return root


def environment(**variables):
    """The variables of a process that has the hostile plugin installed."""
    return {**os.environ, "PYTHONPATH": str(HOSTILE), "COLUMNS": "200", **variables}


@pytest.fixture(scope="session")
def harness():
    """Calls the command line in a process of its own, with the hostile plugin installed."""

    def call(*words, timeout=300, **variables):
        return subprocess.run(
            [*HARNESS, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment(**variables),
        )

    return call


@pytest.fixture
def started():
    """Starts the command line in a process of its own; what still runs is killed at the end."""
    processes = []

    def start(*words, **variables):
        process = subprocess.Popen(
            [*HARNESS, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(**variables),
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def finished(harness, tmp_path_factory):
    """A Hyperband sweep over a learnable task that ran to its end: its file and its output."""
    root = tmp_path_factory.mktemp("finished")
    question = root / "band.toml"
    question.write_text(
        """
        name = "band"
        tasks = ["blobs"]
        spaces = ["good"]
        tuner = "hyperband"
        seeds = 2
        [budget]
        trials = 6
        epochs = 4
        """
    )
    output = root / "results"
    run = harness("run", question, "--workers", 1, "--output", output)
    assert run.returncode == 0, run.stdout + run.stderr
    return question, output
