"""How many trials run at once."""

from types import SimpleNamespace

import pytest

from harness.driver import devices
from harness.spec import HarnessError
from harness.trial import Cost


@pytest.fixture
def machine(monkeypatch):
    """Gives the machine so many accelerators of 80,000 MB, and so many cores."""

    def have(accelerators, cores, memory=80_000.0):
        ids = tuple(map(str, range(accelerators)))
        monkeypatch.setattr(devices.host, "devices", lambda: ids)
        monkeypatch.setattr(devices.host, "cores", lambda: cores)
        monkeypatch.setattr(devices.host, "device_memory_mb", lambda: memory)

    return have


def record(*taken):
    results = [SimpleNamespace(cost=Cost(device_memory_mb=mb)) for mb in taken]
    return SimpleNamespace(results=results)


@pytest.mark.parametrize(
    "accelerators, cores, asked, per_device, taken, expected",
    [
        (0, 8, None, None, None, 8),
        (0, 8, 3, None, None, 3),
        (2, 16, None, None, None, 2),
        (2, 16, None, 3, None, 6),
        (2, 16, None, 3, (50_000.0,), 6),
        (2, 16, None, None, (9_000.0, 25_000.0, None), 4),
        (2, 16, None, None, (100.0,), 8),
        (2, 4, None, None, (100.0,), 2),
        (1, 6, None, None, (100.0,), 3),
        (2, 16, None, None, (79_000.0,), 2),
        (2, 16, None, None, (None,), 2),
    ],
)
def test_workers(machine, accelerators, cores, asked, per_device, taken, expected):
    machine(accelerators, cores)
    known = None if taken is None else record(*taken)
    assert devices.workers(asked, per_device, known) == expected


def test_where_the_memory_is_unknown_there_is_one_each(machine):
    machine(2, 16, memory=None)
    assert devices.workers(None, None, record(100.0)) == 2


def test_what_cannot_be_asked_for(machine):
    machine(1, 8)
    devices.check(None, 4)
    devices.check(4, None)
    with pytest.raises(HarnessError, match="expected one of them"):
        devices.check(2, 2)
    machine(0, 8)
    with pytest.raises(HarnessError, match="expected an accelerator"):
        devices.check(None, 2)
