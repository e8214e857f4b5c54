"""The answer as tables: one row a trial, one row a cell."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.analysis.cells import CellResults
from harness.analysis.peaks import peak, share_of_peak
from harness.journal.record import SweepRecord
from harness.report.verdicts.verdict import NOTHING_JUDGED, Judged, Judgement
from harness.system.json_values import jsonable
from harness.system.text import one_line
from harness.trial import TrialResult


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    dtype: str
    """Its type in pandas; whatever is text, or may be missing, has one that can be missing."""
    meaning: str


TRIALS_COLUMNS = {
    "sweep": Column("string", "Name of the sweep."),
    "task": Column("string", "Name of the task."),
    "space": Column("string", "Name of the architecture."),
    "phase": Column("string", "`search`, or `confirm` for a seed run of the configuration found."),
    "search": Column("int64", "Which of the cell's independent searches it belongs to, from 0."),
    "trial": Column("int64", "Number within cell and phase; the first of a search is the default."),
    "seed": Column("int64", "Seed of the training."),
    "status": Column("string", "What became of it: `completed`, `failed`, `diverged` and so on."),
    "val_metric": Column("string", "Metric of the validation split that the search compares by."),
    "val_score": Column("float64", "Its value; missing unless the trial completed with one."),
    "test_metric": Column("string", "Metric of the test split that architectures are judged by."),
    "test_score": Column("float64", "Its value, of seed runs alone: the search never sees it."),
    "other_test_metrics": Column("string", "JSON of the further test metrics of a seed run."),
    "epochs": Column("int64", "Epochs trained."),
    "seconds": Column("float64", "Wall seconds of the trial in its worker, or its share."),
    "build_seconds": Column("float64", "Those until the model was built."),
    "first_step_seconds": Column("float64", "Those of the first step: tracing and compiling."),
    "compiled": Column("boolean", "Whether it was compiled for this trial; else it was kept."),
    "resumed_at": Column(
        "Int64",
        "Epoch from whose end it went on after it had been cut off; missing if it never was.",
    ),
    "together": Column("Int64", "Seed runs that were one program with it, it included."),
    "parameters": Column("Int64", "Trainable and other weights of the model."),
    "forward_flops": Column("float64", "Floating-point operations of an example's forward pass."),
    "flops": Column("float64", "Floating-point operations of the training."),
    "node": Column("string", "Node of a cluster that it ended on by itself; missing elsewhere."),
    "flops_per_second": Column("float64", "Those of steady training, validation left out."),
    "share_of_peak": Column(
        "float64", "Of what the accelerator's data sheet says it computes, where it is known."
    ),
    "device_memory_mb": Column("float64", "Most memory of an accelerator; missing on a processor."),
    "error": Column("string", "Why there is no score, in one line."),
    "config": Column(
        "string",
        "JSON of the architecture's configuration, and of how it was fitted under "
        "`training.learning_rate` and so on.",
    ),
}
"""Columns of `trials.csv`, a row a trial."""

LEADERBOARD_COLUMNS = {
    "task": Column("string", "Name of the task."),
    "space": Column("string", "Name of the architecture."),
    "metric": Column("string", "Metric of the test split that architectures are judged by."),
    "direction": Column("string", "`max` where more of it is better, else `min`."),
    "mean": Column("float64", "Mean over the seeds; missing without a confirmed result."),
    "ci_low": Column(
        "float64",
        "Lower end of its 95 % t interval, over seeds or, of several, over "
        "searches; missing with one.",
    ),
    "ci_high": Column("float64", "Upper end; both lie within the metric's scale."),
    "seeds": Column("int64", "Seed runs with a finite score, over which the mean is taken."),
    "searches": Column("int64", "Independent searches whose winners these runs have."),
    "verdict": Column(
        "string",
        "`best mean`, or what may be said of the difference to the best: `different`, "
        "`not distinguishable`, `unknown`; missing without a confirmed result.",
    ),
    "difference": Column("float64", "Mean of the best of the task minus this one."),
    "difference_low": Column(
        "float64",
        "Lower end of the interval that the verdict rests on: over seeds, or searches, and test "
        "examples, as far as they are known; it holds jointly for all pairs of the task.",
    ),
    "difference_high": Column("float64", "Upper end of it."),
    "trials": Column("int64", "Search trials, whatever became of them."),
    "failed": Column("int64", "Trials of both phases that ended without a finite score."),
    "search_seconds": Column("float64", "Wall seconds in workers over all search trials."),
    "parameters": Column("Int64", "Median over the seed runs."),
    "flops": Column("float64", "Floating-point operations of a confirmation run, median."),
    "latency_ms": Column("float64", "Milliseconds to predict one example, median over them."),
    "baseline": Column("float64", "The trivial predictor's score on the test split."),
    "rivals": Column("string", "JSON of the scores of further simple methods, by name."),
    "reference": Column("float64", "The published score."),
}
"""Columns of `leaderboard.csv`, a row a cell."""

TRIALS = {name: column.dtype for name, column in TRIALS_COLUMNS.items()}
"""Types of `trials.csv`, ready for `pandas.read_csv(dtype=TRIALS)`."""
LEADERBOARD = {name: column.dtype for name, column in LEADERBOARD_COLUMNS.items()}
"""Types of `leaderboard.csv`."""

_FORMULA = r"[=+\-@\t\r\n＝＋－＠]"
_NUMBER = r"([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf(inity)?"
_MISSING = r"#n/a( n/a)?|#na|<na>|n/a|na|null|nan|none|-?1\.#(ind|qnan)"
_NO_TEXT = re.compile(rf"\A(?={_FORMULA}|({_NUMBER}|{_MISSING}|true|false)\Z)", re.IGNORECASE)
"""Before text that a spreadsheet or pandas would take for something else."""


def trials_table(record: SweepRecord, cells: Sequence[CellResults]) -> pd.DataFrame:
    """One row for the last result of every trial, cell by cell, search before confirmation.

    `TRIALS_COLUMNS` says what each column means.
    """
    device = peak(record.environment, record.sweep.precision, record.sweep.backend)
    rows = [
        _trial_row(record, cell, result, device)
        for cell in cells
        for result in (*cell.search, *cell.confirm)
    ]
    return pd.DataFrame(rows, columns=list(TRIALS)).astype(TRIALS)


def leaderboard(
    tasks: Mapping[str, Sequence[CellResults]], judged: Judged = NOTHING_JUDGED
) -> pd.DataFrame:
    """One row a cell, by task in the order of the question, best mean first.

    `LEADERBOARD_COLUMNS` says what each column means.

    Args:
        tasks: cells by task, the best first.
        judged: what may be said of the best of a task against each other one; verdicts of
            tasks that are not among them are missing.
    """
    rows = [
        _cell_row(cell, _verdict(cell, group, judged.get(task)))
        for task, group in tasks.items()
        for cell in group
    ]
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


def _trial_row(
    record: SweepRecord, cell: CellResults, result: TrialResult, device: float | None
) -> dict[str, object]:
    confirmed = result.phase == "confirm"
    known = cell.data is not None
    return {
        "sweep": record.sweep.name,
        "task": result.task,
        "space": result.space,
        "phase": result.phase,
        "search": cell.search_of(result),
        "trial": result.number,
        "seed": result.seed,
        "status": result.status,
        "val_metric": cell.objective.metric if known else None,
        "val_score": result.score if result.status == "completed" else None,
        "test_metric": cell.metric if known and confirmed else None,
        "test_score": cell.score(result) if confirmed else None,
        "other_test_metrics": _json(_others(cell, result)) if confirmed else None,
        "epochs": result.epochs,
        "seconds": result.cost.seconds,
        "build_seconds": result.cost.build_seconds,
        "first_step_seconds": result.cost.first_step_seconds,
        "compiled": result.cost.compiled,
        "resumed_at": result.cost.resumed_at,
        "together": result.cost.together,
        "parameters": result.cost.parameters,
        "forward_flops": result.cost.forward_flops,
        "flops": result.cost.flops,
        "node": result.cost.node,
        "flops_per_second": result.cost.flops_per_second,
        "share_of_peak": share_of_peak(result, device),
        "device_memory_mb": result.cost.device_memory_mb,
        "error": one_line(result.failure.message) if result.failure else None,
        "config": _json(configuration(result)),
    }


def _others(cell: CellResults, result: TrialResult) -> dict[str, float]:
    """The test metrics of a run by name, without the one it is judged by."""
    found = {n.removeprefix("test_"): v for n, v in result.metrics.items() if n.startswith("test_")}
    return {name: value for name, value in sorted(found.items()) if name != cell.metric}


def _json(values: Mapping[str, object]) -> str:
    # In ASCII, as half of a surrogate pair, which JSON may hold, is no UTF-8.
    return json.dumps(jsonable(dict(values)))


def _verdict(
    cell: CellResults, group: Sequence[CellResults], judged: Mapping[str, Judgement] | None
) -> dict[str, object]:
    """What may be said of a cell and the best of its task."""
    if judged is None or not cell.scores:
        return {}
    if cell is group[0]:
        return {"verdict": "best mean"}
    found = judged[cell.space]
    return {
        "verdict": found.verdict,
        "difference": found.difference.mean,
        "difference_low": found.difference.low,
        "difference_high": found.difference.high,
    }


def _cell_row(cell: CellResults, verdict: Mapping[str, object]) -> dict[str, object]:
    interval = cell.interval
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
        "searches": len({cell.search_of(run) for run in cell.confirm}),
        **verdict,
        "trials": len(cell.search),
        "failed": len(cell.unscored),
        "search_seconds": cell.search_seconds,
        "parameters": None if math.isnan(parameters) else round(parameters),
        "flops": cell.median_cost(lambda cost: cost.flops),
        "latency_ms": cell.median_cost(lambda cost: cost.latency_ms),
        "baseline": cell.baseline,
        "rivals": _json(cell.rivals),
        "reference": cell.reference,
    }
