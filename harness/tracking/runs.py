"""Runs of MLflow as a journal says that they should be (pure).

Nothing here imports mlflow. The same journal gives the same values, time stamps included, which is
what lets `sync` be repeated without duplicates. Three kinds of runs, by their tag `kind`: `sweep`
(`sweep_run.py`); `study`, a cell, the parent of its trials (`cell_run.py`); `trial` and `confirm`,
search trials and confirmation runs (`trial_run.py`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from harness.journal.record import SweepRecord
from harness.tracking.metrics import Points
from harness.tracking.values import MAX_TAG, cut
from harness.trial import CellKey

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
_SAID: Mapping[RunStatus, str] = {
    "RUNNING": "running",
    "FINISHED": "completed",
    "FAILED": "failed",
    "KILLED": "interrupted",
}


def said(status: RunStatus) -> str:
    """The status of a run in the words of the harness."""
    return _SAID[status]


@dataclass(frozen=True)
class Run:
    """One MLflow run as it should be."""

    key: str
    """Names the run across synchronisations, in the tag `harness.key`."""
    name: str
    status: RunStatus
    started: int
    """Unix milliseconds."""
    ended: int | None
    attempt: str
    """Differs between a trial and its retry; empty for a run that is none of a trial."""
    tags: Mapping[str, str]
    dataset: Mapping[str, str] | None = None
    """`name`, `digest` and `profile` (JSON) of the data set."""
    params: Mapping[str, str] = field(default_factory=dict)
    points: Points = field(default_factory=Points)
    """Metric values; those of a cell or a sweep grow as results come in."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Text artifacts by file name."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Of each artifact, relative to the sweep's folder: the folder it has in MLflow."""

    def digest(self, parent: str | None, contents: Mapping[str, str]) -> str:
        """SHA-256 over all there is to write, given the MLflow id of the parent run and the
        SHA-256 of each file."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {k: dict(v) if isinstance(v, Mapping) else v for k, v in said.items()}
        plain["points"] = self.points.digest()
        content = json.dumps([plain, parent, dict(contents)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def cell_key(record: SweepRecord, cell: CellKey) -> str:
    """Key of a cell's run, and the beginning of its trials' keys."""
    return f"{record.id}/{cell[0]}/{cell[1]}"


def common_tags(record: SweepRecord, task: str, space: str) -> dict[str, str]:
    """Tags of every run of a cell."""
    tags = {**sweep_tags(record), "task": task, "architecture": space}
    if task in record.tasks:
        tags["data.digest"] = record.tasks[task].digest
    return tags


def sweep_tags(record: SweepRecord) -> dict[str, str]:
    """Tags of every run of a sweep."""
    tags = {
        "sweep": record.sweep.name,
        "sweep.id": record.id,
        "tuner": record.sweep.tuner,
        "backend": record.sweep.backend,
        "mlflow.source.name": cut(record.command, MAX_TAG),
        "mlflow.source.type": "LOCAL",
    }
    if record.environment.get("git_commit"):
        tags["mlflow.source.git.commit"] = str(record.environment["git_commit"])
    return tags


def dataset(record: SweepRecord, task: str) -> dict[str, str] | None:
    """The data set a run was given, `None` when it was never prepared."""
    known = record.tasks.get(task)
    if known is None:
        return None
    return {"name": task, "digest": known.digest, "profile": json.dumps(dict(known.sizes))}
