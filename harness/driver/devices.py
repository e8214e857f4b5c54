"""How many trials run at once: one a core, or by the memory of the accelerators."""

import math

from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.system import host

MEMORY_SHARE = 0.7
"""Of a device's memory, that trials like the largest so far may take together."""
MOST_PER_DEVICE = 4
"""Trials at once on one device that nobody has asked for: beside each other they take turns."""


def check(workers: int | None, per_device: int | None) -> None:
    """Raises `HarnessError` where trials for each device cannot be as asked for."""
    if per_device is None:
        return
    if workers is not None:
        raise HarnessError(f"--workers {workers}, --per-device {per_device}: expected one of them")
    if not host.devices():
        raise HarnessError(
            f"--per-device {per_device}: expected an accelerator; here is none, use --workers N"
        )


def workers(asked: int | None, per_device: int | None, record: SweepRecord | None) -> int:
    """The number of worker processes.

    Args:
        asked: so many, if somebody says so.
        per_device: so many for each accelerator, likewise.
        record: what the sweep has done so far; what its trials took tells how many fit on a device.
    """
    devices = len(host.devices())
    if asked is not None:
        return asked
    if not devices:
        return host.cores()
    return devices * (per_device or _fitting(record, devices))


def _fitting(record: SweepRecord | None, devices: int) -> int:
    """Trials that one device holds at once; one where that is not known."""
    whole = host.device_memory_mb()
    results = record.results if record is not None else ()
    taken = max((result.cost.device_memory_mb or 0.0 for result in results), default=0.0)
    if not whole or not taken:
        return 1
    fitting = math.floor(MEMORY_SHARE * whole / taken)
    # Each trial begins with compiling, on the cores: at most half as many do so at once.
    return max(1, min(fitting, MOST_PER_DEVICE, host.cores() // 2 // devices))
