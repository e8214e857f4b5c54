"""Long trainings that are cut off, by a kill of their driver or of their worker, go on."""

import os
import random
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


LONG = """
name = "long"
tasks = ["digits"]
spaces = ["{space}"]
seeds = 1
backend = "{backend}"
keep_minutes = {minutes}
[budget]
trials = 1
epochs = 1
confirm_epochs = {epochs}
patience = {epochs}
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "backend, space, epochs", [("tensorflow", "cnn", 250), ("jax", "mlp", 2500)]
)
def test_ten_kills_cost_what_was_not_kept_yet(
    started, harness, tmp_path, toll, backend, space, epochs
):
    """A training of minutes, and every half a minute its worker or its driver is killed."""
    minutes, rng = 0.1, random.Random(backend)
    question, folder, quiet = tmp_path / "long.toml", tmp_path / "long", tmp_path / "quiet" / "long"
    fields = {"minutes": minutes, "epochs": epochs, "backend": backend, "space": space}
    question.write_text(LONG.format(**fields))
    calm = harness(*run_words(question, quiet.parent), timeout=3000)
    assert calm.returncode == 0, calm.stdout + calm.stderr
    expected = read_journal(quiet).results[-1]
    state, kills, lost = state_path(folder, "digits", space, "confirm", 0), 0, []
    words = run_words(question, tmp_path)
    driver, since = started(*words), 0.0
    while kills < 10:
        # Behind a state that is new, at any moment until the next one.
        assert until(lambda since=since: _kept_at(state) > since, driver, 600), "it ended"
        time.sleep(rng.uniform(0, 60 * minutes))
        since = _kept_at(state)
        lost.append(time.time() - since)
        if kills % 2:
            driver.kill()
            driver.wait()
            driver = started(*words)
        else:
            (worker,) = workers_of(driver)
            worker.kill()
        kills += 1
    output, _ = driver.communicate(timeout=3000)
    assert driver.returncode == 0, output
    assert results(folder) == results(quiet)
    assert files(folder) == files(quiet)
    found = read_journal(folder).results[-1]
    longest = expected.cost.train_seconds / epochs
    print(
        f"{backend}: {expected.cost.seconds:.0f} s undisturbed, {found.cost.seconds:.0f} s with",
        f"10 kills; lost {sum(lost):.0f} s, at most {max(lost):.1f} s; {longest:.2f} s an epoch",
    )
    assert max(lost) < 60 * minutes + 10 * longest, "what was not kept, and some of an epoch"
    toll("training cut off by a kill of its driver or worker", kills)


def _kept_at(state):
    """When a state was kept last; 0 if none was."""
    return state.stat().st_mtime if state.exists() else 0.0
