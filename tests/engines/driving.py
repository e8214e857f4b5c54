"""What tests of engines do with one, as the driver does."""

import time

import psutil

from harness.engines.engine import Done, Limits, Told


def ready(it, count, seconds=300):
    """Waits until so many jobs would start at once."""
    deadline = time.monotonic() + seconds
    while it.free() < count:
        assert time.monotonic() < deadline
        assert it.poll(0.1) == []


def until_done(it, count=1, seconds=300):
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
