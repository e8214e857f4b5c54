"""Jobs and what they tell cross a node pickled: those between need not be able to read them."""

import pickle
from types import SimpleNamespace

import pytest

from harness.engines.ray import own_code, packed
from harness.trial import Failure

BEGUN = []


def run(job, tell):
    tell({"epoch": job})
    return SimpleNamespace(value=2 * job, failure=Failure("memory", "no room") if job > 9 else None)


def begin():
    BEGUN.append(True)


@pytest.mark.parametrize("job, failure", [(3, None), (10, Failure("memory", "no room"))])
def test_a_value_and_what_is_told_arrive_as_they_were(tmp_path, monkeypatch, job, failure):
    monkeypatch.setenv(own_code.FOLDER, str(tmp_path))
    told = []
    found = packed.run(pickle.dumps((run, None)), pickle.dumps(job), told.append)
    assert found.failure == failure, "by which the worker is judged, is in sight"
    assert found.open().value == 2 * job
    assert [packed.opened(info) for info in told] == [{"epoch": job}]


def test_a_worker_begins_with_what_the_driver_says(monkeypatch):
    BEGUN.clear()
    packed.initialize(pickle.dumps((run, None)))
    assert BEGUN == []
    packed.initialize(pickle.dumps((run, begin)))
    assert BEGUN == [True]
