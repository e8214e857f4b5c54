"""What earlier runs of a sweep did with a cell, taken over from the journal."""

from typing import TYPE_CHECKING

from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.trial import Asked, Phase, TrialResult

if TYPE_CHECKING:
    from harness.driver.cell_plan import CellPlan


def replay(plan: "CellPlan", record: SweepRecord) -> None:
    """Brings a plan that has done nothing to where its journal ends.

    Raises:
        HarnessError: the space has changed since, or the journal lacks a line.
    """
    ended: dict[tuple[Phase, int], TrialResult] = {}
    for entry in record.history:
        if (entry.task, entry.space) != plan.cell.key or not plan.numbers.owns(entry.number):
            continue
        if isinstance(entry, Asked):
            plan.suggestions.replay(entry)
            continue
        if entry.phase == "search" and not plan.suggestions.knows(entry.number):
            raise HarnessError(
                f"{entry.task} x {entry.space}: the journal says how trial {entry.number} "
                "ended and not that it began; restore the missing line from a copy, or start "
                "anew with --fresh"
            )
        if entry.status == "interrupted":
            ended.pop((entry.phase, entry.number), None)
            plan.discard(entry)
            continue
        ended[entry.phase, entry.number] = entry
        if entry.phase == "search":
            plan.suggestions.tell(entry)
    for result in ended.values():
        plan.take(result)
    plan.suggestions.carry_on()
    search = (*plan.cell.key, plan.numbers.search)
    plan.ended, plan.apart = record.ended_searches.get(search), record.apart.get(search)
    plan.confirm_on(len(record.seeds_of(*plan.cell.key)))
    plan.settled = record.is_settled(plan.cell.task.name)
    plan.drop_checkpoints()
