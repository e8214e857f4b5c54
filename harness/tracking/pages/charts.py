"""Charts on a page of MLflow's runs, in the words of that page.

The fields are those of `runs-charts.types.ts` in the sources of MLflow 3.17.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.tracking.trials import CellTrials, Tried
from harness.tracking.values import cut

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


def parallels(cells: Sequence[CellTrials]) -> list[Mapping[str, Any]]:
    """One chart of what all architectures of a task share, then one of each set of
    hyperparameters.

    A chart leaves out the runs that lack one of its params: architectures are together in a
    chart where their hyperparameters have the same names.
    """
    shared = Tried()
    for cell in cells:
        shared.add(cell.trainings)
    axes = ("architecture", *shared.varied()[:MOST_AXES])
    charts: list[Mapping[str, Any]] = [_parallel("all", "all architectures", axes)]
    owners: dict[tuple[str, ...], list[str]] = {}
    for cell in cells:
        own = cell.configs.varied()[:MOST_AXES]
        if own:
            owners.setdefault(own, []).append(cell.key[1])
    for number, (names, spaces) in enumerate(owners.items()):
        charts.append(_parallel(f"own{number}", cut(", ".join(spaces), 80), names))
    return charts[:MOST]


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
