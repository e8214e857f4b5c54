"""An MLflow tracking store, and how a projected run gets into it exactly once."""

import contextlib
import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from harness.tracking.client import artifact_root, database, open_client
from harness.tracking.metrics import Points
from harness.tracking.model_registry.store import ModelRegistry
from harness.tracking.runs import Run
from harness.tracking.values import MAX_DIGEST, MAX_TAG, cut

_PARENT = "mlflow.parentRunId"
# MLflow takes 1000 values a request, 100 of them params or tags.
_MAX_METRICS, _MAX_ENTRIES = 900, 100
# Without it, MLflow's page asks every visitor which kind of experiment this is.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


@dataclass
class _Known:
    """What the store is known to hold of a run."""

    run_id: str
    digest: str | None = None
    """`None` until everything was written."""
    attempt: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: bool = False
    points: Points | None = None
    """What this process has written of the run's metrics, or the beginning of it."""
    sent: int = 0
    """How many of them."""


class Store:
    """Writes the runs of one sweep; used by one thread.

    A run is found again by its tag `harness.key`. Its tag `harness.digest`, written last,
    says what it holds: a run whose digest fits is left alone, any other is completed.
    """

    def __init__(self, uri: str) -> None:
        """Opens the store, creating an SQLite database that does not exist.

        Raises:
            HarnessError: mlflow is not installed.
        """
        self._uri = uri
        self._client = open_client(uri)
        self.models = ModelRegistry(self._client)
        self._experiments: dict[str, tuple[str, dict[str, str]]] = {}
        self._known: dict[str, _Known] = {}
        self._grown: dict[str, list[str]] = {}
        """Keys of the runs that were made lately, by experiment."""

    def open_experiment(self, name: str, sweep_id: str) -> None:
        """Finds or creates an experiment, and finds a sweep's runs in it."""
        if name not in self._experiments:
            self._experiments[name] = self._find_experiment(name)
            self._find_runs(self._experiments[name][0], sweep_id)

    def tag_experiment(self, name: str, tags: Mapping[str, str]) -> None:
        """Brings tags of an experiment up to date; its description and its views are tags."""
        experiment_id, current = self._experiments[name]
        for key, value in tags.items():
            if current.get(key) != value:
                self._client.set_experiment_tag(experiment_id, key, cut(value, MAX_TAG))
                current[key] = value

    def write(
        self,
        experiment: str,
        run: Run,
        folder: Path,
        parent: str | None = None,
        contents: Mapping[str, str] = MappingProxyType({}),
    ) -> bool:
        """Makes the store hold the run.

        Args:
            folder: the sweep's folder, where the run's files are.
            parent: key of the parent run, written before.
            contents: SHA-256 of each of the run's files.

        Returns:
            Whether there was anything to write.
        """
        parent_id = None if parent is None else self._known[parent].run_id
        digest = run.digest(parent_id, contents)
        known = self._known.get(run.key)
        if known is not None and known.digest == digest:
            return False
        if known is not None and not _fits(known, run):
            self._client.delete_run(known.run_id)
            known = None
        tags = {**run.tags, "harness.key": run.key, "mlflow.runName": run.name}
        if run.attempt:
            tags["harness.attempt"] = run.attempt
        if parent_id is not None:
            tags[_PARENT] = parent_id
        if known is None:
            known = self._create(self._experiments[experiment][0], run, tags)
            self._known[run.key] = known
        self._log(known, run, tags)
        self._log_artifacts(known.run_id, run, folder)
        self._set_status(known.run_id, run)
        self._client.set_tag(known.run_id, "harness.digest", digest)
        known.digest = digest
        return True

    def experiment_id(self, name: str) -> str:
        """The id of an experiment that was opened before."""
        return self._experiments[name][0]

    def run_id(self, key: str) -> str:
        """The id of a run that was written before."""
        return self._known[key].run_id

    def _find_experiment(self, name: str) -> tuple[str, dict[str, str]]:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            root = artifact_root(self._uri)
            location = None if root is None else (root / quote(name, safe="")).as_uri()
            # Another run may create the same experiment at this moment.
            with contextlib.suppress(MlflowException):
                self._client.create_experiment(name, location, _EXPERIMENT_TAGS)
            found = self._client.get_experiment_by_name(name)
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return found.experiment_id, dict(found.tags)

    def _find_runs(self, experiment_id: str, sweep_id: str) -> None:
        for run in self._runs(experiment_id, f"{sweep_id}/"):
            tags = run.data.tags
            found = _Known(
                run.info.run_id,
                tags.get("harness.digest"),
                tags.get("harness.attempt", ""),
                dict(tags),
                dict(run.data.params),
                bool(run.data.metrics),
            )
            twin = self._known.setdefault(tags["harness.key"], found)
            if twin is not found:
                spare = twin if twin.digest is None else found
                self._client.delete_run(spare.run_id)
                if spare is twin:
                    self._known[tags["harness.key"]] = found

    def remove_twins(self) -> None:
        """Deletes runs that were made twice.

        MLflow's client asks a server again whose answer got lost, and tells nobody.
        """
        grown, self._grown = self._grown, {}
        for experiment_id, keys in grown.items() if database(self._uri) is None else ():
            # One run that was made is looked for by its key, a whole sweep by what all have.
            shared = os.path.commonprefix(keys)  # noqa: RUF071 - of texts, not of paths
            for run in self._runs(experiment_id, shared):
                known = self._known.get(run.data.tags["harness.key"])
                if known is not None and known.run_id != run.info.run_id:
                    self._client.delete_run(run.info.run_id)

    def _runs(self, experiment_id: str, prefix: str) -> list[Any]:
        """All runs in an experiment whose keys begin so."""
        prefix = prefix.partition("'")[0]  # MLflow's filters know no way to write one
        runs: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [experiment_id],
                f"tags.`harness.key` LIKE '{prefix}%'",
                max_results=1000,
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                return runs

    def _create(self, experiment_id: str, run: Run, tags: dict[str, str]) -> _Known:
        self._grown.setdefault(experiment_id, []).append(run.key)
        info = self._client.create_run(experiment_id, run.started, tags, run.name).info
        return _Known(info.run_id, attempt=run.attempt, tags=tags)

    def _log(self, known: _Known, run: Run, tags: Mapping[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        new = [Param(k, v) for k, v in run.params.items() if k not in known.params]
        changed = [RunTag(k, v) for k, v in tags.items() if known.tags.get(k) != v]
        entries: list[Any] = [*new, *changed]
        unsent = run.points.since(known.sent if known.points is run.points else 0)
        points = [Metric(p.name, float(p.value), p.time, p.step) for p in unsent]
        while points or entries:
            metrics, points = points[:_MAX_METRICS], points[_MAX_METRICS:]
            batch, entries = entries[:_MAX_ENTRIES], entries[_MAX_ENTRIES:]
            self._client.log_batch(
                known.run_id,
                metrics,
                [entry for entry in batch if isinstance(entry, Param)],
                [entry for entry in batch if isinstance(entry, RunTag)],
            )
        for name in ("error", "error.kind"):  # of an attempt that was retried
            if name in known.tags and name not in tags:
                self._client.delete_tag(known.run_id, name)
                del known.tags[name]
        known.attempt = run.attempt
        known.params |= run.params
        known.tags |= tags
        known.points, known.sent = run.points, len(run.points)
        known.metrics = known.metrics or known.sent > 0

    def _log_artifacts(self, run_id: str, run: Run, folder: Path) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if run.dataset is not None:
            data = Dataset(
                name=run.dataset["name"],
                digest=run.dataset["digest"][:MAX_DIGEST],
                source_type="code",
                source='{"tags": {"mlflow.source.name": "tasks"}}',
                profile=run.dataset["profile"],
            )
            context = InputTag("mlflow.data.context", "training")
            self._client.log_inputs(run_id, [DatasetInput(data, [context])])
        for name, text in run.texts.items():
            self._client.log_text(run_id, text, name)
        for name, target in run.files.items():
            if (folder / name).is_file():
                self._client.log_artifact(run_id, str(folder / name), target or None)

    def _set_status(self, run_id: str, run: Run) -> None:
        if run.status == "RUNNING":
            self._client.update_run(run_id, status="RUNNING")
        else:
            self._client.set_terminated(run_id, run.status, run.ended)


def _fits(known: _Known, run: Run) -> bool:
    """Whether the run can be written over: MLflow neither changes params nor drops metrics."""
    same_params = all(run.params.get(name) == value for name, value in known.params.items())
    return same_params and (known.attempt == run.attempt or not known.metrics)
