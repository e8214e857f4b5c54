"""What becomes of a record when its question grows."""

import dataclasses
from collections.abc import Iterable, Mapping

from harness.journal.record import SweepRecord
from harness.sweep.growth import Growth, growth
from harness.sweep.question import Sweep
from harness.trial import Failure, TrialResult


def grown(record: SweepRecord, sweep: Sweep) -> SweepRecord:
    """The record of a sweep from which more is asked now: its searches go on, and confirmation
    runs that would be longer now are to be run again.

    Args:
        record: what was found so far.
        sweep: the question, with nothing in it that may not grow.
    """
    found = growth(record.sweep, sweep)
    again = superseded(
        (r for r in record.results if r.phase == "confirm" and r.task in found.runs),
        f"of {_epochs(record.sweep, found)} epochs at most, when fewer were asked for",
    )
    return dataclasses.replace(
        record,
        sweep=sweep,
        history=(*record.history, *again),
        ended_searches=_of_others(record.ended_searches, found),
        apart=_of_others(record.apart, found),  # another winner may be mapped
        time_over=record.time_over and not found.minutes,
        growth=(*record.growth, found.grown),
        settled=frozenset(),  # other winners, or more to compare with
    )


def _of_others(
    reasons: Mapping[tuple[str, str, int], str], found: Growth
) -> dict[tuple[str, str, int], str]:
    """Those of searches (task, space, search) that do not go on."""
    return {key: reason for key, reason in reasons.items() if key[0] not in found.searches}


def superseded(results: Iterable[TrialResult], why: str) -> list[TrialResult]:
    """Results that count no more, to be taken into the record after them."""
    return [
        dataclasses.replace(result, status="interrupted", failure=Failure("superseded", why))
        for result in results
        if result.status != "interrupted"
    ]


def _epochs(sweep: Sweep, found: Growth) -> str:
    return ", ".join(str(sweep.budget_of(task).epochs_of_runs) for task in sorted(found.runs))
