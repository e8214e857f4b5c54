"""Keras AutoML benchmark harness: which architecture is best, and how sure are we?

The names here are what tasks and search spaces are written with, and `compare`, `run` and
`load`, which ask from Python; all else is internal.
"""

from typing import TYPE_CHECKING, Any

from harness.spec import (
    DataSpec,
    HarnessError,
    HyperParameters,
    Infeasible,
    Kind,
    Objective,
    Prepared,
    Preset,
    Reference,
    Score,
    SearchSpace,
    Source,
    Split,
    Task,
    TensorSpec,
    Training,
    Windows,
)

if TYPE_CHECKING:
    from harness.python.answer import load
    from harness.python.question import compare, run

__all__ = [
    "DataSpec",
    "HarnessError",
    "HyperParameters",
    "Infeasible",
    "Kind",
    "Objective",
    "Prepared",
    "Preset",
    "Reference",
    "Score",
    "SearchSpace",
    "Source",
    "Split",
    "Task",
    "TensorSpec",
    "Training",
    "Windows",
    "compare",
    "load",
    "run",
]

_LATER = {"compare": "question", "run": "question", "load": "answer"}
"""Names that need more than the nouns, which workers are spared."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"harness.python.{_LATER[name]}"), name)
