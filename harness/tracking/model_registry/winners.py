"""The best model of each cell, as the registry of models should hold it (pure)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from harness import registry
from harness.analysis.cells import best_space, best_trial, objective_of, scores_on_test
from harness.analysis.statistics import mean_interval
from harness.journal.record import SweepRecord
from harness.tracking.cell_run import study_status
from harness.tracking.model_registry import cards
from harness.tracking.runs import (
    MAX_DIGEST,
    MAX_PARAM,
    Cell,
    cells,
    cut,
    flatten,
    latest,
    study_key,
    valid_name,
)
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
    study: str
    """Key of the study run it belongs to."""
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
    """Names of its test metrics, whose values its study has."""
    digest: str
    """Of the data set, as MLflow has it; may be empty."""
    requirements: tuple[str, ...]
    backend: str
    card: str


def winners(record: SweepRecord) -> tuple[Winner, ...]:
    """The best confirmed model of each cell that is done, for the cells that kept one."""
    groups = {cell: latest(results) for cell, results in cells(record).items()}
    best = {task: best_space(record, task, groups) for task in record.sweep.tasks}
    return tuple(_winners(record, groups, best))


def settled(record: SweepRecord, task: str) -> bool:
    """Whether every cell of the task is done, so that its best one is known."""
    groups = cells(record)
    mine = [
        (task, space)
        for space in record.sweep.spaces
        if (task, space) in record.cells or registry.fit(task, space)
    ]
    return bool(mine) and all(
        study_status(record, cell, latest(groups.get(cell, [])), live=True) != "RUNNING"
        for cell in mine
    )


def saved(record: SweepRecord, results: Sequence[TrialResult]) -> TrialResult | None:
    """The confirmation run whose model is kept: of the seeds, the best on validation."""
    kept = [result for result in results if result.phase == "confirm" and result.model]
    return best_trial(kept, objective_of(record, kept[0].task)) if kept else None


def _winners(
    record: SweepRecord,
    groups: Mapping[Cell, Sequence[TrialResult]],
    best: Mapping[str, str | None],
) -> Iterator[Winner]:
    for (task, space), results in groups.items():
        result = saved(record, results)
        done = study_status(record, (task, space), results, live=False) == "FINISHED"
        if not done or result is None or result.model is None:
            continue
        yield Winner(
            # Quoted, as MLflow is asked for it in a filter.
            key="/".join(quote(part, safe="") for part in (record.id, task, space, "model")),
            study=study_key(record, (task, space)),
            task=task,
            name=_safe(f"{record.sweep.name}-{space}"),
            registered=_registered(task),
            alias=_alias(space),
            best=best.get(task) == space,
            file=result.model,
            started=record.started,
            tags=_tags(record, task, space, results, result),
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
            card=cards.model_card(record, (task, space), results, result),
        )


def _tags(
    record: SweepRecord, task: str, space: str, results: Sequence[TrialResult], result: TrialResult
) -> dict[str, str]:
    """What tells versions apart in MLflow's table of them; the card has the rest."""
    tags = {"architecture": space, "sweep": record.sweep.name, "sweep.id": record.id}
    metric = record.tasks[task].judged_by.metric if task in record.tasks else ""
    sample = scores_on_test(results, metric)
    if sample:
        found = mean_interval(sample)
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
