"""What a sweep found for one architecture on one task: `harness describe DIR/task/space`."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness import registry
from harness.analysis.cells import CellResults, cell_results
from harness.analysis.exhibits import Exhibit, read_exhibits
from harness.journal.folder import JOURNAL, figure_path
from harness.journal.read import read_journal
from harness.report.samples.terminal import blocks, rows
from harness.report.text import (
    FigureKind,
    duration,
    figure_name,
    flat,
    milliseconds,
    number,
    places,
    score_of,
)
from harness.spec import HarnessError
from harness.sweep.plugins import remember
from harness.system.json_values import readable
from harness.system.text import counted, one_line
from harness.trial import TrialResult

FIGURES: dict[FigureKind, str] = {
    "forecast": "forecasts",
    "attention": "attention",
    "length": "by length",
    "confusion": "confusion",
}
"""What each figure is called here."""


def winner(path: str) -> str:
    """The configuration found for an architecture, its scores, its cost, and what it does.

    Text from data is shown such that a terminal obeys none of it.

    Args:
        path: a sweep's folder, a task of the sweep and a space of it, joined by slashes.

    Raises:
        HarnessError: there is no such sweep, task or space, or nothing is found yet.
    """
    folder, task, space = _parts(path)
    remember([folder])
    record = read_journal(folder)
    if record is None:
        raise HarnessError(f"{folder}: nothing recorded yet")
    _check(folder, "task", task, record.sweep.tasks)
    _check(folder, "space", space, record.sweep.spaces)
    cell = next((c for c in cell_results(record) if (c.task, c.space) == (task, space)), None)
    if cell is None or cell.best is None:
        trials = counted(len(cell.search) if cell else 0, "trial")
        raise HarnessError(f"{folder}: nothing found yet for {task} x {space} ({trials} finished)")
    exhibit = read_exhibits(folder, [(task, space)]).get((task, space), Exhibit())
    parts = [
        one_line(f"{task} x {space}, sweep {record.sweep.name}"),
        rows([*_scores(cell, cell.best), *_costs(cell), *_files(folder, cell, exhibit)]),
        "configuration\n" + rows((name, flat(v)) for name, v in cell.best.config.items()),
        "training\n" + rows((name, flat(v)) for name, v in cell.best.training.items()),
        *blocks(exhibit),
    ]
    return "\n\n".join(parts)


def _parts(path: str) -> tuple[Path, str, str]:
    """Folder, task and space; a path that ends at the sweep or the task is explained."""
    whole = Path(path)
    for folder in (whole, whole.parent):
        file = folder / JOURNAL
        with readable(file):
            found = file.is_file()
        if found:
            raise HarnessError(
                f"{path}: expected a task and a space behind it, {folder}/TASK/SPACE"
            )
    return whole.parent.parent, whole.parent.name, whole.name


def _check(folder: Path, noun: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise HarnessError(f"{folder}: no {noun} {name!r}; {registry.suggestion(name, names)}")


def _scores(cell: CellResults, best: TrialResult) -> Iterator[tuple[str, str]]:
    better = f"{'higher' if cell.direction == 'max' else 'lower'} is better"
    if cell.scores:
        yield "test score", f"{score_of(cell, places([cell]))}, {better}"
        if len(cell.scores) > 1:
            runs = [r for r in cell.confirm if math.isfinite(cell.score(r))]
            digits = places([cell])
            yield (
                "each seed",
                ", ".join(f"{r.seed}: {number(cell.score(r), digits)}" for r in runs),
            )
        if others := cell.other_metrics:
            yield "other scores", ", ".join(f"{name} {number(v)}" for name, v in others.items())
    else:
        better = f"{'higher' if cell.objective.direction == 'max' else 'lower'} is better"
        score = f"{cell.objective.metric} {number(cell.score(best))}"
        yield "validation", f"{score} (trial {best.number}, not confirmed yet), {better}"
    floor = {"trivial": cell.baseline, **cell.rivals}
    yield "baseline", ", ".join(f"{name} {number(value)}" for name, value in floor.items())
    if cell.data is not None and cell.data.reference is not None:
        yield "published", f"{number(cell.reference)}: {cell.data.reference.source}"


def _costs(cell: CellResults) -> Iterator[tuple[str, str]]:
    if cell.scores:
        yield "parameters", number(cell.median_cost(lambda cost: cost.parameters), 0)
        yield "training", f"{duration(cell.median_cost(lambda cost: cost.trained_seconds))} a seed"
        yield "latency", milliseconds(cell.median_cost(lambda cost: cost.latency_ms))
    trials = counted(len(cell.search), "trial")
    failed = sum(result.phase == "search" for result in cell.unscored)
    yield "search", f"{duration(cell.search_seconds)}, {trials}, {failed} without a score"


def _files(folder: Path, cell: CellResults, exhibit: Exhibit) -> Iterator[tuple[str, str]]:
    model = cell.best.model if cell.best is not None else None
    if model is not None and (folder / model).is_file():
        yield "model", str(folder / model)
    kinds: dict[FigureKind, object] = {
        "forecast": exhibit.forecasts,
        "attention": exhibit.attention,
        "length": exhibit.scores_by_length,
        "confusion": exhibit.confusion,
    }
    for kind in (kind for kind, shown in kinds.items() if shown):
        figure = folder / figure_path(figure_name(kind, cell.task))
        drawn = str(figure) if figure.is_file() else f"harness report {folder} draws {figure}"
        yield FIGURES[kind], drawn
    if exhibit.signature:
        yield "scored with", exhibit.signature
