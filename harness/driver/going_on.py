"""Trials that were cut off and go on from the state that they kept: what they may still take, and
when there is no more need of it."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engines.engine import Limits
from harness.journal.folder import state_path, states
from harness.journal.record import SweepRecord
from harness.training import kept_state
from harness.trial import Job, TrialResult, flops_spent, seconds_spent

if TYPE_CHECKING:
    from harness.driver.cell_plan import CellPlan


def limited(job: Job, limits: Limits, plan: "CellPlan", backend: str) -> tuple[Job, Limits]:
    """A job and its limits, which are those of the whole training where it goes on.

    Args:
        job: as it would begin anew. Earlier attempts are taken off what its search has left: what
            is kept of them is given back here, as the trial counts it, too.
        limits: likewise.
        plan: of its search.
        backend: of the sweep.
    """
    kept = kept_state.look(job, backend)
    if kept is None:
        return job, limits
    before = [attempt.cost for attempt in plan.attempts.of(job.phase, job.number)]
    if limits.seconds is not None:
        limits = dataclasses.replace(limits, seconds=max(0.0, limits.seconds - kept.seconds))
    if job.seconds is not None:
        of_kept = min(seconds_spent(before), kept.counts["seconds"])
        whole = [job.seconds + of_kept, *([] if plan.longest is None else [plan.longest])]
        job = dataclasses.replace(job, seconds=min(whole))
    if job.flops is not None:
        of_kept = min(flops_spent(before), kept.cost["flops"] or 0.0)
        job = dataclasses.replace(job, flops=job.flops + of_kept)
    return job, limits


def came_further(folder: Path, attempt: TrialResult) -> bool:
    """Whether an attempt has kept a state beyond that which it went on from.

    One that ended before its first epoch has kept none: what is there is another's.
    """
    if not attempt.epochs:
        return False
    kept = kept_state.epoch_of(state_path(folder, *attempt.key))
    return kept is not None and kept > (attempt.cost.resumed_at or 0)


def drop_state(folder: Path, trial: Job | TrialResult) -> None:
    """Removes what a trial has kept."""
    state_path(folder, *trial.key).unlink(missing_ok=True)


def is_over(result: TrialResult) -> bool:
    """Whether a trial has ended by itself: else another attempt may go on from what it kept."""
    return result.status != "interrupted" and not result.broken


def drop_states(folder: Path, record: SweepRecord) -> None:
    """Removes what a driver that was killed has left of trials that are over."""
    there = {*states(folder)}
    for result in record.results if there else ():
        if is_over(result) and state_path(folder, *result.key) in there:
            drop_state(folder, result)
