"""MLflow's server, down or out of its mind: the sweep is the same, `harness sync` catches up."""

import functools
import os
import random
import socket
import threading
import time
from collections import Counter

import pytest

from harness.journal.read import read_journal
from harness.spec import HarnessError
from harness.tracking import Tracker, sync
from harness.tracking.client import open_client
from tests.faults.stores import answer, mlflow_server
from tests.faults.sweeps import same
from tests.synthetic import write_journal
from tests.tracking.test_tracking import keep_model

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

QUICK = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
PAGE = "<html><body>Sign in</body></html>"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One server for all tests: its start takes seconds."""
    with mlflow_server(tmp_path_factory.mktemp("store")) as served:
        yield served


@pytest.fixture(autouse=True)
def sane(store, monkeypatch):
    """Spoils no answer of a later test; nobody waits long before he asks again."""
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    yield
    store.fault = None


def hurried(seconds):
    """Has a driver wait less long for MLflow; to be called in the driver."""
    from harness.driver import loop

    loop._GRACE_SECONDS = seconds


def run_words(question, output, uri):
    return ("run", question, "--workers", 1, "--output", output, "--tracking", uri)


def caught_up(store, folder):
    """Whether `harness sync` writes all runs of a sweep once; a second one has nothing to do."""
    began = time.monotonic()
    store.fault = None
    sync(folder, store.uri)
    seconds = time.monotonic() - began
    assert sync(folder, store.uri) == 0
    whole(store, folder)
    return seconds


def whole(store, folder):
    """Whether the store holds a run for each trial, each cell and the sweep, all of them ended."""
    record = read_journal(folder)
    runs = store.runs(record.id)
    assert len(runs) == 1 + len(record.cells) + len(record.results)
    assert set(Counter(run.data.tags["harness.key"] for run in runs).values()) == {1}
    assert {run.info.status for run in runs} <= {"FINISHED", "FAILED"}
    assert all("harness.digest" in run.data.tags for run in runs)


def undisturbed(run, folder, quiet):
    """Whether a sweep ended like one without MLflow."""
    assert run.code == 0, run.out + run.err
    assert not run.err
    assert "Traceback" not in run.out
    (folder / ".tracking.lock").unlink(missing_ok=True)
    same(folder, quiet)


def warned(run, folder, uri):
    """Whether one line says what is missing and what to do, and it is the last."""
    lines = [line for line in run.out.splitlines() if "MLflow" in line]
    assert lines == run.out.splitlines()[-1:], run.out
    assert lines[0].endswith(
        f"; nothing is lost, write it with: harness sync {folder} --tracking {uri}"
    )


FAULTS = {
    "500": lambda *_: answer("500 Internal Server Error", "{}"),
    "503": lambda *_: answer("503 Service Unavailable", PAGE, "text/html"),
    "sign in": lambda *_: answer("401 Unauthorized", PAGE, "text/html"),
    "a page": lambda *_: answer("200 OK", PAGE, "text/html"),
    "other JSON": lambda *_: answer("200 OK", '["nothing", {"of": "that"}]'),
    "half an answer": lambda *_: answer("200 OK", '{"experiments": []}')[:-9],
    "hung up": lambda *_: b"",
    "no HTTP": lambda *_: b"\0\xff" * 100 + b"\r\n\r\n",
}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=pytest.mark.long) for name in FAULTS],
)
def test_a_server_that_answers_nonsense(forks, calm, store, tmp_path, toll, fault):
    question, quiet = calm()
    store.fault = FAULTS[fault]
    run = forks.run(
        *run_words(question, tmp_path, store.uri), fate=functools.partial(hurried, 10), **QUICK
    )
    warned(run, tmp_path / "fake", store.uri)
    toll("MLflow answers nonsense", seconds=caught_up(store, tmp_path / "fake"))
    undisturbed(run, tmp_path / "fake", quiet)


def test_no_server(forks, calm, store, tmp_path, toll):
    question, quiet = calm()
    with socket.socket() as probe:  # taken, and nobody listens
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}"
        run = forks.run(
            *run_words(question, tmp_path, uri), fate=functools.partial(hurried, 10), **QUICK
        )
    warned(run, tmp_path / "fake", uri)
    toll("MLflow is down", seconds=caught_up(store, tmp_path / "fake"))
    undisturbed(run, tmp_path / "fake", quiet)


@pytest.mark.parametrize("seconds", [600, pytest.param(10, marks=pytest.mark.long)])
def test_a_server_that_answers_slowly_or_never(forks, calm, store, tmp_path, toll, seconds):
    """The sweep waits as long as it was told to and no longer."""
    question, quiet = calm()
    over = threading.Event()

    def late(*_):
        over.wait(seconds)

    store.fault = late
    run = forks.run(
        *run_words(question, tmp_path, store.uri), fate=functools.partial(hurried, 2), **QUICK
    )
    warned(run, tmp_path / "fake", store.uri)
    assert "(not done after 2 s)" in run.out
    over.set()
    toll("MLflow is slow", seconds=caught_up(store, tmp_path / "fake"))
    undisturbed(run, tmp_path / "fake", quiet)


def test_a_server_that_comes_back_is_told_all(store, tmp_path, toll):
    """Nobody has to do anything."""
    folder = tmp_path / "quick"
    write_journal(folder, tasks=("back",), trials=2, seeds=(0,))
    begin = len(store.asked)
    store.fault = lambda number, *_: b"" if number - begin > 9 else None
    tracker = Tracker(folder, store.uri)
    while len(store.asked) - begin < 12:
        time.sleep(0.02)
    store.fault = None
    began = time.monotonic()
    assert tracker.close(timeout=120) is None
    whole(store, folder)
    toll("MLflow is down for a while", seconds=time.monotonic() - began)


@pytest.mark.long
@pytest.mark.parametrize("first", [1, 2, 5, 8, 40, 90, 150])
def test_a_server_that_is_down_for_a_while(forks, calm, store, tmp_path, toll, first):
    """Unless that is when the sweep ends, nobody has to do anything."""
    question, quiet = calm()
    folder, begin = tmp_path / "fake", len(store.asked)
    store.fault = lambda number, *_: b"" if first <= number - begin < first + 4 else None
    run = forks.run(*run_words(question, tmp_path, store.uri), FAKE_SECONDS="0.5", **QUICK)
    if "MLflow" in run.out:
        warned(run, folder, store.uri)
        toll("MLflow is down for a while", seconds=caught_up(store, folder))
    else:
        whole(store, folder)
        toll("MLflow is down for a while")
    undisturbed(run, folder, quiet)


def lost(status):
    """What is asked for is done, and the answer lost."""

    def fault(_number, _path, obey):
        obey()
        return b"" if status is None else answer(status, "{}")

    return fault


def attempts(folder, uri, most):
    """The refusals of `sync`, repeated until there is none."""
    for _ in range(most):
        try:
            sync(folder, uri)
        except HarnessError as refusal:
            yield refusal
        else:
            return


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 40))]
)
def test_answers_get_lost_at_random(store, tmp_path, toll, seed):
    """Whatever arrived nevertheless is not made twice, although MLflow's client asks again."""
    rng = random.Random(seed)
    folder = tmp_path / "quick"
    write_journal(folder, tasks=(f"lost-{seed}",), trials=2, seeds=(0,))
    keep_model(folder, "cnn")
    spoilt = [lost(None), lost("502 Bad Gateway"), FAULTS["500"], FAULTS["hung up"]]

    def fault(number, path, obey):
        return rng.choice(spoilt)(number, path, obey) if rng.random() < 0.2 else None

    store.fault = fault
    errors = [str(refusal) for refusal in attempts(folder, store.uri, 4)]
    assert not any("\n" in error for error in errors)
    toll("MLflow's answers get lost", len(errors) + 1, seconds=caught_up(store, folder))
    (version,) = open_client(store.uri).search_model_versions(f"name='lost-{seed}'")
    (experiment,) = {run.info.experiment_id for run in store.runs(read_journal(folder).id)} - {
        open_client(store.uri).get_experiment_by_name("sweeps").experiment_id
    }
    (model,) = open_client(store.uri).search_logged_models([experiment])
    assert version.source == f"models:/{model.model_id}"


def test_what_a_lost_answer_made_is_gone_at_once(store, tmp_path):
    """Without an error, as the client asks again by itself, nobody would `sync` another time."""
    folder = tmp_path / "quick"
    write_journal(folder, tasks=("twins",), trials=1, seeds=(0,))
    keep_model(folder, "cnn")
    made = Counter()

    def fault(number, path, obey):
        made[path] += 1
        if path.endswith(("/runs/create", "/model-versions/create", "/logged-models")):
            return lost(None)(number, path, obey) if made[path] % 2 else None
        return None

    store.fault = fault
    sync(folder, store.uri)
    store.fault = None
    assert any(path.endswith("/model-versions/create") for path in made)
    whole(store, folder)
    (version,) = open_client(store.uri).search_model_versions("name='twins'")
    experiment = open_client(store.uri).get_experiment_by_name("twins").experiment_id
    (model,) = open_client(store.uri).search_logged_models([experiment])
    assert version.source == f"models:/{model.model_id}"
