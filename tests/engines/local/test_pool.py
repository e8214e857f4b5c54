"""The local engine keeps its promises whatever jobs do to their workers."""

import errno
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.engines.engine import Done, Limits, Told
from harness.engines.local import pool
from harness.engines.local.pool import LocalEngine
from harness.spec import HarnessError
from harness.trial import Failure
from tests.engines.local import jobs

posix = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals or /proc")


@contextmanager
def engine(workers=1, environment=(), **options):
    it = LocalEngine(jobs.run, workers, dict(environment), **options)
    try:
        yield it
    finally:
        it.close(kill=True)


@pytest.fixture(scope="module")
def shared():
    """One worker for jobs that leave it in order, or that it must recover from."""
    with engine() as it:
        yield it


def until_done(it, count=1, seconds=30):
    """Polls until `count` jobs are done and returns all events."""
    events, deadline = [], time.monotonic() + seconds
    while sum(isinstance(event, Done) for event in events) < count:
        assert time.monotonic() < deadline, events
        events += it.poll(1)
    return events


def answer(it, *job, limits=Limits()):  # noqa: B008 - frozen
    """The events of one job, the last of which must be its only `Done`."""
    it.submit("job", job, limits)
    *progress, done = until_done(it)
    assert all(event.job_id == "job" for event in (*progress, done))
    assert all(isinstance(event, Told) for event in progress)
    return [event.info for event in progress], done


def vanished(*pids, seconds=10):
    """Whether processes end within a time; zombies, waiting for their parent, have ended."""
    deadline = time.monotonic() + seconds
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(_alive(pid) for pid in pids)


def _alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_value_and_free_workers(shared):
    assert shared.free() == 1
    shared.submit("a", ("echo", {"x": [1, 2]}), Limits())
    assert shared.free() == 0
    with pytest.raises(RuntimeError, match="no worker is free"):
        shared.submit("b", ("echo", 1), Limits())
    assert until_done(shared) == [Done("a", value={"x": [1, 2]})]
    assert shared.free() == 1
    assert shared.poll(0) == []


def test_a_job_goes_to_the_worker_that_it_asks_for():
    with engine(workers=2) as it:
        it.submit("a", ("pid",), Limits())
        it.submit("b", ("pid",), Limits())
        first = {event.worker: event.value for event in until_done(it, 2)}
        assert len(set(first.values())) == 2
        for worker, pid in [*first.items(), *reversed(first.items())]:
            it.submit("c", ("pid",), Limits(), worker=worker)
            (done,) = until_done(it)
            assert (done.worker, done.value) == (worker, pid)
        it.submit("d", ("pid",), Limits(), worker=10**6)
        assert until_done(it)[0].worker in first, "any other where there is none"


def test_exception_is_told_with_its_traceback_and_keeps_the_worker(shared):
    _, before = answer(shared, "pid")
    progress, done = answer(shared, "divide")
    assert progress == [{"epoch": 1}]
    assert done.failure.kind == "code"
    assert re.fullmatch(
        r"ZeroDivisionError: division by zero \(jobs\.py:\d+\)", done.failure.message
    )
    assert "in divide" in done.failure.traceback
    assert answer(shared, "pid")[1].value == before.value


@pytest.mark.parametrize(
    ("job", "kind", "message"),
    [
        (("lambda_value",), "code", "Can't"),
        (("unreadable_value",), "code", "ValueError: invalid literal"),
        (("run_out_of_memory",), "memory", "MemoryError"),
        (("exit_at_once", 3), "infrastructure", "the worker process ended with exit code 3"),
        (("echo", jobs.Unreadable()), "code", "ValueError: invalid literal"),
        (("echo", threading.Lock()), "code", "TypeError: cannot pickle"),
    ],
)
def test_failure_costs_that_job_alone(shared, job, kind, message):
    _, done = answer(shared, *job)
    assert done.failure.kind == kind
    assert message in done.failure.message
    assert answer(shared, "echo", 1)[1] == Done("job", value=1)


@posix
def test_crash_names_the_signal(shared):
    _, done = answer(shared, "segfault")
    assert done.failure.kind == "infrastructure"
    assert done.failure.message == "the worker process was killed by SIGSEGV"


@pytest.mark.skipif(sys.platform != "linux", reason="finds the pipe in /proc")
def test_death_in_the_middle_of_a_message(shared):
    _, done = answer(shared, "die_in_message")
    assert "killed by SIGKILL" in done.failure.message
    assert answer(shared, "echo", 1)[1] == Done("job", value=1)


def test_progress_before_a_crash_is_not_lost(shared):
    progress, _ = answer(shared, "exit_at_once", 1)
    assert progress == [{"epoch": 1}]


@posix
def test_time_limit_kills_a_job_that_refuses_with_its_children(shared):
    answer(shared, "echo", 1)
    progress, done = answer(shared, "hang", limits=Limits(seconds=1.5))
    assert done.failure.kind == "timeout"
    assert "the limit is 1.5 s" in done.failure.message
    assert vanished(*progress[0]["pids"])
    assert answer(shared, "echo", 1)[1] == Done("job", value=1)


def test_time_limit_holds_while_the_driver_is_elsewhere(shared):
    shared.submit("job", ("work", 60), Limits(seconds=1))
    info = next(event for event in shared.poll(10) if isinstance(event, Told)).info
    assert vanished(info["pid"])
    assert until_done(shared)[-1].failure.kind == "timeout"


def test_time_limit_leaves_out_the_start_of_the_worker():
    with engine(initialize=_sleep_one_second) as it:
        assert answer(it, "echo", 1, limits=Limits(seconds=0.9))[1].value == 1


def _sleep_one_second():
    time.sleep(1)


def test_memory_limit(shared):
    _, done = answer(shared, "eat_memory", limits=Limits(memory_gb=0.2))
    assert done.failure.kind == "memory"
    assert done.failure.message.endswith("GB of memory; the limit is 0.2 GB")


@posix
def test_child_that_outlives_its_worker_is_killed(shared):
    progress, done = answer(shared, "leave_child", 5)
    assert done.failure.message == "the worker process ended with exit code 5"
    assert vanished(*progress[0]["pids"])


@posix
def test_forked_child_that_returns_is_not_taken_for_the_worker(shared):
    assert answer(shared, "return_from_fork")[1].value == "parent"


def test_flood_of_events_arrives_whole_and_in_order(shared):
    shared.submit("job", ("flood", 20_000), Limits())
    time.sleep(0.5)
    *progress, done = until_done(shared)
    assert [event.info["number"] for event in progress] == list(range(20_000))
    assert done.value == 20_000


def test_prints_end_in_the_log(tmp_path, capfd):
    log = tmp_path / "workers.log"
    with engine(log=log) as it:
        assert answer(it, "print_much", 20_000)[1].value == 20_000
    text = log.read_text()
    assert "line 19999" in text
    assert "from a subprocess" in text
    assert "to stderr" in text
    assert capfd.readouterr() == ("", "")


def test_recycles_after_some_jobs():
    with engine(recycle_jobs=2) as it:
        ends = [answer(it, "pid")[1] for _ in range(4)]
    pids = [done.value for done in ends]
    assert [done.worker is None for done in ends] == [False, True, False, True]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_recycles_a_worker_that_grew():
    with engine(recycle_mb=200) as it:
        small, large, fresh = (answer(it, "grow", mb)[1].value for mb in (1, 250, 1))
    assert small == large != fresh


@pytest.mark.parametrize("kind", ["memory", "infrastructure", "code"])
@pytest.mark.parametrize("way", ["raised", "returned"])
def test_recycles_a_worker_that_memory_or_the_machine_failed(shared, kind, way):
    pids = []
    for _ in range(2):
        before = answer(shared, "pid")[1].value
        _, done = answer(shared, "fail_with_pid", kind, way)
        failure = done.failure or done.value.failure
        assert (failure.kind, str(before) in failure.message) == (kind, True)
        pids += [before, answer(shared, "pid")[1].value]
    assert len(set(pids)) == (1 if kind == "code" else 3)


def test_environment_is_set_before_anything_is_imported(monkeypatch):
    monkeypatch.setenv("HARNESS_TEST", "of the driver")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    chosen = {"HARNESS_TEST": "of the workers", "TF_NUM_INTEROP_THREADS": "9"}
    with engine(environment=chosen) as it:
        names = ("TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
        at_import, now = answer(it, "environment", *names)[1].value
    assert at_import == "of the workers"
    assert now["TF_NUM_INTEROP_THREADS"] == "9"
    assert now["TF_NUM_INTRAOP_THREADS"] == now["OMP_NUM_THREADS"]
    assert int(now["OMP_NUM_THREADS"]) >= 1
    assert os.environ["HARNESS_TEST"] == "of the driver"


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


def test_workers_run_side_by_side_and_one_death_leaves_the_other():
    with engine(workers=2) as it:
        it.submit("a", ("work", 60), Limits())
        it.submit("b", ("work", 60), Limits())
        pids = {}
        while len(pids) < 2:
            for event in it.poll(10):
                assert isinstance(event, Told)
                pids[event.job_id] = event.info["pid"]
        psutil.Process(pids["b"]).kill()
        (done,) = until_done(it)
        assert done.job_id == "b"
        assert psutil.pid_exists(pids["a"])
        it.submit("c", ("echo", 1), Limits())
        assert until_done(it) == [Done("c", value=1)]


@pytest.mark.parametrize("initialize", [jobs.fail_to_start, jobs.die_at_start])
def test_worker_that_cannot_start_answers_its_job(initialize):
    with engine(initialize=initialize) as it:
        for _ in range(2):
            _, done = answer(it, "echo", 1)
            assert done.failure.kind == "infrastructure"
    if initialize is jobs.fail_to_start:
        expected = "the worker process could not start: ImportError: no such framework"
        assert re.fullmatch(rf"{expected} \(jobs\.py:\d+\)", done.failure.message)
    else:
        assert done.failure.message == "the worker process ended with exit code 7"


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


def test_close_waits_for_running_jobs():
    it = LocalEngine(jobs.run, 1, {})
    it.submit("a", ("work", 0.5), Limits())
    it.close()
    assert until_done(it)[-1].failure is None
    assert it.free() == 0
    with pytest.raises(RuntimeError):
        it.submit("b", ("echo", 1), Limits())


def test_close_with_kill_leaves_nothing_behind():
    before = set(psutil.Process().children(recursive=True))
    it = LocalEngine(jobs.run, 2, {})
    it.submit("a", ("work", 60), Limits())
    (progress,) = it.poll(20)
    it.close(kill=True)
    it.close(kill=True)
    (done,) = it.poll(0)
    assert done.failure.kind == "interrupted"
    assert vanished(progress.info["pid"], seconds=0)
    assert set(psutil.Process().children(recursive=True)) <= before


@posix
def test_interrupted_close_can_be_followed_by_a_kill():
    it = LocalEngine(jobs.run, 1, {})
    it.submit("a", ("work", 60), Limits())
    it.poll(20)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        it.close()
    it.close(kill=True)
    assert it.poll(0)[-1].failure.kind == "interrupted"


DRIVER = """
import os, sys, time
from harness.engines import Limits
from harness.engines.local import LocalEngine
from tests import engine_jobs
engine = LocalEngine(engine_jobs.run, 3, {})
engine.submit("a", ("spin",), Limits())
engine.submit("b", ("hang",), Limits())
pids = []
while len(pids) < 3:
    for event in engine.poll(1):
        pids += event.info.get("pids", [event.info.get("pid")])
print(*pids, flush=True)
time.sleep(60)
"""


@posix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_do_not_outlive_the_driver(how):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
    )
    with driver:
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        family = psutil.Process(driver.pid).children(recursive=True)
        assert {process.pid for process in family} >= set(pids)
        driver.send_signal(how)
        driver.wait(20)
        assert vanished(*(process.pid for process in family))


def test_bad_arguments():
    with pytest.raises(HarnessError, match="workers is 0"):
        LocalEngine(jobs.run, 0, {})
    with pytest.raises((pickle.PicklingError, AttributeError)):
        LocalEngine(lambda job, report: job, 1, {})
