"""What is settled before a sweep runs: its data, and whether its folder may carry on."""

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.analysis.cells import cell_results
from harness.check.baseline import Baselines, baselines
from harness.check.rehearsal import Rehearsal
from harness.check.steps import declaration_faults
from harness.data import cache
from harness.journal.folder import rival_path
from harness.journal.grown import grown
from harness.journal.record import SweepRecord
from harness.kinds.presets import PRESET
from harness.own.task import FACTS
from harness.spec import Faults, HarnessError
from harness.sweep.growth import MAY_GROW, growth
from harness.sweep.pairs import NO_MODEL, Cell, cells, pretraining
from harness.sweep.question import Sweep
from harness.system import atomic_files
from harness.system.json_values import jsonable
from harness.trial import Asked, Cost, TrialResult, seconds_spent


def check_backend(sweep: Sweep) -> None:
    """Raises `HarnessError` when the backend of a sweep is not installed."""
    if importlib.util.find_spec(sweep.backend) is None:
        raise HarnessError(
            f"backend {sweep.backend!r} is not installed; "
            f"python -m pip install 'keras-automl-harness[{sweep.backend}]'"
        )


def check_declarations(cells: Iterable[Cell]) -> None:
    """Raises `Faults` where a task or an architecture cannot be right as it stands there."""
    nouns = {id(noun): noun for cell in cells for noun in (cell.task, cell.space)}
    faults = [fault for noun in nouns.values() for fault in declaration_faults(noun)]
    if faults:
        raise Faults(faults)


def rehearsals(
    cells: Iterable[tuple[str, str]],
    data_dir: Path | None,
    offline: bool,
    digests: Mapping[str, str],
) -> list[Rehearsal]:
    """What to look at before the first trials of cells (task, space); each task is scored once.

    `digests` are those of the data of tasks.
    """
    scored: set[str] = set()
    jobs = []
    for task, space in cells:
        first = task not in scored
        jobs.append(Rehearsal(task, space, first, data_dir, offline, digests[task]))
        scored.add(task)
    return jobs


def data_event(name: str, data_dir: Path | None, offline: bool) -> dict[str, Any]:
    """What the journal says of a task's data; prepares it when it is not cached."""
    task = registry.task(name)
    data = cache.load(task, data_dir, offline)
    facts, preset = data.assets.get(FACTS), data.assets.get(PRESET)
    started = [space.name for space in registry.spaces_for(task) if space.pretrained]
    return {
        **({"facts": facts} if facts else {}),
        **({"preset": {**preset, "started": started}} if preset else {}),
        "digest": cache.entry(task, data_dir, offline).digest,
        "sizes": {"train": len(data.train), "val": len(data.val), "test": len(data.test)},
        "objective": task.objective,
        "measure": task.measure,
        "reference": task.reference,
        "licence": task.licence,
    }


def prepared(data_dir: Path | None, offline: bool, name: str) -> Path:
    """The folder of a task's prepared data; prepares it when it is not cached."""
    return cache.entry(registry.task(name), data_dir, offline).folder


def baselines_of(name: str, data_dir: Path | None, offline: bool) -> Baselines:
    """What the models of a task are compared with, fitted now: it may take a minute."""
    task = registry.task(name)
    return baselines(task, cache.load(task, data_dir, offline))


def keep_rivals(folder: Path, name: str, found: Baselines) -> None:
    """Keeps what simple methods did on each test example, for paired comparisons.

    Raises:
        HarnessError: it cannot be written.
    """
    for rival, outcomes in found.outcomes.items():
        arrays: dict[str, Any] = dict(outcomes)
        path = folder / rival_path(name, rival)
        try:
            with atomic_files.whole(path) as part:
                np.savez_compressed(part, **arrays)
        except OSError as error:
            raise HarnessError(f"{path}: cannot be written ({error.strerror})") from error


def carried_on(folder: Path, record: SweepRecord, sweep: Sweep) -> SweepRecord:
    """The record of a folder as that of the question that is asked of it now.

    Raises:
        HarnessError: it holds the answer to another question, from which this one cannot grow.
    """
    found = growth(record.sweep, sweep)
    if found.refused:
        raise HarnessError(
            f"{folder} holds the answer to another question ({'; '.join(found.refused)}), and only "
            f"{', '.join(MAY_GROW)} can grow there; choose another --output, or discard it with "
            "--fresh"
        )
    if not found.grown:
        return record
    other = found.searches | found.runs | found.seeds
    for task, space in sorted(_started_from(record)):
        if task in other:
            raise HarnessError(
                f"{folder}: other cells have started from the model of {task} x {space}, which "
                f"would be another now; give it a budget of its own, [budgets.{task}], as it was, "
                "or choose another --output"
            )
    for result in record.results:
        if result.phase == "search" and result.seed in sweep.runs_of(result.task):
            raise HarnessError(
                f"{folder}: the search of {result.task} x {result.space} was trained with seed "
                f"{result.seed}; expected others among seeds = {list(sweep.seeds)}"
            )
    return grown(record, sweep)


def _started_from(record: SweepRecord) -> set[tuple[str, str]]:
    """The cells from whose model another one has started."""
    asked = {(entry.task, entry.space) for entry in record.history if isinstance(entry, Asked)}
    found = {pretraining(cell) for cell in cells(record.sweep) if cell.key in asked}
    return {key for key in found if key is not None}


def check_same_data(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises `HarnessError` when a task's data, or what its models are compared by, is not what
    the sweep began with."""
    for name, event in new.items():
        known = old.get(name, event)
        for noun, key in (("data", "digest"), ("objective", "objective"), ("measure", "measure")):
            # Journals from before tasks could have a measure name none.
            before, now = jsonable(known.get(key)), jsonable(event.get(key))
            if key in known and before != now:
                raise HarnessError(
                    f"{folder}: the {noun} of task {name!r} has changed since this sweep began "
                    f"({_short(before)}, now {_short(now)}); "
                    "choose another --output, or discard the answer with --fresh"
                )


def _short(value: Any) -> str:
    match value:
        case {"metric": metric, "direction": direction}:
            return f"{metric} {direction}"
        case None:
            return "none"
    return str(value)[:12]


def retriable(result: TrialResult) -> bool:
    """Whether a trial may be run again: a worker or the machine failed it, or it is a confirmation
    run that failed by its code, which may be corrected since."""
    by_code = result.failure is not None and result.failure.kind == "code"
    return result.status == "failed" and (result.broken or (result.phase == "confirm" and by_code))


def reopened(record: SweepRecord) -> list[TrialResult]:
    """Results of the trials that are `retriable`, to be run again.

    Left alone are:

    - trials of a search of whose winner a confirmation run has ended by itself: a better one
      among them would leave it without the configuration it belongs to;
    - trials of a search whose seconds are spent: none would be left to them;
    - trials of a cell from whose model another one has started: its model might be another then.
    """
    counting = {
        _search(record, result)
        for result in record.results
        if result.phase == "confirm" and result.status != "interrupted" and not retriable(result)
    }
    started_from = _started_from(record)
    again = [
        result
        for result in record.results
        if retriable(result)
        and result.key[:2] not in started_from
        and (
            result.phase == "confirm"
            or (_search(record, result) not in counting and _has_time(record, result))
        )
    ]
    # Confirmation runs first: of a driver that is killed meanwhile, none is left that belongs to
    # the winner of before.
    return sorted(again, key=lambda result: result.phase)


def _search(record: SweepRecord, result: TrialResult) -> tuple[str, str, int]:
    """Names the search that a trial belongs to."""
    return result.task, result.space, result.number % record.sweep.searches_of(result.task)


def _has_time(record: SweepRecord, trial: TrialResult) -> bool:
    """Whether the search that a trial belongs to has seconds left."""
    budget = record.sweep.budget_of(trial.task).seconds
    attempts = [
        entry
        for entry in record.history
        if isinstance(entry, TrialResult)
        and entry.phase == "search"
        and _search(record, entry) == _search(record, trial)
    ]
    # One that was taken back is there twice: as it ended, and as what is to be run again.
    spent: dict[int, dict[float, Cost]] = {}
    for entry in attempts:
        if entry.status != "interrupted" or entry.broken:
            spent.setdefault(entry.number, {})[entry.started] = entry.cost
    return budget is None or sum(seconds_spent(own.values()) for own in spent.values()) < budget


def complete(record: SweepRecord) -> bool:
    """Whether every search has ended and every confirmation run of its winner is done."""
    if record.time_over:
        return True
    begun = {(found.task, found.space): found for found in cell_results(record)}
    return all(
        cell.key in begun and begun[cell.key].finished and not _model_after_all(record, cell)
        for cell in cells(record.sweep)
    )


def _model_after_all(record: SweepRecord, cell: Cell) -> bool:
    """Whether a search ended as it had no model to start from, and there is one by now."""
    before = pretraining(cell)
    if before is None:
        return False
    searches = record.sweep.searches_of(before[0])
    waiting = {
        search % searches
        for (task, space, search), reason in record.ended_searches.items()
        if (task, space) == cell.key and reason.startswith(NO_MODEL)
    }
    return any(
        result.key[:3] == (*before, "confirm")
        and result.number % searches in waiting
        and result.model is not None
        for result in record.results
    )
