"""Budgets of a sweep file: one for all tasks, and what differs from it on some of them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness import registry
from harness.spec import HarnessError
from harness.sweep.question import AS_MANY_AS_THERE_IS_TIME_FOR, Budget, Sweep
from harness.system.text import quoted


def merged(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`budget` and `budgets` with all that each inherits: from the file's `[budget]`, then the
    task's own table, then the command line, which wins everywhere.

    What is no table is passed on, for pydantic to refuse.
    """
    shared, budgets = fields.get("budget", {}), fields.get("budgets", {})
    if not (isinstance(shared, Mapping) and isinstance(budgets, Mapping)):
        return {"budget": shared, "budgets": budgets}
    # A number of seeds or searches from the command line is meant for every task.
    dropped = {"seeds", "searches"} & overrides.keys()

    many = _as_many_as_there_is_time_for(fields, overrides)

    def merge(own: Any) -> Any:
        if not isinstance(own, Mapping):
            return own
        every = {**many, **shared, **own, **overrides.get("budget", {})}
        if "minutes" in overrides:
            every |= many
        return {name: value for name, value in every.items() if name not in dropped}

    return {"budget": merge(shared), "budgets": {task: merge(own) for task, own in budgets.items()}}


def _as_many_as_there_is_time_for(
    fields: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """The trials of a sweep that a time ends: of the command line, those of the file are none."""
    timed = "minutes" in fields or "minutes" in overrides
    if not timed or "trials" in overrides.get("budget", {}):
        return {}
    return {"trials": AS_MANY_AS_THERE_IS_TIME_FOR}


def used(sweep: Sweep, fields: Mapping[str, Any], origin: str) -> dict[str, Budget]:
    """The budgets of tasks that the sweep has and that differ from the shared one.

    The command line may leave out tasks that the file has a budget for; a budget for any other
    task is a slip of the pen.

    Raises:
        HarnessError: such a slip, with the name that may have been meant.
    """
    declared = fields.get("tasks")
    known = {*sweep.tasks}
    if isinstance(declared, list):
        known |= {name for name in declared if isinstance(name, str)}
    for task in sweep.budgets:
        if task not in known:
            raise HarnessError(
                f"{origin}: budgets.{quoted(task)}: this is no task of the sweep; "
                f"{registry.suggestion(task, known)}"
            )
    return {
        task: budget
        for task, budget in sweep.budgets.items()
        if task in sweep.tasks and budget != sweep.budget
    }


def faults(sweep: Sweep) -> Iterator[tuple[str, Any, str]]:
    """What is out of range: the key in a sweep file, the value, and what was expected."""
    every = {"budget": sweep.budget}
    every |= {f"budgets.{task}": budget for task, budget in sweep.budgets.items()}
    for key, budget in every.items():
        for name, value, expected in _faults(budget, len(sweep.seeds)):
            yield f"{key}.{name}", value, expected


def _faults(budget: Budget, seeds: int) -> Iterator[tuple[str, Any, str]]:
    for name in ("trials", "epochs", "confirm_epochs", "max_parameters", "patience", "searches"):
        value = getattr(budget, name)
        if value is not None and value < 1:
            yield name, value, "1 or more"
    for name in (
        *("seconds", "flops", "trial_seconds", "memory_gb"),
        *("max_flops", "max_latency_ms"),
    ):
        value = getattr(budget, name)
        if value is not None and not (value > 0 and math.isfinite(value)):
            yield name, value, "more than 0"
    if not 0 < budget.train_fraction <= 1:
        yield "train_fraction", budget.train_fraction, "more than 0, at most 1"
    if budget.seeds is not None and not 1 <= budget.seeds <= seeds:
        yield "seeds", budget.seeds, f"1 to {seeds}, as many as the sweep has"
