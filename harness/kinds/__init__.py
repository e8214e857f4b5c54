"""The public contract of each kind of task: names, shapes, assets, loss, score, constructors.

`harness.kinds.<kind>` is all that who writes a task and who writes an architecture must agree on.
Importing one loads no framework.
"""

import functools
import importlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.spec import HarnessError, Kind

KINDS: tuple[Kind, ...] = (
    "image_classification",
    "language_modeling",
    "masked_language_modeling",
    "sentence_similarity",
    "sequence_regression",
    "text_classification",
    "time_series_forecasting",
    "token_classification",
    "translation",
)
"""Kinds of tasks that have a module here, by name."""


def of(kind: str) -> ModuleType:
    """The module of a kind of task.

    Raises:
        HarnessError: there is none.
    """
    if kind not in KINDS:
        raise HarnessError(f"no contract of kind {kind!r}; expected one of {', '.join(KINDS)}")
    return importlib.import_module(f"{__name__}.{kind}")


def author(prepare: Callable[..., Any]) -> Callable[..., Any]:
    """The function that a person has written, of a task's `prepare`.

    Around it are the `functools.partial` of a kind's constructor, which hands it over as
    `prepare`, partials of its author's own, and decorators that use `functools.wraps`.
    """
    while True:
        if isinstance(prepare, functools.partial):
            own = str(getattr(prepare.func, "__module__", "")).startswith(f"{__name__}.")
            prepare = prepare.keywords["prepare"] if own else prepare.func
        elif hasattr(prepare, "__wrapped__"):
            prepare = inspect.unwrap(prepare)
        else:
            return prepare
