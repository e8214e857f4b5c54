"""A worker's loop: what it is told and what it tells, in this process between two files."""

import faulthandler
import io
import os
import pickle
import signal
import sys
import threading
from types import SimpleNamespace

import pytest

from harness.engines.local import worker
from harness.trial import Failure
from tests.engines.local import test_process_state

pytest.importorskip("resource")
BEGUN = []


def run(job, tell):
    """What jobs of these tests do: a name, and what goes with it."""
    name, value = job
    if name == "change":
        os.environ["LEFT_BY_A_JOB"] = value
    if name == "tell":
        tell({"epoch": value})
    if name == "raise":
        raise ArithmeticError(value)
    if name == "leave":
        sys.exit(value)
    if name == "record":
        return SimpleNamespace(failure=Failure(value, "recorded"))
    return os.environ.get("LEFT_BY_A_JOB"), signal.getsignal(signal.SIGINT), len(BEGUN)


def begin():
    BEGUN.append(True)


def fail():
    raise ImportError("no such framework")


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Has a worker do jobs until its pipe ends with nothing; what it told, and which process it
    would have killed at the end of the pipe."""
    killed, ended, opened = [], threading.Event(), []
    fdopen = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *told: opened.append(fdopen(*told)) or opened[-1])
    monkeypatch.setattr(worker, "_watch_parent", lambda *_: None)
    monkeypatch.setattr(worker, "kill_tree", lambda pid, mark: (killed.append(pid), ended.set()))
    monkeypatch.setattr(faulthandler, "enable", lambda: None)
    monkeypatch.delenv("LEFT_BY_A_JOB", raising=False)
    BEGUN.clear()

    def ask(initialize, *jobs):
        frames = [(run, initialize), *((n, pickle.dumps(job)) for n, job in enumerate(jobs))]
        given, told = tmp_path / "given", tmp_path / "told"
        given.write_bytes(b"".join(pickle.dumps(pickle.dumps(f)) for f in frames)
                          + pickle.dumps(b""))  # fmt: skip
        handler, stdin = signal.getsignal(signal.SIGINT), os.dup(0)
        with test_process_state.worker(tmp_path):
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
            try:
                with given.open("rb") as jobs_in, told.open("wb") as events_out:
                    os.dup2(jobs_in.fileno(), 0)
                    os.dup2(events_out.fileno(), 1)
                with pytest.raises(EOFError):
                    worker.main()
            finally:
                os.dup2(stdin, 0)
                os.close(stdin)
                signal.signal(signal.SIGINT, handler)
        assert ended.wait(10)
        for pipe in opened:
            pipe.close()
        assert killed == [os.getpid()]
        events = []
        with told.open("rb") as file:
            while file.peek(1):
                kind, number, content = pickle.load(file)  # noqa: S301 - of this test
                value = pickle.loads(content) if content else None  # noqa: S301 - likewise
                events.append((number, kind, value))
        return events

    return ask


def test_each_job_is_begun_told_of_and_answered(answers):
    events = answers(begin, ("tell", 3), ("raise", "broken"), ("leave", 7), ("look", None))
    assert [(number, kind) for number, kind, _ in events] == [
        (0, "started"), (0, "told"), (0, "value"), (1, "started"), (1, "failed"), (2, "started"),
        (2, "failed"), (3, "started"), (3, "value"),
    ]  # fmt: skip
    told, failure, left = events[1][2], events[4][2], events[6][2]
    assert told == {"epoch": 3}
    assert failure.kind == "code"
    assert failure.message.startswith("ArithmeticError: broken (test_worker.py:")
    assert "ArithmeticError" in failure.traceback
    assert "SystemExit" in left.message
    assert events[8][2] == (None, signal.SIG_IGN, 1), "an interrupt is the driver's to act on"


def test_a_job_finds_the_process_as_it_was(answers):
    events = answers(None, ("change", "here"), ("look", None))
    found = [content[0] for _, kind, content in events if kind == "value"]
    assert found == ["here", None]


def test_a_worker_that_cannot_begin_answers_every_job_with_why(answers):
    events = answers(fail, ("look", None), ("look", None))
    assert [kind for _, kind, _ in events] == ["started", "spent", "failed"] * 2
    for failure in (events[2][2], events[5][2]):
        assert failure.kind == "infrastructure"
        said = "the worker process could not start: ImportError: no such framework"
        assert failure.message.startswith(said)


@pytest.mark.parametrize("kind, spent", [("device_memory", True), ("diverged", False)])
def test_a_worker_says_before_its_answer_that_it_is_spent(answers, kind, spent):
    events = answers(None, ("record", kind))
    assert [kind for _, kind, _ in events] == ["started", *(["spent"] if spent else []), "value"]


def test_a_worker_whose_limits_cannot_be_brought_back_is_spent(answers, monkeypatch):
    monkeypatch.setattr(worker.Surroundings, "restore", lambda self: False)
    assert [kind for _, kind, _ in answers(None, ("look", None))] == ["started", "spent", "value"]
