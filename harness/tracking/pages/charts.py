"""Charts on a page of MLflow's runs, in the words of that page.

The fields are those of `runs-charts.types.ts` in the sources of MLflow 3.17.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.journal.record import SweepRecord
from harness.tracking.runs import cut, flatten

SECTION = "shown"
"""Id of the section that the charts are in."""
MOST = 8
"""Charts of parallel coordinates."""
MOST_AXES = 7
"""Params of one of them."""


def bar(metric: str) -> dict[str, Any]:
    """One bar for each run or group."""
    return _chart("BAR", metric, metricKey=metric)


def line(metric: str) -> dict[str, Any]:
    """One line for each run or group, over its steps."""
    return _chart(
        "LINE",
        metric,
        metricKey=metric,
        selectedMetricKeys=[metric],
        lineSmoothness=0,
        scaleType="linear",
        xAxisKey="step",
        xAxisScaleType="linear",
        selectedXAxisMetricKey="",
        yAxisKey="metric",
        yAxisExpressions=[],
        ignoreOutliers=False,
        useGlobalXaxisKey=True,
        useGlobalLineSmoothing=True,
    )


def scatter(x: str, y: str) -> dict[str, Any]:
    """One point for each run or group."""
    axes = {"xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}
    return _chart("SCATTER", f"{x}-{y}", **axes)


def parallels(record: SweepRecord, task: str) -> list[Mapping[str, Any]]:
    """One chart of what all architectures share, then one of each set of hyperparameters.

    A chart leaves out the runs that lack one of its params: architectures are together in a
    chart where their hyperparameters have the same names.
    """
    searched = [r for r in record.results if r.task == task and r.phase == "search"]
    shared = _varied(flatten(r.training, "training.") for r in searched)
    charts: list[Mapping[str, Any]] = [
        _parallel("all", "all architectures", ("architecture", *shared))
    ]
    owners: dict[tuple[str, ...], list[str]] = {}
    for space in record.sweep.spaces:
        own = _varied(flatten(r.config) for r in searched if r.space == space)
        if own:
            owners.setdefault(own, []).append(space)
    for number, (names, spaces) in enumerate(owners.items()):
        charts.append(_parallel(f"own{number}", cut(", ".join(spaces), 80), names))
    return charts[:MOST]


def _varied(trials: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Params that more than one value was tried of, and that no trial lacks."""
    rows = list(trials)
    values = {name: [row[name] for row in rows if name in row] for row in rows for name in row}
    found = [n for n, v in values.items() if len(v) == len(rows) and len(set(v)) > 1]
    return tuple(found[:MOST_AXES])


def _chart(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"{kind.lower()}-{name}",
        "metricSectionId": SECTION,
        "deleted": False,
        "isGenerated": False,
        "runsCountToCompare": 100,
        **fields,
    }


def _parallel(uuid: str, title: str, params: Sequence[str]) -> dict[str, Any]:
    return _chart(
        "PARALLEL",
        uuid,
        displayName=title,
        selectedParams=list(params),
        selectedMetrics=["score"],
        showAllRuns=False,
    )
