"""What is settled before a sweep runs: its data, and whether its folder may carry on."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import cache, registry
from harness.record import SweepRecord
from harness.spec import HarnessError, Prepared, Sweep, Task, TrialResult
from harness.sweep import cells, differences


def check_backend(sweep: Sweep) -> None:
    """Raises `HarnessError` when the backend of a sweep is not installed."""
    if importlib.util.find_spec(sweep.backend) is None:
        raise HarnessError(
            f"backend {sweep.backend!r} is not installed; "
            f"python -m pip install 'keras-automl-harness[{sweep.backend}]'"
        )


def data_event(name: str, data_dir: Path | None, offline: bool) -> dict[str, Any]:
    """What the journal says of a task's data; prepares it when it is not cached."""
    task = registry.task(name)
    data = cache.load(task, data_dir, offline)
    return {
        "digest": cache.entry(task, data_dir, offline).digest,
        "sizes": {"train": len(data.train), "val": len(data.val), "test": len(data.test)},
        "objective": task.objective,
        "measure": task.measure,
        "baseline": _baseline(task, data),
        "reference": task.reference,
        "licence": task.licence,
    }


def _baseline(task: Task, data: Prepared) -> dict[str, float]:
    try:
        return dict(task.baseline(data))
    except Exception as error:
        # A plugin can fail in any way; the person needs to know which one it was.
        raise HarnessError(
            f"task {task.name!r}: its baseline cannot be had ({type(error).__name__}: {error})"
        ) from error


def check_same_question(folder: Path, old: Sweep, new: Sweep) -> None:
    """Raises `HarnessError` when the folder holds the answer to another question."""
    changes = differences(old, new)
    if changes:
        raise HarnessError(
            f"{folder} holds the answer to another question ({'; '.join(changes)}); "
            "choose another --output, or discard it with --fresh"
        )


def check_same_data(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises `HarnessError` when a task's data is not what the sweep began with."""
    for name, event in new.items():
        if name in old and old[name]["digest"] != event["digest"]:
            raise HarnessError(
                f"{folder}: the data of task {name!r} has changed since this sweep began "
                f"({old[name]['digest'][:12]}, now {event['digest'][:12]}); "
                "choose another --output, or discard the answer with --fresh"
            )


def reopened(record: SweepRecord) -> list[TrialResult]:
    """Results of the trials that a worker or the machine failed, to be run again.

    Search trials are left alone once a confirmation run of their cell's winner has ended by
    itself: a better one among them would leave it without the configuration it belongs to.
    """
    counting = {
        result.key[:2]
        for result in record.results
        if result.phase == "confirm" and result.status != "interrupted" and not result.broken
    }
    again = [
        result
        for result in record.results
        if result.status == "failed"
        and result.broken
        and (result.phase == "confirm" or result.key[:2] not in counting)
    ]
    # Confirmation runs first: of a driver that is killed meanwhile, none is left that belongs to
    # the winner of before.
    return sorted(again, key=lambda result: result.phase)


def complete(record: SweepRecord) -> bool:
    """Whether every search has ended and every confirmation run of its winner is done."""
    sweep = record.sweep
    done = {result.key for result in record.results if result.status != "interrupted"}
    won = {result.key[:2] for result in record.results if result.status == "completed"}
    return all(
        cell.key in record.ended
        and (
            cell.key not in won
            or all(
                (*cell.key, "confirm", index) in done
                for index in range(len(sweep.seeds_of(cell.task.name)))
            )
        )
        for cell in cells(sweep)
    )
