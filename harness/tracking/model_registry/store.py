"""Winners in MLflow's registry of models, each of them exactly once."""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.journal.folder import assets_path, interface_path
from harness.tracking.model_registry.pyfunc import pack
from harness.tracking.model_registry.winners import WINNER, Winner

_KEY, _STARTED, _ALIAS = "harness.key", "harness.sweep_started", "harness.alias."
_NOTE, _VERSIONS = "mlflow.note.content", "mlflow.modelVersions"


class ModelRegistry:
    """Writes winners to one MLflow server; used by one thread.

    A winner is two things there: a model of its experiment, with its files, and a version of the
    registered model of its task, which points to it. Both carry the tag `harness.key`; a model
    whose files were not all written is not ready, and is made anew.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._done: dict[str, tuple[Winner, str]] = {}

    def write(self, winner: Winner, folder: Path, run_id: str, experiment_id: str) -> bool:
        """Makes MLflow hold a winner.

        Args:
            folder: the sweep's folder.
            run_id: of the winner's cell.

        Returns:
            Whether there was anything to write. A model that lacks its interface or its assets,
            as those of older sweeps do, is left out.

        Raises:
            HarnessError: the interface is damaged.
        """
        if not packable(folder, winner.file) or self._done.get(winner.key) == (winner, run_id):
            return False
        model_id, logged = self._model(winner, folder, run_id, experiment_id)
        version, registered = self._version(winner, model_id, run_id)
        self._link(run_id, model_id, version)
        described = self._describe(winner, version)
        self._done[winner.key] = winner, run_id
        return logged or registered or described

    def name(self, winner: Winner, task_card: str, crown: bool) -> bool:
        """Gives a winner its aliases, unless a later sweep has them.

        Args:
            task_card: what the registered model is.
            crown: whether it is known that no architecture of its task is better.

        Returns:
            Whether an alias was moved.
        """
        version = next(iter(self._versions(winner)), None)
        if version is None:
            return False
        registered = self._client.get_registered_model(winner.registered)
        if registered.description != task_card:
            self._client.update_registered_model(winner.registered, task_card)
        aliases = [winner.alias] if winner.alias else []
        aliases += [WINNER] if crown and winner.best else []
        moved = [alias for alias in aliases if self._due(winner, registered, alias, version)]
        for alias in moved:
            self._client.set_registered_model_alias(winner.registered, alias, version.version)
            given = f"{winner.started!r} {winner.key}"
            self._client.set_registered_model_tag(winner.registered, _ALIAS + alias, given)
        return bool(moved)

    def _due(self, winner: Winner, registered: Any, alias: str, version: Any) -> bool:
        holder = registered.aliases.get(alias)
        if holder is None:
            return True
        if str(holder) == str(version.version):
            return False
        given = registered.tags.get(_ALIAS + alias)
        if given is not None:
            # Somebody may have moved the alias by hand: that stands until a later sweep ends.
            started, _, key = given.partition(" ")
            return bool(key != winner.key and float(started) <= winner.started)
        tags = self._client.get_model_version(winner.registered, str(holder)).tags
        return float(tags.get(_STARTED, "inf")) <= winner.started

    def _model(
        self, winner: Winner, folder: Path, run_id: str, experiment_id: str
    ) -> tuple[str, bool]:
        """The model of the experiment, and whether it had to be made."""
        from mlflow.entities import LoggedModelStatus

        kept = None
        for found in self._models(winner, experiment_id):
            ready = found.source_run_id == run_id and found.status == LoggedModelStatus.READY
            if ready and kept is None:
                kept = found.model_id
            else:
                self._client.delete_logged_model(found.model_id)
        if kept is not None:
            return kept, False
        made = self._client.create_logged_model(
            experiment_id, winner.name, run_id, {**self._tags(winner), _NOTE: winner.card},
            dict(winner.params), model_type="keras",
        )  # fmt: skip
        for twin in self._models(winner, experiment_id):  # see Store.remove_twins
            if twin.model_id != made.model_id:
                self._client.delete_logged_model(twin.model_id)
        self._upload(winner, folder, run_id, made.model_id)
        self._measure(winner, run_id, made.model_id)
        self._client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
        return made.model_id, True

    def _models(self, winner: Winner, experiment_id: str) -> list[Any]:
        filter_string = f"tags.`{_KEY}` = '{winner.key}'"
        return list(self._client.search_logged_models([experiment_id], filter_string))

    def _upload(self, winner: Winner, folder: Path, run_id: str, model_id: str) -> None:
        with tempfile.TemporaryDirectory() as work:
            packed = Path(work) / "model"
            pack(
                packed,
                folder / winner.file,
                winner.card,
                winner.requirements,
                winner.tags,
                winner.backend,
                run_id=run_id,
                model_id=model_id,
            )
            self._client.log_model_artifacts(model_id, str(packed))

    def _measure(self, winner: Winner, run_id: str, model_id: str) -> None:
        """Gives the model the test metrics of its cell, and the data set they were got on."""
        from mlflow.entities import Metric

        known = self._client.get_run(run_id).data.metrics
        for name in winner.metrics:
            if name in known:
                # The same row as that run's own, which MLflow does not write twice.
                (*_, row) = self._client.get_metric_history(run_id, name)
                metric = Metric(name, row.value, row.timestamp, row.step, model_id, winner.task,
                                winner.digest, run_id)  # fmt: skip
                self._client.log_batch(run_id, [metric])

    def _link(self, run_id: str, model_id: str, version: Any) -> None:
        """Shows the model on the run of its cell, and its version on the model."""
        from mlflow.entities import LoggedModelOutput

        outputs = self._client.get_run(run_id).outputs
        if model_id not in [o.model_id for o in (outputs.model_outputs if outputs else ())]:
            self._client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
        versions = json.dumps([{"name": version.name, "version": str(version.version)}])
        if self._client.get_logged_model(model_id).tags.get(_VERSIONS) != versions:
            self._client.set_logged_model_tags(model_id, {_VERSIONS: versions})

    def _version(self, winner: Winner, model_id: str, run_id: str) -> tuple[Any, bool]:
        """The version of the registered model, and whether it had to be made."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_registered_model(winner.registered)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            self._client.create_registered_model(winner.registered)
        source = f"models:/{model_id}"
        kept = None
        for found in self._versions(winner):
            if found.source == source and kept is None:
                kept = found
            else:  # its model was made anew
                self._client.delete_model_version(winner.registered, found.version)
        if kept is not None:
            return kept, False
        with _addressed(self._client.tracking_uri):
            made = self._client.create_model_version(
                winner.registered,
                source,
                run_id,
                self._tags(winner),
                description=winner.card,
                model_id=model_id,
            )
        for twin in self._versions(winner):  # see Store.remove_twins
            if str(twin.version) != str(made.version):
                self._client.delete_model_version(winner.registered, twin.version)
        return made, True

    def _describe(self, winner: Winner, version: Any) -> bool:
        """Brings card and tags of a version up to date: a later release may word them better."""
        if version.description != winner.card:
            self._client.update_model_version(winner.registered, version.version, winner.card)
        changed = {k: v for k, v in self._tags(winner).items() if version.tags.get(k) != v}
        for name, value in changed.items():
            self._client.set_model_version_tag(winner.registered, version.version, name, value)
        return bool(changed) or version.description != winner.card

    def _versions(self, winner: Winner) -> list[Any]:
        filter_string = f"name = '{winner.registered}' and tags.`{_KEY}` = '{winner.key}'"
        return list(self._client.search_model_versions(filter_string))

    def _tags(self, winner: Winner) -> Mapping[str, str]:
        return {**winner.tags, _KEY: winner.key, _STARTED: repr(winner.started)}


@contextlib.contextmanager
def _addressed(uri: str) -> Iterator[None]:
    """While a version is made of a model: MLflow looks that up where the process, not the client,
    writes to."""
    import mlflow

    was_set = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    before: Any = mlflow.get_tracking_uri() if was_set else None  # which unsets it
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def packable(folder: Path, file: str) -> bool:
    """Whether a saved model has beside it all that is needed to serve it."""
    path = folder / file
    return all(part.is_file() for part in (path, interface_path(path), assets_path(path)))
