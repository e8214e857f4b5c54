"""What a worker of a sweep does once, before its first job.

A module of its own: a worker imports it and what it names, and nothing of the driver, whose
imports would cost each new worker three seconds of a processor.
"""

import gc
from collections.abc import Callable
from pathlib import Path

from harness import registry
from harness.training.device import limit_memory


def begin(files: tuple[Path, ...], initialize: Callable[[], None]) -> None:
    """Makes plugin files known, from which what jobs hold may come, then initialises."""
    registry.use(files)
    initialize()


def import_framework() -> None:
    """Imports the backend, within its share of a device's memory."""
    limit_memory()
    # What the framework brings lives as long as the worker. Frozen, it is not searched for
    # garbage before each trial, which took half a second of processor time.
    gc.collect()
    gc.freeze()
