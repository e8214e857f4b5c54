"""What runs in a worker process of a node: the job function, wrapped.

Jobs, values and what jobs tell cross the node as bytes. Only driver and worker process read them,
so that nothing in between needs the code that they are made of.
"""

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.engines.local.worker import Tell
from harness.engines.ray import files
from harness.engines.ray.own_code import FOLDER
from harness.trial import Failure

_TOLD = "packed"
SWEEP = "sweep"
"""The folder of a worker that stands for the sweep's."""


@dataclass(frozen=True)
class Packed:
    """A value, pickled where it was made."""

    content: bytes
    failure: Failure | None = None
    """That of the value, by which the worker is judged."""

    def open(self) -> Any:
        """The value; raises whatever unpickling it does."""
        return pickle.loads(self.content)  # noqa: S301 - our own worker wrote it


def run(setup: bytes, job: bytes, tell: Tell) -> Packed:
    """Calls the job function of the driver's engine.

    Args:
        setup: pickled `(run, initialize)`.
        job: likewise, the job.
        tell: what it tells goes there.
    """
    function, _ = pickle.loads(setup)  # noqa: S301 - from the driver
    value = function(
        files.moved(pickle.loads(job), Path(os.environ[FOLDER], SWEEP)),  # noqa: S301 - likewise
        lambda info: tell({_TOLD: pickle.dumps(dict(info))}),
    )
    failure = getattr(value, "failure", None)
    return Packed(pickle.dumps(value), failure if isinstance(failure, Failure) else None)


def initialize(setup: bytes) -> None:
    """Does what the driver's engine has a new worker do once."""
    _, function = pickle.loads(setup)  # noqa: S301 - from the driver
    if function is not None:
        function()


def opened(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a job told."""
    found: Mapping[str, Any] = pickle.loads(info[_TOLD])  # noqa: S301 - our own worker wrote it
    return found
