"""What a journal says, in MLflow's words: experiments, runs, params and metric points.

Pure functions of the journal; nothing here imports mlflow. The same journal gives the same
values, time stamps included, which is what lets `sync` be repeated without duplicates.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from harness.journal.record import SweepRecord
from harness.trial import Status, TrialResult

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
Cell = tuple[str, str]

MAX_PARAM = 6000
MAX_TAG = 5000
MAX_DIGEST = 36
_STATUS: Mapping[Status, RunStatus] = {
    "completed": "FINISHED",
    "failed": "FAILED",
    "diverged": "FAILED",
    "infeasible": "FAILED",
    "timeout": "FAILED",
    "interrupted": "KILLED",
}


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    name: str
    value: float
    step: int
    time: int
    """Unix milliseconds."""


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
    """Differs between a trial and its retry; empty for a study."""
    tags: Mapping[str, str]
    dataset: Mapping[str, str] | None = None
    """`name`, `digest` and `profile` (JSON) of the data set."""
    params: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    """Metric values; of a run that is still growing, only ever appended to."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Text artifacts by file name."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Of each artifact, relative to the sweep's folder: the folder it has in MLflow."""

    def digest(self, parent: str | None, contents: Mapping[str, str]) -> str:
        """SHA-256 over all there is to write, given the MLflow id of the parent run and the
        SHA-256 of each file."""
        content = json.dumps([asdict(self), parent, dict(contents)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def cells(record: SweepRecord) -> dict[Cell, list[TrialResult]]:
    """Results of each cell in the order of the journal, those of retried trials included.

    Cells without a result are left out until their search has ended.
    """
    groups: dict[Cell, list[TrialResult]] = {cell: [] for cell in record.cells}
    for entry in record.history:
        if isinstance(entry, TrialResult):
            groups[entry.task, entry.space].append(entry)
    return {cell: results for cell, results in groups.items() if results or cell in record.ended}


def latest(results: Sequence[TrialResult]) -> tuple[TrialResult, ...]:
    """The last result of each trial."""
    return tuple({result.key: result for result in results}.values())


def trial_run(record: SweepRecord, result: TrialResult) -> Run:
    """The run of one search trial or one confirmation seed."""
    search = result.phase == "search"
    failure = result.failure
    tags = {
        **common_tags(record, result.task, result.space),
        "kind": "trial" if search else "confirm",
        "trial": str(result.number),
        "seed": str(result.seed),
        "status": result.status,
    }
    if failure is not None:
        tags |= {"error": cut(failure.message, MAX_TAG), "error.kind": failure.kind}
    label = f"trial {result.number}" if search else f"seed {result.seed}"
    return Run(
        key=f"{study_key(record, (result.task, result.space))}/{result.phase}/{result.number}",
        name=f"{result.space} · {label}",
        status=_STATUS[result.status],
        started=milliseconds(result.started),
        ended=ended(result),
        attempt=repr(result.started),
        tags=tags,
        dataset=dataset(record, result.task),
        # The architecture is a param as well: parallel coordinates have params for axes.
        params={"architecture": result.space, **_params(result)},
        # A retry updates this run, and MLflow cannot take a metric back.
        points=() if result.status == "interrupted" else tuple(_points(result)),
        texts={"traceback.txt": failure.traceback} if failure and failure.traceback else {},
    )


def study_key(record: SweepRecord, cell: Cell) -> str:
    """Key of a cell's study run, and the beginning of its trials' keys."""
    return f"{record.id}/{cell[0]}/{cell[1]}"


# --- shared with study.py -----------------------------------------------------


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


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as one, keys joined by dots, values as text."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            text = json.dumps(value) if isinstance(value, list) else str(value)
            flat[valid_name(f"{prefix}{key}")] = text
    return flat


def valid_name(name: str, slash: str = "/") -> str:
    """The name in the characters that MLflow accepts, and no longer than it accepts.

    A slash opens a section of charts; a name that would be no sound path loses its slashes.
    """
    name = re.sub(r"[^\w./ -]", "_", name)[:250].replace("/", slash)
    if posixpath.normpath(name) != name or name.startswith((".", "/")):
        name = "_" + name.replace("/", "_").lstrip("./")
    return name


def cut(text: str, limit: int) -> str:
    """The text, its end replaced by an ellipsis where it is longer than `limit`."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def milliseconds(seconds: float) -> int:
    """Unix seconds as MLflow's integer milliseconds."""
    return round(seconds * 1000)


def ended(result: TrialResult) -> int:
    """When a trial ended, in Unix milliseconds."""
    return milliseconds(result.started + result.cost.seconds)


# --- trials -------------------------------------------------------------------


def _params(result: TrialResult) -> dict[str, str]:
    flat = flatten(result.config) | flatten(result.training, "training.")
    return {
        name: cut(value, MAX_PARAM) for name, value in (flat | {"seed": str(result.seed)}).items()
    }


def _points(result: TrialResult) -> Iterator[Point]:
    fit_started = result.started + result.cost.build_seconds
    for index, row in enumerate(result.curve, start=1):
        time = milliseconds(fit_started + row.get("seconds", 0.0))
        for name, value in row.items():
            if name not in ("epoch", "seconds"):
                yield Point(valid_name(name), value, int(row.get("epoch", index)), time)
    final = {} if result.score is None else {"score": result.score}
    # `val_accuracy` is the curve, whose last value is rarely its best: the metrics of the
    # restored weights need a name of their own.
    final |= {f"best_{n}" if n.startswith("val_") else n: v for n, v in result.metrics.items()}
    for name, value in (final | _cost(result)).items():
        # MLflow draws a metric of step 0 as bars side by side, any other as a line.
        yield Point(valid_name(name), value, 0, ended(result))


def _cost(result: TrialResult) -> dict[str, float]:
    numbers = {n: v for n, v in asdict(result.cost).items() if isinstance(v, (int, float))}
    return {f"cost.{name}": float(v) for name, v in {**numbers, "epochs": result.epochs}.items()}
