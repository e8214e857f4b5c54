"""Workers that misbehave, one way after the other: each costs its own job and nothing else."""

import os
import time

import psutil
import pytest

from harness.engines.engine import Done, Limits, Told
from harness.engines.local.pool import LocalEngine
from harness.failure import MESSAGE, TRACEBACK
from tests.engines.driving import answer, until_done, vanished
from tests.faults import jobs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("engine") / "workers.log"


@pytest.fixture(scope="module")
def engine(log):
    """One worker, which must go on or be replaced whatever a job does."""
    it = LocalEngine(jobs.run, 1, {}, log=log)
    yield it
    it.close(kill=True)


@pytest.fixture
def costs_itself_alone(engine, toll):
    """Runs a job, then one that must find a worker in order; returns the end of the first."""

    def run(fault, *job, limits=Limits()):  # noqa: B008 - frozen
        fault = f"worker: {fault}"
        progress, done = answer(engine, *job, limits=limits)
        began = time.monotonic()
        assert answer(engine, "echo", fault)[1] == Done("job", value=fault)
        toll(fault, seconds=time.monotonic() - began)
        return progress, done

    return run


@pytest.mark.parametrize("kind", ["timeout", "crash"])
def test_a_daemon_of_a_job_does_not_outlive_its_worker(costs_itself_alone, kind):
    """It has left parent, group and session, and ignores SIGTERM."""
    if kind == "timeout":
        fault, limits = "hang that refuses SIGTERM, with children and a daemon", Limits(seconds=2)
        progress, done = costs_itself_alone(fault, "hang", limits=limits)
        assert done.failure.kind == "timeout"
    else:
        progress, done = costs_itself_alone("segfault that leaves a daemon", "segfault_with_daemon")
        assert done.failure.message == "the worker process was killed by SIGSEGV"
    assert vanished(*progress[0]["pids"])


def test_a_daemon_of_a_job_that_went_well_ends_with_the_engine():
    it = LocalEngine(jobs.run, 1, {})
    (info,), done = answer(it, "daemon")
    assert psutil.pid_exists(done.value)
    it.close()
    assert vanished(*info["pids"])


def test_a_slow_leak_ends_at_the_limit(costs_itself_alone):
    _, done = costs_itself_alone("slow leak", "leak", 2, limits=Limits(memory_gb=0.2))
    assert done.failure.kind == "memory"
    assert done.failure.message.endswith("the limit is 0.2 GB")
    used = float(done.failure.message.split()[2])
    assert 0.2 <= used < 0.4  # two decimals are shown


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.long)])
def test_a_flood_of_prints_is_cut_while_it_comes(tmp_path, toll, rounds):
    log, limit, megabytes = tmp_path / "workers.log", 1_000_000, 20
    log.write_text("of an earlier run\n" * 100_000)
    it = LocalEngine(jobs.run, 1, {}, log=log, log_bytes=limit)
    try:
        _, done = answer(it, "flood", rounds, megabytes, limit)
        assert done.failure is None, done.failure
        assert done.value <= megabytes * 1_000_000 + 2 * limit
        answer(it, "speak", "afterwards")
    finally:
        it.close()
    text = log.read_text()
    assert len(text) <= limit + 200
    assert "bytes left out" in text
    assert f"the last word of round {rounds - 1}" in text
    assert text.count("afterwards") == 3
    toll("worker floods its output", rounds)


@pytest.mark.parametrize("how", ["streams", "descriptors", "none"])
def test_a_job_that_closes_its_output_has_a_value_and_the_next_one_is_heard(
    costs_itself_alone, engine, log, how
):
    _, done = costs_itself_alone("output closed", "close_output", how)
    assert done.value == "quiet"
    answer(engine, "speak", f"heard-{how}")
    assert log.read_text().count(f"heard-{how}") == 3


@pytest.mark.parametrize("way", ["sys.exit", "os._exit"])
def test_leaving_is_a_failure_even_with_exit_code_zero(costs_itself_alone, way):
    _, done = costs_itself_alone(way, "leave_at_once", way)
    expected = {
        "sys.exit": ("code", "SystemExit: 0"),
        "os._exit": ("infrastructure", "the worker process ended with exit code 0"),
    }
    kind, message = expected[way]
    assert done.failure.kind == kind
    assert done.failure.message.startswith(message)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("base", "Stubborn: not an Exception"),
        ("speechless", "Speechless: its text cannot be had (RuntimeError)"),
        ("long", "ValueError: xxx"),
        ("lines", "ValueError: first"),
        ("controls", "ValueError: ared � � �"),
        ("surrogates", "ValueError: half � of a pair"),
        ("markup", "ValueError: [red]x[/red] <script> =1+1 | `code`"),
        ("empty", "ValueError"),
        ("deep", "ValueError: 1999 yyy"),
        ("circle", "OSError: one"),
    ],
)
def test_strange_exceptions_are_recorded(costs_itself_alone, kind, message):
    _, done = costs_itself_alone(f"exception: {kind}", "stop_strangely", kind)
    failure = done.failure
    assert failure.kind == "code"
    assert failure.message.startswith(message)
    assert failure.message.isprintable()
    assert len(failure.message) <= MESSAGE + 50
    assert len(failure.traceback) <= TRACEBACK + 50
    assert "in stop_strangely" in failure.traceback
    failure.traceback.encode()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit("enough"), GeneratorExit()])
def test_exceptions_that_mean_to_stop_stop_the_job_alone(costs_itself_alone, engine, error):
    before = answer(engine, "surroundings")[1].value
    _, done = costs_itself_alone("exception: " + type(error).__name__, "stop", error)
    assert done.failure.message.startswith(type(error).__name__)
    assert answer(engine, "surroundings")[1].value == before


def test_the_next_job_finds_everything_as_it_was(costs_itself_alone, engine, tmp_path):
    before = answer(engine, "surroundings")[1].value
    costs_itself_alone("process state changed", "spoil", str(tmp_path))
    assert answer(engine, "surroundings", 0.5)[1].value == before, "an alarm may have come"


def test_a_worker_that_cannot_be_as_it_was_is_replaced(costs_itself_alone, engine):
    before = answer(engine, "surroundings")[1].value
    _, done = costs_itself_alone("hard limit lowered", "lower_for_good")
    assert done.failure is None
    after = answer(engine, "surroundings")[1].value
    assert after["pid"] != before["pid"]
    assert after["limits"] == before["limits"]


def test_what_a_job_leaves_running_is_not_heard_in_the_next(costs_itself_alone, engine):
    costs_itself_alone("thread left behind", "leave_thread", 1.0)
    engine.submit("next", ("surroundings", 0.5), Limits())
    events = until_done(engine)
    assert not any(isinstance(event, Told) for event in events)
    costs_itself_alone("garbage left behind", "leave_garbage")
