"""Where MLflow keeps what it is given, and a client that writes there."""

import glob
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import filelock

from harness.journal.folder import ARTIFACTS, DATABASE
from harness.spec import HarnessError

_SQLITE, _MEMORY = "sqlite:///", ":memory:"


def default_uri(output: Path) -> str:
    """The SQLite database of an output folder, as a tracking URI."""
    return f"{_SQLITE}{(output / DATABASE).resolve()}"


def database(uri: str) -> Path | None:
    """The file of an SQLite tracking URI, `None` for any other."""
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


def artifact_root(uri: str) -> Path | None:
    """The folder beside an SQLite database that takes artifacts; else the server decides."""
    file = database(uri)
    return None if file is None else file.resolve().parent / ARTIFACTS


def open_client(uri: str) -> Any:
    """An `mlflow.MlflowClient`, its SQLite database created where there is none.

    Raises:
        HarnessError: mlflow is not installed.
    """
    # The command line must not wait minutes for a server that is down, and a benchmark
    # tells nobody but its user what it runs.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise HarnessError(
            f"MLflow cannot be imported ({error}); pip install mlflow, or use --tracking none"
        ) from None
    # It logs what it raises, with tracebacks; whoever catches that reports it in one line.
    logging.getLogger("mlflow.store").setLevel(logging.CRITICAL)
    file = database(uri)
    if file is None:
        return MlflowClient(tracking_uri=uri)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Processes that create the same database at once crash.
    with filelock.FileLock(f"{file}.lock", timeout=60):
        if file.name != _MEMORY and (not file.exists() or not file.stat().st_size):
            _create(file, uri)
        client = MlflowClient(tracking_uri=uri)
        client.get_experiment_by_name("Default")
    return client


def _create(file: Path, uri: str) -> None:
    """Makes a database in a folder beside its place and moves it there; the caller holds the lock.

    One that a kill or a full disk left half made MLflow neither completes nor opens ever again.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    prefix = f".{file.name}."
    for left in file.parent.glob(f"{glob.escape(prefix)}*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=file.parent) as scratch:
        made = Path(scratch, file.name)
        make: Any = SqlAlchemyStore  # it has no types
        store = make(f"{_SQLITE}{made}", str(artifact_root(uri)))
        store.engine.dispose()
        made.replace(file)
