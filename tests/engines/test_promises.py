"""Every engine keeps its promises whatever jobs do to their workers."""

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
from harness.engines.local.pool import LocalEngine
from harness.spec import HarnessError
from tests.engines import jobs
from tests.engines.clusters import started
from tests.engines.driving import answer, ready, until_done, vanished

posix = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals or /proc")
ROOT = Path(__file__).parents[2]


@contextmanager
def on_this_machine():
    """Makes local engines, and says in Python how another process makes one."""
    yield (
        LocalEngine,
        (
            "from contextlib import nullcontext as connection\n"
            "from harness.engines.local.pool import LocalEngine as Engine"
        ),
    )


@contextmanager
def on_a_cluster():
    """Likewise on a Ray cluster, whose worker processes run on this machine."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from harness.engines.ray import connection
    from harness.engines.ray.pool import RayEngine

    with started() as address, connection.connected(address):
        yield (
            RayEngine,
            (
                "from harness.engines.ray.connection import connected\n"
                f"from functools import partial; connection = partial(connected, {address!r})\n"
                "from harness.engines.ray.pool import RayEngine as Engine"
            ),
        )


@pytest.fixture(scope="module", params=[on_this_machine, on_a_cluster])
def sort(request):
    with request.param() as found:
        yield found


@pytest.fixture(scope="module")
def engine(sort):
    """Makes an engine of tests' jobs for the length of a `with`."""

    @contextmanager
    def made(workers=1, environment=(), **options):
        it = sort[0](jobs.run, workers, dict(environment), **options)
        try:
            yield it
        finally:
            it.close(kill=True)

    return made


@pytest.fixture(scope="module")
def shared(engine):
    """One worker for jobs that leave it in order, or that it must recover from."""
    with engine() as it:
        yield it


def test_value_and_free_workers(shared):
    assert shared.free() == 1
    shared.submit("a", ("echo", {"x": [1, 2]}), Limits())
    assert shared.free() == 0
    with pytest.raises(RuntimeError, match="no worker is free"):
        shared.submit("b", ("echo", 1), Limits())
    assert until_done(shared) == [Done("a", value={"x": [1, 2]})]
    assert shared.free() == 1
    assert shared.poll(0) == []


def test_a_job_goes_to_the_worker_that_it_asks_for(engine):
    with engine(workers=2) as it:
        ready(it, 2)
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


def test_time_limit_leaves_out_the_start_of_the_worker(engine):
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


def test_prints_end_in_the_log(engine, tmp_path, capfd):
    log = tmp_path / "workers.log"
    with engine(log=log) as it:
        assert answer(it, "print_much", 20_000)[1].value == 20_000
    text = log.read_text()
    assert "line 19999" in text
    assert "from a subprocess" in text
    assert "to stderr" in text
    assert capfd.readouterr() == ("", "")


def test_recycles_after_some_jobs(engine):
    with engine(recycle_jobs=2) as it:
        ends = [answer(it, "pid")[1] for _ in range(4)]
    pids = [done.value for done in ends]
    assert [done.worker is None for done in ends] == [False, True, False, True]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_recycles_a_worker_that_grew(engine):
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


def test_environment_is_set_before_anything_is_imported(engine, monkeypatch):
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


def test_workers_run_side_by_side_and_one_death_leaves_the_other(engine):
    with engine(workers=2) as it:
        ready(it, 2)
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
def test_worker_that_cannot_start_answers_its_job(engine, initialize):
    with engine(initialize=initialize) as it:
        for _ in range(2):
            _, done = answer(it, "echo", 1)
            assert done.failure.kind == "infrastructure"
    if initialize is jobs.fail_to_start:
        expected = "the worker process could not start: ImportError: no such framework"
        assert re.fullmatch(rf"{expected} \(jobs\.py:\d+\)", done.failure.message)
    else:
        assert done.failure.message == "the worker process ended with exit code 7"


def test_close_waits_for_running_jobs(sort):
    it = sort[0](jobs.run, 1, {})
    it.submit("a", ("work", 0.5), Limits())
    it.close()
    assert until_done(it)[-1].failure is None
    assert it.free() == 0
    with pytest.raises(RuntimeError):
        it.submit("b", ("echo", 1), Limits())


@posix
def test_interrupted_close_can_be_followed_by_a_kill(sort):
    it = sort[0](jobs.run, 1, {})
    it.submit("a", ("work", 60), Limits())
    it.poll(20)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        it.close()
    it.close(kill=True)
    assert it.poll(0)[-1].failure.kind == "interrupted"


def test_close_with_kill_ends_what_runs(sort):
    it = sort[0](jobs.run, 1, {})
    it.submit("a", ("work", 60), Limits())
    (progress,) = it.poll(20)
    it.close(kill=True)
    it.close(kill=True)
    (done,) = it.poll(0)
    assert done.failure.kind == "interrupted"
    assert vanished(progress.info["pid"], seconds=0)


DRIVER = """
import time
from harness.engines.engine import Limits
from tests.engines import jobs
with connection():
    engine = Engine(jobs.run, 2, {})
    while engine.free() < 2:
        engine.poll(0.1)
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
def test_workers_do_not_outlive_the_driver(sort, how):
    driver = subprocess.Popen(
        [sys.executable, "-c", f"{sort[1]}\n{DRIVER}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with driver:
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        assert len(pids) == 3
        family = psutil.Process(driver.pid).children(recursive=True)
        driver.send_signal(how)
        driver.wait(20)
        assert vanished(*pids, *(process.pid for process in family))


def test_bad_arguments(sort):
    with pytest.raises(HarnessError, match="workers is 0"):
        sort[0](jobs.run, 0, {})
    with pytest.raises((pickle.PicklingError, AttributeError)):
        sort[0](lambda job, report: job, 1, {})
