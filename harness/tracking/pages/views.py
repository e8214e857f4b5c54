"""Ready views of a task's runs, which MLflow lists under *Views*.

MLflow keeps a view in a tag of the experiment, `mlflow.sharedViewState.<id>`: a JSON object of
`name`, `createdAt` (Unix milliseconds; the newest is listed first) and `state`, which is the
page's state as JSON, compressed. The names of that state's fields are those of the page of MLflow
3.17 (`ExperimentPageUIState.tsx` in its sources); a page that does not know a field ignores it.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from harness.journal.record import SweepRecord
from harness.tracking.pages import charts
from harness.tracking.trials import SweepTrials
from harness.tracking.values import MAX_TAG, cut, milliseconds, valid_name

TAG = "mlflow.sharedViewState."
_NAME = "attributes.`Run Name`"


@dataclass(frozen=True)
class View:
    """A filtered, sorted page of runs, as a table or as charts."""

    id: str
    name: str
    word: str
    """The name in short, without that of the sweep."""
    mode: Literal["TABLE", "CHART"]
    filter: str
    order: str
    """Metric that the runs are sorted by."""
    ascending: bool
    columns: tuple[str, ...]
    """In MLflow's notation, such as ``tags.`architecture` ``."""
    group_by: tuple[str, ...] = ()
    """Tags whose values stand for a group of runs; numbers of a group are averages."""
    cards: tuple[Mapping[str, Any], ...] = ()
    across: int = 2
    """Charts beside each other."""
    created: int = 0
    """Unix milliseconds."""

    def tag(self) -> tuple[str, str]:
        """Key and value of the experiment's tag."""
        text = json.dumps(self._state(), separators=(",", ":"), sort_keys=True)
        packed = "deflate;" + base64.b64encode(zlib.compress(text.encode(), 9)).decode()
        envelope = {
            "name": self.name,
            "createdAt": self.created,
            "state": packed,
            "mode": self.mode,  # ours: an address says it, the view's state does not
        }
        return f"{TAG}{self.id}", json.dumps(envelope)

    def query(self) -> str:
        """The end of the address that opens the view on an experiment's page."""
        return _query(self.id, self.mode)

    def _state(self) -> dict[str, Any]:
        groups = [{"mode": "tag", "groupByData": tag} for tag in self.group_by]
        return {
            "searchFilter": self.filter,
            "orderByKey": _metric(self.order),
            "orderByAsc": self.ascending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "modelVersionFilter": "All Runs",
            "datasetsFilter": [],
            "selectedColumns": list(self.columns),
            "columnOrder": [_NAME, *self.columns],
            "columnWidths": {_NAME: 170, **dict.fromkeys(self.columns, 120)},
            "runsHiddenMode": "SHOW_ALL",
            "groupBy": {"aggregateFunction": "average", "groupByKeys": groups} if groups else None,
            "useGroupedValuesInCharts": True,
            "hideEmptyCharts": True,
            "compareRunCharts": list(self.cards),
            # The page adds a chart of every metric to the section of this name; it stays folded.
            "compareRunSections": [
                {**_section(charts.SECTION, self.name), "columns": self.across},
                _section("all", "Model metrics"),
                _section("system", "System metrics"),
            ],
            "isAccordionReordered": True,
        }


def views(record: SweepRecord, trials: SweepTrials, task: str) -> tuple[View, ...]:
    """The views of a task that one sweep brings along: table, groups, curves, trials."""
    if task not in record.tasks:
        return ()
    newest = milliseconds(record.started) + 4  # MLflow lists the newest first
    return (
        _architectures(record, task, newest),
        _groups(record, task, newest - 1),
        _curves(record, task, newest - 2),
        _trials(record, trials, task, newest - 3),
    )


def tags(made: Iterable[View]) -> dict[str, str]:
    """The tags of an experiment that hold these views; one that is too large is left out."""
    return {key: value for key, value in (view.tag() for view in made) if len(value) <= MAX_TAG}


def named(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names of the views among an experiment's tags, with the ends of their addresses.

    The newest sweep is the first. Views that people saved on MLflow's page are among them.
    """
    found: list[tuple[float, str, str]] = []
    for key, value in tags.items():
        if key.startswith(TAG):
            try:
                kept = json.loads(value)
                created, name = float(kept["createdAt"]), str(kept["name"])
            except (ValueError, TypeError, KeyError):  # of an older MLflow, which named none
                continue
            mode = "CHART" if kept.get("mode") == "CHART" else "TABLE"
            found.append((-created, name, _query(quote(key.removeprefix(TAG)), mode)))
    return [(name, query) for _, name, query in sorted(found)]


def _query(view: str, mode: str) -> str:
    return f"runs?viewStateShareKey={view}&compareRunsMode={mode}"


def _architectures(record: SweepRecord, task: str, created: int) -> View:
    test, up = _judged(record, task)
    columns = _columns(
        test, f"{test}_ci_low", f"{test}_ci_high", "seeds", "score", "trials", "failed",
        "search_seconds", "cost.parameters", "cost.latency_ms",
    )  # fmt: skip
    return View(
        id=_id(record, "architectures"),
        name=_name(record, "architectures by test score"),
        word="architectures",
        mode="TABLE",
        filter=_filter(record, "study"),
        order=test,
        ascending=up,
        columns=columns,
        cards=(
            charts.bar(test),
            charts.bar("search_seconds"),
            charts.scatter("cost.parameters", test),
        ),
        created=created,
    )


def _groups(record: SweepRecord, task: str, created: int) -> View:
    test, up = _judged(record, task)
    return View(
        id=_id(record, "groups"),
        name=_name(record, "seeds grouped by architecture"),
        word="grouped seeds",
        mode="TABLE",
        filter=_filter(record, "confirm"),
        order=test,
        ascending=up,
        columns=_columns(test, "score", "cost.seconds", "cost.parameters"),
        group_by=("architecture",),
        cards=(charts.bar(test), charts.bar("cost.seconds")),
        created=created,
    )


def _curves(record: SweepRecord, task: str, created: int) -> View:
    test, up = _judged(record, task)
    objective = record.tasks[task].objective.metric
    lines = dict.fromkeys((f"val_{objective}", "val_loss", objective, "loss"))
    return View(
        id=_id(record, "curves"),
        name=_name(record, "learning curves"),
        word="learning curves",
        mode="CHART",
        filter=_filter(record, "confirm"),
        order=test,
        ascending=up,
        columns=_columns(test, "score", "cost.seconds"),
        group_by=("architecture",),
        cards=tuple(charts.line(valid_name(name)) for name in lines),
        created=created,
    )


def _trials(record: SweepRecord, trials: SweepTrials, task: str, created: int) -> View:
    return View(
        id=_id(record, "trials"),
        name=_name(record, "trials in parallel coordinates"),
        word="trials",
        mode="CHART",
        filter=f"{_filter(record, 'trial')} and tags.status = 'completed'",
        order="score",
        ascending=record.tasks[task].objective.direction == "min",
        columns=_columns("score", "cost.seconds", "cost.parameters", "cost.epochs"),
        cards=tuple(charts.parallels([c for c in trials.begun(record) if c.key[0] == task])),
        across=1,
        created=created,
    )


def _judged(record: SweepRecord, task: str) -> tuple[str, bool]:
    """The test metric that architectures are sorted by, and whether the lowest is the best."""
    judged = record.tasks[task].judged_by
    return valid_name(f"test_{judged.metric}"), judged.direction == "min"


def _id(record: SweepRecord, view: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', record.sweep.name)[:80]}-{view}"


def _name(record: SweepRecord, what: str) -> str:
    return cut(f"{record.sweep.name}: {what}", 100)


def _filter(record: SweepRecord, kind: str) -> str:
    # An older sweep of this name may have left runs of its own.
    return f"tags.`sweep.id` = '{re.sub(r'[^A-Za-z0-9-]', '', record.id)}' and tags.kind = '{kind}'"


def _metric(name: str) -> str:
    return f"metrics.`{name}`"


def _columns(*metrics: str) -> tuple[str, ...]:
    """Architecture and state, then metrics."""
    return ("tags.`architecture`", "tags.`status`", *map(_metric, metrics))


def _section(uuid: str, name: str) -> dict[str, Any]:
    ours = uuid == charts.SECTION
    return {
        "uuid": uuid,
        "name": name,
        "display": ours,
        "isReordered": True,
        "deleted": False,
        "isGenerated": not ours,
    }
