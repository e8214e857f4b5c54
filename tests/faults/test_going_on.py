"""Long trainings that are cut off, by a kill of their driver or of their worker, go on."""

import os
import time

import pytest

from harness.journal.folder import state_path, states
from harness.journal.read import read_journal
from tests.faults.sweeps import ended, files, run_words
from tests.faults.test_determinism import results
from tests.faults.test_worker_kills import workers_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed")

QUESTION = """
name = "long"
tasks = ["blobs"]
spaces = ["good"]
seeds = 1
keep_minutes = {minutes}
[budget]
trials = 1
epochs = {epochs}
patience = {epochs}
"""


def until(happened, process, seconds=120):
    """Waits for something while a process runs; whether it came."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.long
def test_trials_go_on_and_end_as_if_undisturbed(started, harness, tmp_path, toll):
    question, folder, quiet = tmp_path / "long.toml", tmp_path / "long", tmp_path / "quiet" / "long"
    question.write_text(QUESTION.format(minutes=1e-6, epochs=100))
    calm = harness(*run_words(question, quiet.parent))
    assert calm.returncode == 0, calm.stdout + calm.stderr
    words = run_words(question, tmp_path)

    driver = started(*words)
    assert until(state_path(folder, "blobs", "good", "search", 0).is_file, driver)
    driver.kill()
    driver.wait()
    again = started(*words)
    assert until(state_path(folder, "blobs", "good", "confirm", 0).is_file, again)
    (worker,) = workers_of(again)
    worker.kill()
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert "blobs · good · trial 0: goes on from the end of epoch" in output
    assert "blobs · good · seed 0: goes on from the end of epoch" in output

    assert results(folder) == results(quiet)
    assert ended(folder) == ended(quiet)
    assert files(folder) == files(quiet)
    assert not states(folder)
    searched, confirmed = (result.cost for result in read_journal(folder).results)
    for cost in (searched, confirmed):
        assert 0 < cost.resumed_at < 100
        assert 0 < cost.kept_seconds < cost.seconds
    toll("training cut off by a kill of its driver or worker", 2)
