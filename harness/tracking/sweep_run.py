"""The run of a sweep as a whole: its question, how far it is, its report (pure)."""

from collections.abc import Mapping
from types import MappingProxyType

from harness.journal.record import SweepRecord
from harness.tracking.cell_run import cell_status
from harness.tracking.pages import notes
from harness.tracking.pages.links import Link
from harness.tracking.runs import Run, RunStatus, said, sweep_tags
from harness.tracking.trials import SweepTrials
from harness.tracking.values import MAX_PARAM, MAX_TAG, cut, flatten, milliseconds

EXPERIMENT = "sweeps"


def sweep_key(record: SweepRecord) -> str:
    """Key of a sweep's own run."""
    return f"{record.id}/sweep"


def sweep_run(
    record: SweepRecord,
    trials: SweepTrials,
    live: bool,
    files: Mapping[str, str] = MappingProxyType({}),
    links: Mapping[str, Link] = MappingProxyType({}),
) -> Run:
    """The run of a sweep as a whole.

    Args:
        live: whether the sweep is being worked on; if not, an unfinished one is `KILLED`.
        files: the folder of its artifacts by file name.
        links: to the architectures of each task.
    """
    status = _status(record, trials, live)
    started = milliseconds(record.started)
    ends = (cell.ended for cell in trials.shown(record))
    return Run(
        key=sweep_key(record),
        name=record.sweep.name,
        status=status,
        started=started,
        ended=None if status == "RUNNING" else max((started, *ends)),
        attempt="",
        tags={
            **sweep_tags(record),
            "kind": "sweep",
            "status": said(status),
            "mlflow.note.content": cut(notes.sweep(record, trials, links), MAX_TAG),
        },
        params=_question(record),
        points=trials.metrics.points,
        files=files,
    )


def _status(record: SweepRecord, trials: SweepTrials, live: bool) -> RunStatus:
    """Finished when every cell is done, failed when one of them has no confirmed result."""
    cells = trials.begun(record)
    begun = {name for cell in cells for name in cell.key}
    states = {cell_status(record, cell, live) for cell in cells}
    unfinished = {"RUNNING", "KILLED"} & states
    if unfinished or not begun.issuperset({*record.sweep.tasks, *record.sweep.spaces}):
        return "RUNNING" if live else "KILLED"
    return "FAILED" if "FAILED" in states else "FINISHED"


def _question(record: SweepRecord) -> dict[str, str]:
    sweep = record.sweep
    values = {
        "tasks": ", ".join(sweep.tasks),
        "spaces": ", ".join(sweep.spaces),
        "tuner": sweep.tuner,
        "backend": sweep.backend,
        "precision": sweep.precision,
        "seeds": ", ".join(map(str, sweep.seeds)),
        **flatten(vars(sweep.budget), "budget."),
    }
    return {name: cut(value, MAX_PARAM) for name, value in values.items()}
