"""What is the local engine's own: devices of this machine, and a system that has no room left."""

import errno
import os
import subprocess
import threading
import time
from contextlib import contextmanager

import psutil
import pytest

from harness.engines.engine import Done, Limits
from harness.engines.local import pool
from harness.engines.local.pool import LocalEngine
from harness.spec import HarnessError
from harness.trial import Failure
from tests.engines import jobs
from tests.engines.driving import answer, until_done

posix = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals or /proc")


@contextmanager
def engine(workers=1, environment=(), **options):
    it = LocalEngine(jobs.run, workers, dict(environment), **options)
    try:
        yield it
    finally:
        it.close(kill=True)


def test_devices_go_round():
    with engine(workers=3, devices=("4", "5")) as it:
        for number in range(3):
            it.submit(f"{number}", ("environment", "CUDA_VISIBLE_DEVICES"), Limits())
        values = [event.value[1]["CUDA_VISIBLE_DEVICES"] for event in until_done(it, 3)]
    assert sorted(values) == ["4", "4", "5"]


def test_workers_share_the_memory_of_a_device_and_one_alone_has_all(monkeypatch):
    names = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_PREALLOCATE", "HARNESS_DEVICE_FRACTION")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with engine(workers=2, devices=("4",)) as it:
        for number in range(2):
            it.submit(f"{number}", ("environment", *names), Limits())
        for event in until_done(it, 2):
            assert [*event.value[1].values()] == ["0.450", "false", "0.450"]
        before = answer(it, "pid")[1].value
        done = answer(it, "environment", *names, limits=Limits(alone=True))[1]
        assert [*done.value[1].values()] == [None, None, None]
        assert done.worker is None, "the next job has another worker"
        assert answer(it, "environment", *names)[1].value[1][names[0]] == "0.450"
        assert answer(it, "pid")[1].value != before


NO_MEMORY = OSError(errno.ENOMEM, "Cannot allocate memory")
NO_THREAD = RuntimeError("can't start new thread")
no_room = pytest.mark.parametrize(
    ("owner", "name", "error"),
    [(subprocess, "Popen", NO_MEMORY), (threading.Thread, "start", NO_THREAD)],
    ids=["process", "thread"],
)
"""What the system may have no room for when a worker is started."""


@pytest.fixture
def refuse(monkeypatch):
    """Lets a call fail that has been made a number of times; returns the list of its failures."""

    def patch(owner, name, error, after=0):
        failures, call, left = [], getattr(owner, name), iter(range(after))

        def refusing(*args, **options):
            if next(left, None) is not None:
                return call(*args, **options)
            failures.append(error)
            raise error

        monkeypatch.setattr(owner, name, refusing)
        return failures

    return patch


@no_room
@pytest.mark.parametrize("after", [0, 2])
def test_workers_that_cannot_all_be_started_are_refused(refuse, owner, name, error, after):
    before = set(psutil.Process().children(recursive=True))
    refuse(owner, name, error, after)
    with pytest.raises(HarnessError) as raised:
        LocalEngine(jobs.run, 3, {})
    assert str(raised.value) == (
        f"{after} of 3 worker processes could be started ({type(error).__name__}: {error}); "
        "--workers N asks for fewer"
    )
    assert set(psutil.Process().children(recursive=True)) <= before


@no_room
def test_a_worker_that_cannot_be_replaced_costs_its_job_alone(
    refuse, monkeypatch, owner, name, error
):
    monkeypatch.setattr(pool, "PATIENCE_SECONDS", 0.5)
    with engine() as it:
        answer(it, "echo", 1)
        failures = refuse(owner, name, error)
        _, done = answer(it, "exit_at_once", 3)
        assert done.failure.message == "the worker process ended with exit code 3"
        began = time.monotonic()
        _, done = answer(it, "echo", 1)
        assert time.monotonic() - began > 0.4
        assert 2 < len(failures) < 20, "tried again, after pauses"
        assert done.failure.kind == "infrastructure"
        said = f"no worker process could be started: {type(error).__name__}: {error}"
        assert done.failure.message == said
        monkeypatch.undo()
        assert answer(it, "echo", 1)[1] == Done("job", value=1)


def test_a_job_waits_until_a_worker_can_be_started_or_is_idle(refuse, monkeypatch):
    with engine(workers=2) as it:
        for job_id in "ab":  # one for each worker
            it.submit(job_id, ("echo", 1), Limits())
        until_done(it, 2)
        failures = refuse(subprocess, "Popen", NO_MEMORY)
        it.submit("long", ("work", 3), Limits())
        it.submit("job", ("exit_at_once", 3), Limits())
        assert until_done(it)[-1].job_id == "job"
        it.submit("job", ("echo", 1), Limits())
        ends = [event.job_id for event in until_done(it, 2) if isinstance(event, Done)]
        assert ends == ["long", "job"]
        assert len(failures) > 2
        answer(it, "exit_at_once", 3)
        it.submit("job", ("echo", 1), Limits())
        assert it.poll(0.3) == []
        monkeypatch.undo()
        assert until_done(it) == [Done("job", value=1)]


def test_a_job_waits_while_the_only_worker_dies_after_its_last_word():
    with engine() as it:
        answer(it, "echo", 1)
        worker = it._workers[0]
        worker.doom = Failure("timeout", "its value and its limit came together")
        it.submit("job", ("echo", 1), Limits())
        assert it.poll(0.5) == []
        worker.kill(worker.doom)
        assert until_done(it) == [Done("job", value=1)]


@pytest.mark.parametrize("kill", [True, False])
def test_close_does_not_wait_for_workers_that_cannot_be_started(refuse, monkeypatch, kill):
    monkeypatch.setattr(pool, "PATIENCE_SECONDS", 60 if kill else 0.5)
    with engine() as it:
        answer(it, "echo", 1)
        refuse(subprocess, "Popen", NO_MEMORY)
        answer(it, "exit_at_once", 3)
        it.submit("job", ("echo", 1), Limits())
        assert it.poll(0.2) == []
        it.close(kill=kill)
        (done,) = it.poll(0)
        assert done.failure.kind == ("interrupted" if kill else "infrastructure")


def test_close_with_kill_leaves_nothing_behind():
    before = set(psutil.Process().children(recursive=True))
    it = LocalEngine(jobs.run, 2, {})
    it.submit("a", ("work", 60), Limits())
    assert it.poll(20)
    it.close(kill=True)
    assert set(psutil.Process().children(recursive=True)) <= before
