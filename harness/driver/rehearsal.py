"""The look at every cell that has no trial yet, in the workers of the sweep."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.driver import preflight
from harness.driver.options import Options
from harness.engines.engine import Done, Engine, Limits
from harness.spec import Faults
from harness.sweep.question import Budget

if TYPE_CHECKING:
    from harness.driver.plan import Plan

_SECONDS = 120.0
"""How long the look at one cell may take."""


def rehearse_cells(
    engine: Engine, plan: "Plan", options: Options, digests: Mapping[str, str]
) -> None:
    """Looks at every cell that has no trial yet, in the workers.

    Args:
        engine: that runs nothing yet.
        plan: of the sweep.
        options: how it is run.
        digests: of the data of its tasks, by their names.

    Raises:
        Faults: what is wrong with some, a line each.
    """
    begun = {cell.cell.key for cell in plan.cells if cell.tried()}
    new = dict.fromkeys(cell.cell.key for cell in plan.cells if cell.cell.key not in begun)
    todo = preflight.rehearsals(new, options.data_dir, options.offline, digests)
    limits = {f"{job.task}/{job.space}": _limits(plan.sweep.budget_of(job.task)) for job in todo}
    waiting, faults = list(todo), dict[str, None]()
    while waiting or limits:
        while waiting and engine.free():
            job = waiting.pop(0)
            name = f"{job.task}/{job.space}"
            engine.submit(name, job, limits[name])
        for event in engine.poll(timeout=0.5):
            if isinstance(event, Done):
                del limits[event.job_id]
                # What ended a worker there will end a trial, which is recorded.
                faults |= dict.fromkeys(event.value or ())
    if faults:
        raise Faults(faults)


def _limits(budget: Budget) -> Limits:
    seconds = min(budget.trial_seconds or math.inf, _SECONDS)
    return Limits(seconds=seconds, memory_gb=budget.memory_gb)
