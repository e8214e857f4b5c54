"""The answer as tables: one row a trial, one row a cell."""

import json
import math
import re
from collections.abc import Mapping, Sequence

import pandas as pd

from harness.analysis.cells import CellResults
from harness.analysis.statistics import mean_interval
from harness.journal.record import SweepRecord
from harness.system.json_values import jsonable
from harness.system.text import one_line
from harness.trial import TrialResult

TRIALS = {
    "sweep": "string",
    "task": "string",
    "space": "string",
    "phase": "string",
    "trial": "int64",
    "seed": "int64",
    "status": "string",
    "objective": "string",
    "score": "float64",
    "epochs": "int64",
    "seconds": "float64",
    "parameters": "Int64",
    "error": "string",
    "config": "string",
}
"""Columns of `trials.csv` and their types, ready for `pandas.read_csv(dtype=TRIALS)`."""

LEADERBOARD = {
    "task": "string",
    "space": "string",
    "metric": "string",
    "direction": "string",
    "mean": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "seeds": "int64",
    "trials": "int64",
    "failed": "int64",
    "search_seconds": "float64",
    "parameters": "Int64",
    "latency_ms": "float64",
    "baseline": "float64",
    "reference": "float64",
}
"""Columns of `leaderboard.csv` and their types."""

_FORMULA = r"[=+\-@\t\r\n＝＋－＠]"
_NUMBER = r"([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf(inity)?"
_MISSING = r"#n/a( n/a)?|#na|<na>|n/a|na|null|nan|none|-?1\.#(ind|qnan)"
_NO_TEXT = re.compile(rf"\A(?={_FORMULA}|({_NUMBER}|{_MISSING}|true|false)\Z)", re.IGNORECASE)
"""Before text that a spreadsheet or pandas would take for something else."""


def trials_table(record: SweepRecord, cells: Sequence[CellResults]) -> pd.DataFrame:
    """One row for the last result of every trial, cell by cell, search before confirmation.

    - `objective`: the metric that `score` is a value of: `val_accuracy` in the search,
      `test_accuracy` in confirmation, where the task's objective is `accuracy` and it is
      judged by no other measure.
    - `score`: missing unless the trial completed with one.
    - `seconds`: wall seconds of the whole trial in its worker.
    - `error`: why there is no score, in one line.
    - `config`: JSON of the architecture's configuration, and of how it was fitted under
      `training.learning_rate` and so on.
    """
    rows = [
        _trial_row(record, cell, result)
        for cell in cells
        for result in (*cell.search, *cell.confirm)
    ]
    return pd.DataFrame(rows, columns=list(TRIALS)).astype(TRIALS)


def leaderboard(tasks: Mapping[str, Sequence[CellResults]]) -> pd.DataFrame:
    """One row a cell, by task in the order of the question, best mean first.

    - `mean`, `ci_low`, `ci_high`: test score over seeds with its 95 % t interval, which is
      not cut at the ends of the metric's scale; missing without a confirmed result, the
      interval also with a single one.
    - `seeds`: confirmation runs the mean is taken over: those with a finite score.
    - `trials`: search trials, whatever became of them.
    - `failed`: trials of both phases that ended without a finite score.
    - `search_seconds`: wall seconds in workers over all search trials.
    - `parameters`, `latency_ms`: medians over the confirmation runs.
    - `baseline`, `reference`: the trivial predictor and the published figure.
    """
    rows = [_cell_row(cell) for group in tasks.values() for cell in group]
    return pd.DataFrame(rows, columns=list(LEADERBOARD)).astype(LEADERBOARD)


def csv(table: pd.DataFrame) -> str:
    """The table as CSV that means the same to a spreadsheet and to `pandas.read_csv`.

    Text gets a leading apostrophe, by which spreadsheets know text, where it would be run as a
    formula, as OWASP advises ("CSV Injection"), or be read as a number, a truth value or a
    missing one: a sweep may be called `007`, and an error `None`. Numbers are left as they are,
    negative ones too. A column without any value reads as numbers, all of them missing.
    """
    safe = table.copy()
    for name in map(str, safe.select_dtypes("string").columns):
        safe[name] = safe[name].str.replace(_NO_TEXT, "'", regex=True)
    return safe.to_csv(index=False, lineterminator="\n")


def configuration(result: TrialResult) -> dict[str, object]:
    """Architecture fields, then those of `Training` with `training.` before their names."""
    training = {f"training.{name}": value for name, value in result.training.items()}
    return {**result.config, **training}


def _trial_row(record: SweepRecord, cell: CellResults, result: TrialResult) -> dict[str, object]:
    metric = f"val_{cell.objective.metric}"
    if result.phase == "confirm":
        metric = f"test_{cell.metric}"
    return {
        "sweep": record.sweep.name,
        "task": result.task,
        "space": result.space,
        "phase": result.phase,
        "trial": result.number,
        "seed": result.seed,
        "status": result.status,
        "objective": metric if cell.data else None,
        "score": cell.score(result),
        "epochs": result.epochs,
        "seconds": result.cost.seconds,
        "parameters": result.cost.parameters,
        "error": one_line(result.failure.message) if result.failure else None,
        # In ASCII, as half of a surrogate pair, which JSON may hold, is no UTF-8.
        "config": json.dumps(jsonable(configuration(result))),
    }


def _cell_row(cell: CellResults) -> dict[str, object]:
    interval = mean_interval(cell.scores)
    parameters = cell.median_cost(lambda cost: cost.parameters)
    return {
        "task": cell.task,
        "space": cell.space,
        "metric": cell.metric or None,
        "direction": cell.direction if cell.data else None,
        "mean": interval.mean,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "seeds": len(cell.scores),
        "trials": len(cell.search),
        "failed": len(cell.unscored),
        "search_seconds": cell.search_seconds,
        "parameters": None if math.isnan(parameters) else round(parameters),
        "latency_ms": cell.median_cost(lambda cost: cost.latency_ms),
        "baseline": cell.baseline,
        "reference": cell.reference,
    }
