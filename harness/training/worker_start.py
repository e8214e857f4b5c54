"""What a worker of a sweep does once, before its first job.

A module of its own: a worker imports it and what it names, and nothing of the driver, whose
imports would cost each new worker three seconds of a processor.
"""

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from harness import registry
from harness.training.device import limit_memory

UNUSED = ("sklearn", "matplotlib.pyplot")
"""What Keras imports for its wrappers and galleries, which no trial uses: 40 % of the processor
time of its import on JAX, 25 % on TensorFlow. It does without where they are not installed."""


def begin(files: tuple[Path, ...], initialize: Callable[[], None]) -> None:
    """Makes plugin files known, from which what jobs hold may come, then initialises."""
    registry.use(files)
    initialize()


def import_framework() -> None:
    """Imports the backend, within its share of a device's memory."""
    with _hidden(UNUSED):
        import keras  # noqa: F401
    limit_memory()
    # What the framework brings lives as long as the worker. Frozen, it is not searched for
    # garbage before each trial, which took half a second of processor time.
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Importing such a module fails meanwhile, as if it were not installed."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
