"""The run of a cell, parent of its trials: what the architectures of a task are compared by (pure).

MLflow has it as a run of the kind `study`.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

from harness.journal.folder import ENVIRONMENT
from harness.journal.record import SweepRecord
from harness.tracking.pages import notes
from harness.tracking.runs import Run, RunStatus, cell_key, common_tags, dataset, said
from harness.tracking.trials import CellTrials
from harness.tracking.values import MAX_TAG, cut, flatten


def cell_run(
    record: SweepRecord,
    cell: CellTrials,
    live: bool,
    files: Mapping[str, str] = MappingProxyType({}),
) -> Run:
    """The run of a cell.

    Args:
        live: whether the sweep is being worked on; if not, an unfinished cell is `KILLED`.
        files: the folder of its artifacts by file name.
    """
    task, space = cell.key
    status = cell_status(record, cell, live)
    environment = flatten(record.environment, "environment.")
    return Run(
        key=cell_key(record, cell.key),
        name=f"{record.sweep.name} · {space}",
        status=status,
        started=cell.started,
        ended=None if status == "RUNNING" else cell.ended,
        attempt="",
        tags={
            **common_tags(record, task, space),
            **{name: cut(value, MAX_TAG) for name, value in environment.items()},
            "kind": "study",
            "status": said(status),
            "mlflow.note.content": cut(notes.cell(record, cell), MAX_TAG),
        },
        dataset=dataset(record, task),
        points=cell.metrics.points,
        texts={ENVIRONMENT: json.dumps(record.environment, indent=2, sort_keys=True)},
        files=files,
    )


def cell_status(record: SweepRecord, cell: CellTrials, live: bool) -> RunStatus:
    """How far a cell is: finished with a confirmed model, failed without."""
    if cell.done(record):
        return "FINISHED" if cell.confirmed() else "FAILED"
    return "RUNNING" if live else "KILLED"
