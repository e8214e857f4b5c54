"""Keras AutoML benchmark harness: which architecture is best, and how sure are we?

The names here are what tasks and search spaces are written with; all else is internal.
"""

from harness.spec import (
    DataSpec,
    HarnessError,
    HyperParameters,
    Infeasible,
    Kind,
    Objective,
    Prepared,
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

__all__ = [
    "DataSpec",
    "HarnessError",
    "HyperParameters",
    "Infeasible",
    "Kind",
    "Objective",
    "Prepared",
    "Reference",
    "Score",
    "SearchSpace",
    "Source",
    "Split",
    "Task",
    "TensorSpec",
    "Training",
    "Windows",
]
