"""What each test example contributes to a metric, found in the outcomes that a task keeps."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from harness import registry
from harness.analysis.cells import CellResults
from harness.analysis.exhibits import NO_EXHIBITS, Exhibits
from harness.journal.folder import outcomes_path, rival_path
from harness.report.verdicts.bootstrap import FEWEST_BLOCKS, Floats, Measure, block_length, mean
from harness.report.verdicts.contributions import PAIRS, Arrays, Contribution, contributions
from harness.spec import HarnessError, Kind

SERIES: tuple[Kind, ...] = ("time_series_forecasting", "language_modeling")
"""Kinds of tasks whose test examples are stretches of a series, and depend on each other."""


@dataclass(frozen=True)
class Outcomes:
    """What the models of one task did on each test example."""

    values: Mapping[str, Floats] = field(default_factory=dict)
    """By architecture, shape (seeds, examples, parts); empty where nothing can be compared."""
    rivals: Mapping[str, Floats] = field(default_factory=dict)
    """By simple method, as they are called in the journal's baselines, of the same shape."""
    measure: Measure = mean
    """From the means of the parts over examples to the test metric."""
    what: str = ""
    """What the examples add up to, as a person would say it."""
    block: int = 1
    """Examples that have to be drawn together, as they follow each other in a series."""
    independent: float | None = None
    """About how many examples do not depend on each other, where that is known."""
    reasons: tuple[str, ...] = ()
    """Why all or some architectures are not compared; Markdown is not escaped in it."""


OutcomesByTask: TypeAlias = Mapping[str, Outcomes]
EXACT = 1e-3
"""Most that sums of single numbers may be off by rounding, of their size."""
NO_OUTCOMES: OutcomesByTask = MappingProxyType({})


def read_outcomes(
    folder: Path, tasks: Mapping[str, Sequence[CellResults]], exhibits: Exhibits = NO_EXHIBITS
) -> dict[str, Outcomes]:
    """The outcomes of the tasks on which two methods or more have a score, simple ones among them.

    Only outcomes that add up to the recorded test metric of every model are taken: what they say
    is then said of the metric. Examples of a forecasting task or of a language model follow each
    other in a series, and so may those of a task that is not installed: they are drawn in blocks,
    no shorter than the forecasts among the exhibits are, as those overlap.

    Args:
        folder: of the sweep.
        tasks: cells by task, as `by_task` gives them.
        exhibits: of the same sweep.

    Raises:
        HarnessError: a file cannot be read, or is no archive of arrays of equal length.
    """
    found = {}
    for task, group in tasks.items():
        scored = [cell for cell in group if cell.scores]
        if scored and len(scored) + len(_rivals(folder, scored[0])) > 1:
            known = [exhibits[task, c.space] for c in scored if (task, c.space) in exhibits]
            windows = [window for exhibit in known for window in exhibit.forecasts]
            horizon = max((len(window.truth) for window in windows), default=1)
            found[task] = _of_task(folder, scored, horizon)
    return found


def _of_task(folder: Path, scored: Sequence[CellResults], horizon: int) -> Outcomes:
    runs = {cell.space: _runs(folder, cell) for cell in scored}
    missing = [space for space, own in runs.items() if own is None]
    arrays = {space: own for space, own in runs.items() if own is not None}
    rivals = _rivals(folder, scored[0])
    if len(arrays) + len(rivals) < 2 or not arrays:
        return Outcomes(reasons=("the outcomes of the test examples are not there",))
    if reason := _unlike([run for own in arrays.values() for run in own]):
        return Outcomes(reasons=(reason,))
    alike = arrays[next(iter(arrays))][0]
    rivals = {name: run for name, run in rivals.items() if not _unlike([_as(run, alike), alike])}
    chosen = [cell for cell in scored if cell.space in arrays]
    contribution = next(
        (c for c in contributions(arrays[chosen[0].space][0]) if _adds_up(c, chosen, arrays)), None
    )
    if contribution is None:
        metric = scored[0].metric
        return Outcomes(reasons=(f"{metric} is not known to be made from the outcomes kept",))
    values = {s: np.stack([contribution.parts(run) for run in own]) for s, own in arrays.items()}
    simple = {
        name: contribution.parts(_as(run, alike))[None]
        for name, run in rivals.items()
        if _is_made_of(contribution, _as(run, alike), scored[0].rivals[name])
    }
    block = 1
    if _in_series(scored[0].task) and len(values) + len(simple) > 1:
        of_all = [*values.values(), *(simple.values() if len(values) < 2 else ())]
        block = max(horizon, block_length([array[..., 0] for array in of_all]))
    examples = next(iter(values.values())).shape[1]
    if examples < FEWEST_BLOCKS * block:
        many = f"{examples:,} test examples" if block == 1 else (
            f"{examples:,} test examples that depend on each other over about {block}"
        )  # fmt: skip
        return Outcomes(independent=examples / block, reasons=(f"{many} are too few to resample",))
    reasons = tuple(f"the outcomes of {space} are not there" for space in missing)
    return Outcomes(
        values,
        simple,
        contribution.measure,
        contribution.what,
        block,
        independent=examples / block,
        reasons=reasons,
    )


def _rivals(folder: Path, cell: CellResults) -> dict[str, Arrays]:
    """The outcomes of the simple methods that have kept them."""
    paths = {name: folder / rival_path(cell.task, name) for name in cell.rivals}
    return {name: _read(path) for name, path in paths.items() if path.exists()}


def _as(run: Arrays, alike: Arrays) -> Arrays:
    """The outcomes that the models have, too, in their types, as far as they are there."""
    return {
        name: run[name].astype(array.dtype) if array.dtype.kind != "U" else run[name]
        for name, array in alike.items()
        if name in run
    }


def _runs(folder: Path, cell: CellResults) -> list[Arrays] | None:
    """The outcomes of each model of a cell that has a score; `None` if those of one are absent."""
    scored = [result for result in cell.confirm if np.isfinite(cell.score(result))]
    paths = [folder / outcomes_path(cell.task, cell.space, result.seed) for result in scored]
    if not all(path.exists() for path in paths):
        return None
    return [_read(path) for path in paths]


def _read(path: Path) -> Arrays:
    try:
        # Opened here, as NumPy leaves open what is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, EOFError, KeyError, TypeError, AttributeError, NotImplementedError,
            RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        # NumPy and zipfile raise all of these over bytes that are no archive of plain arrays.
        raise _malformed(path, f"{type(error).__name__}: {error}") from None
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(lengths) != 1 or not max(lengths):
        raise _malformed(path, f"arrays of {sorted(lengths)} examples")
    return arrays


def _malformed(path: Path, fault: str) -> HarnessError:
    return HarnessError(
        f"{path}: not the outcomes of test examples ({fault}); without the file the report "
        "leaves the comparison on the same examples out"
    )


def _unlike(runs: Sequence[Arrays]) -> str:
    """How the runs show that they were not scored on the same examples; empty if nothing does."""
    lengths = sorted({len(next(iter(run.values()))) for run in runs})
    if len(lengths) > 1:
        return f"models were scored on different numbers of test examples ({lengths})"
    if len({tuple(sorted(run)) for run in runs}) > 1:
        return "models kept different outcomes"
    kinds = [{name: (a.ndim, a.dtype.kind) for name, a in run.items()} for run in runs]
    if any(kind != kinds[0] for kind in kinds):
        return "models kept outcomes of different types"
    for _, right in PAIRS:
        if any(right in run and not np.array_equal(run[right], runs[0][right]) for run in runs):
            return "models were scored on different test examples"
    return ""


def _adds_up(
    contribution: Contribution,
    chosen: Sequence[CellResults],
    arrays: Mapping[str, Sequence[Arrays]],
) -> bool:
    # Any small number has an exponential near 1, as many a score is that is no perplexity.
    if contribution.tolerance > EXACT and chosen[0].direction == "max":
        return False
    return all(
        _is_made_of(contribution, run, score)
        for cell in chosen
        for score, run in zip(cell.scores, arrays[cell.space], strict=True)
    )


def _is_made_of(contribution: Contribution, run: Arrays, score: float) -> bool:
    """Whether the outcomes of one model add up to its score."""
    parts = contribution.parts(run)
    if not np.isfinite(parts).all():
        return False
    metric = float(contribution.measure(parts.mean(axis=0)))
    return abs(metric - score) <= contribution.tolerance * abs(score) + 1e-9


def _in_series(task: str) -> bool:
    try:
        return registry.task(task).kind in SERIES
    except HarnessError:
        return True
