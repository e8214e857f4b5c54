"""The best model of each cell, as the registry of models should hold it (pure)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from harness import registry
from harness.analysis.cells import interval_of
from harness.journal.record import SweepRecord
from harness.tracking.cell_run import cell_status
from harness.tracking.model_registry import cards
from harness.tracking.runs import cell_key
from harness.tracking.trials import CellTrials, SweepTrials
from harness.tracking.values import MAX_DIGEST, MAX_PARAM, cut, flatten, valid_name
from harness.trial import TrialResult

WINNER = "winner"
"""Alias of the best architecture of a task."""
_REQUIRED = ("keras-automl-harness", "keras", "numpy", "scipy", "tensorflow", "tensorflow-text",
             "jax", "torch")  # fmt: skip
"""Packages a served model may need; of the backends, the one it was trained on."""


@dataclass(frozen=True)
class Winner:
    """A confirmed model, and how MLflow should know it."""

    key: str
    """Names the model across synchronisations, in the tag `harness.key`."""
    run: str
    """Key of the cell's run, to which it belongs."""
    task: str
    name: str
    """Of the model in its experiment."""
    registered: str
    """Of the registered model that it is a version of: one for each task."""
    alias: str
    """The architecture, as far as an alias can be called so; may be empty."""
    best: bool
    """Whether no architecture of the task has a better test score in this sweep."""
    file: str
    """The `.keras` file, relative to the sweep's folder."""
    started: float
    """When the sweep began, in Unix seconds: of two sweeps the later one has the aliases."""
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: tuple[str, ...]
    """Names of its test metrics, whose values the cell's run has."""
    digest: str
    """Of the data set, as MLflow has it; may be empty."""
    requirements: tuple[str, ...]
    backend: str
    card: str


def winners(record: SweepRecord, trials: SweepTrials) -> Iterator[Winner]:
    """The best confirmed model of each cell that is done, for the cells that kept one."""
    best = {task: trials.best_space(record, task) for task in record.sweep.tasks}
    for cell in trials.shown(record):
        task, space = cell.key
        result = cell.kept()
        done = cell_status(record, cell, live=False) == "FINISHED"
        if not done or result is None or result.model is None:
            continue
        yield Winner(
            # Quoted, as MLflow is asked for it in a filter.
            key="/".join(quote(part, safe="") for part in (record.id, task, space, "model")),
            run=cell_key(record, cell.key),
            task=task,
            name=_safe(f"{record.sweep.name}-{space}"),
            registered=_registered(task),
            alias=_alias(space),
            best=best.get(task) == space,
            file=result.model,
            started=record.started,
            tags=_tags(record, cell, result),
            params={
                name: cut(value, MAX_PARAM)
                for name, value in {
                    **flatten(result.config),
                    **flatten(result.training, "training."),
                    "seed": str(result.seed),
                }.items()
            },
            metrics=tuple(valid_name(n) for n in result.metrics if n.startswith("test_")),
            digest=record.tasks[task].digest[:MAX_DIGEST] if task in record.tasks else "",
            requirements=_requirements(record),
            backend=record.sweep.backend,
            card=cards.model_card(record, cell, result),
        )


def settled(record: SweepRecord, trials: SweepTrials, task: str) -> bool:
    """Whether every cell of the task is done, so that its best one is known."""
    mine = [
        trials.cell(task, space)
        for space in record.sweep.spaces
        if trials.cell(task, space) is not None or registry.fit(task, space)
    ]
    return bool(mine) and all(cell is not None and cell.done(record) for cell in mine)


def _tags(record: SweepRecord, cell: CellTrials, result: TrialResult) -> dict[str, str]:
    """What tells versions apart in MLflow's table of them; the card has the rest."""
    task, space = cell.key
    tags = {"architecture": space, "sweep": record.sweep.name, "sweep.id": record.id}
    metric = record.tasks[task].judged_by.metric if task in record.tasks else ""
    sample = cell.sample(metric)
    if sample:
        found = interval_of(sample, metric)
        tags[valid_name(f"test_{metric}")] = f"{found.mean:.4g}"
        if len(sample) > 1:
            tags["interval"] = f"{found.low:.4g} to {found.high:.4g}"
    return {**tags, "seed": str(result.seed)}


def _requirements(record: SweepRecord) -> tuple[str, ...]:
    """What was installed when the model was trained, by version where the journal knows it."""
    installed = dict(record.environment.get("packages") or {})
    backends = {"tensorflow", "jax", "torch"} - {record.sweep.backend}
    return tuple(
        f"{name}=={installed[name]}"
        for name in _REQUIRED
        if name not in backends and re.fullmatch(r"[\w.+!-]+", str(installed.get(name, "")))
    )


def _safe(name: str) -> str:
    """A name in which MLflow finds nothing to object to."""
    return re.sub(r"[^\w -]", "_", name).strip()[:200] or "model"


def _registered(task: str) -> str:
    return re.sub(r"[^\w. -]", "_", task).strip(" .")[:200] or "task"


def _alias(space: str) -> str:
    """MLflow keeps `latest` and `v1` for itself; `winner` has its own meaning here."""
    alias = re.sub(r"[^A-Za-z0-9_-]", "-", space)[:200]
    taken = alias.lower() in ("latest", WINNER) or re.fullmatch(r"[vV]\d+", alias)
    return "" if taken else alias
