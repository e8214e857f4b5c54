"""How a question may grow once it has been asked: what was found stays, and more is asked for."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.sweep.load import differences
from harness.sweep.own_data import without_files
from harness.sweep.question import CONTINUING, Budget, Sweep

MAY_GROW = (
    *("minutes", "trials", "seconds", "flops", "seeds", "confirm_epochs"),
    *("tasks", "spaces"),
)
"""What may, by its key in a sweep file."""


@dataclass(frozen=True)
class Growth:
    """What is asked differently of a folder that holds the answer to an earlier question."""

    grown: tuple[str, ...]
    """What there is more of, `key: old, now new` each."""
    refused: tuple[str, ...]
    """What makes it another question, likewise."""
    minutes: bool
    """Whether there is more time for the whole."""
    searches: frozenset[str]
    """Tasks whose searches go on."""
    runs: frozenset[str]
    """Tasks whose confirmation runs are longer, so that those there are count no more."""
    seeds: frozenset[str]
    """Tasks with more of them."""


def growth(old: Sweep, new: Sweep) -> Growth:
    """Compares a question with the one that was asked before."""
    found = differences(old, new)
    grown = tuple(text for key, text in found.items() if _grows(key, old, new))
    shared = [task for task in old.tasks if task in new.tasks]

    def changed(of: Callable[[Sweep, str], Any]) -> frozenset[str]:
        return frozenset(task for task in shared if of(old, task) != of(new, task))

    return Growth(
        grown=grown,
        refused=tuple(text for text in found.values() if text not in grown),
        minutes=old.minutes != new.minutes,
        searches=frozenset(shared)
        if old.minutes != new.minutes
        else changed(lambda sweep, task: _search_budget(sweep.budget_of(task))),
        runs=changed(lambda sweep, task: sweep.budget_of(task).epochs_of_runs),
        seeds=changed(lambda sweep, task: sweep.seeds_of(task)),
    )


def _search_budget(budget: Budget) -> tuple[float | None, ...]:
    return budget.trials, budget.seconds, budget.flops


def _grows(key: str, old: Sweep, new: Sweep) -> bool:
    """Whether a field that differs, by its key in a sweep file, has become more."""
    match key.split("."):
        case ["tasks" | "spaces" as noun]:
            return {*getattr(old, noun)} <= {*getattr(new, noun)}
        case ["data"]:
            before, after = (without_files(sweep.data) for sweep in (old, new))
            return before.items() <= after.items()
        case ["minutes"]:
            return old.minutes is not None and (new.minutes is None or new.minutes > old.minutes)
        case ["seeds"]:
            # With looks they are planned before the first of these; so is the error level.
            return not old.looks and new.seeds[: len(old.seeds)] == old.seeds
        case ["budget", field]:
            return _budget_grows(field, old, old.budget, new.budget)
        case ["budgets", *task, field]:
            name = ".".join(task)
            return name not in old.tasks or _budget_grows(
                field, old, old.budget_of(name), new.budget_of(name)
            )
    return False


def _budget_grows(field: str, sweep: Sweep, old: Budget, new: Budget) -> bool:
    before, after = getattr(old, field), getattr(new, field)
    match field:
        case "trials":
            # What goes on there was decided by how many there would be.
            return after > before and sweep.tuner not in CONTINUING
        case "seconds" | "flops":
            return before is not None and (after is None or after > before)
        case "seeds":
            return not sweep.looks and before is not None and (after is None or after > before)
        case "confirm_epochs":
            return (
                dataclasses.replace(new, **{field: 1})
                == dataclasses.replace(new, epochs=old.epochs, **{field: 1})
                and new.epochs_of_runs >= old.epochs_of_runs
            )
    return False
