"""Validation curves of confirmation runs: the best score so far after each epoch."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis.cells import CellResults
from harness.analysis.statistics import running_best, unit
from harness.spec import Direction
from harness.trial import TrialResult

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ValidationCurve:
    """One run, an entry an epoch."""

    seed: int
    search: int
    seconds: Numbers
    """Of training, since it began."""
    flops: Numbers
    """Likewise; NaN where the journal tells of none."""
    scores: Numbers
    """Best so far on validation: the weights of the best epoch are those that are kept."""
    best: int
    """The epoch that was best, from 1."""

    @property
    def epochs(self) -> int:
        """How many were trained."""
        return len(self.scores)


def curves_of(cell: CellResults) -> list[ValidationCurve]:
    """Of each confirmation run with a test score that has a validation score in every epoch."""
    name = f"val_{cell.objective.metric}"
    found = []
    for run in cell.confirm:
        scores = np.array([_number(row.get(name)) for row in run.curve])
        if math.isfinite(cell.score(run)) and len(scores) and np.isfinite(scores).all():
            found.append(_curve(cell, run, scores))
    return found


def _curve(cell: CellResults, run: TrialResult, scores: Numbers) -> ValidationCurve:
    signed = scores if cell.objective.direction == "max" else -scores
    seconds = np.array([_number(row.get("seconds")) for row in run.curve])
    share = np.arange(1, len(scores) + 1) / len(scores)
    return ValidationCurve(
        run.seed,
        cell.search_of(run),
        seconds,
        share * _number(run.cost.flops),
        running_best(scores, cell.objective.direction),
        int(signed.argmax()) + 1,
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def mean_scores(curves: list[ValidationCurve], epochs: int | None = None) -> Numbers:
    """The mean over runs after each epoch; a run that has ended keeps its best.

    Args:
        curves: one or more.
        epochs: as many as the longest run has if absent.
    """
    length = max(curve.epochs for curve in curves) if epochs is None else epochs
    return np.asarray(np.sum([held(c.scores, length) / len(curves) for c in curves], axis=0))


def held(scores: Numbers, length: int) -> Numbers:
    """Scores of so many epochs, the last one repeated."""
    return np.concatenate([scores[:length], np.full(max(0, length - len(scores)), scores[-1])])


def spread(curves: list[ValidationCurve]) -> float:
    """Standard deviation of final scores over the seeds of a search; NaN without two."""
    groups: dict[int, list[float]] = {}
    for curve in curves:
        groups.setdefault(curve.search, []).append(float(curve.scores[-1]))
    one = unit([score for group in groups.values() for score in group])
    several = [np.array(group) / one for group in groups.values() if len(group) > 1]
    variances = [np.var(group, ddof=1) for group in several]
    return one * math.sqrt(float(np.mean(variances))) if variances else math.nan


def gain_sign(direction: Direction) -> int:
    """1 where more is better, else -1."""
    return 1 if direction == "max" else -1
