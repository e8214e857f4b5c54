"""Shared by all tests: one cache for the session, no framework noise."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import hypothesis
import pytest

# The same examples in every run: a failure is that of the change before it. No deadlines, as a
# busy machine is no failure. A quarter of the usual number where long tests are left out.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, max_examples=25)
hypothesis.settings.register_profile("long", derandomize=True, deadline=None, max_examples=100)
hypothesis.settings.load_profile("steady")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell starts background jobs with Ctrl-C ignored, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
HOSTILE = Path(__file__).parent / "hostile"
HARNESS = (sys.executable, "-m", "harness")


def pytest_configure(config):
    if config.option.markexpr != "not long":
        hypothesis.settings.load_profile("long")


def pytest_collection_finish():
    """What the frameworks brought is not searched for garbage again each time Keras collects it."""
    gc.collect()
    gc.freeze()


def common(tmp_path_factory):
    """The folder of all processes of this session."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextlib.contextmanager
def once(folder):
    """A folder to make something in, and whether another process has made it already."""
    folder.mkdir(exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        mark = folder / ".made"
        yield folder, mark.exists()
        mark.touch()


@pytest.fixture(scope="session", autouse=True)
def cache_root(tmp_path_factory):
    """The data cache of the tests, apart from the user's own; one for all processes."""
    root = common(tmp_path_factory) / "cache"
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
    """A Hyperband sweep over a learnable task that ran to its end: its file and its output; one for
    all processes."""
    with once(common(tmp_path_factory) / "finished") as (root, made):
        question, output = root / "band.toml", root / "results"
        if not made:
            run_band(harness, question, output)
    return question, output


def run_band(harness, question, output):
    """Asks, and runs the sweep to its end."""
    question.write_text(
        """
        name = "band"
        search_seed = 1
        tasks = ["blobs"]
        spaces = ["good"]
        tuner = "hyperband"
        seeds = 2
        [budget]
        trials = 6
        epochs = 4
        """
    )
    run = harness("run", question, "--workers", 1, "--output", output)
    assert run.returncode == 0, run.stdout + run.stderr
