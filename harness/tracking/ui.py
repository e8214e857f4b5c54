"""MLflow's own web page over an output folder."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.journal.folder import DATABASE
from harness.spec import HarnessError
from harness.system import isolation
from harness.system.text import one_line
from harness.tracking.client import artifact_root, default_uri, open_client
from harness.tracking.pages.links import WORKFLOW
from harness.tracking.pages.views import named
from harness.tracking.sync import first_line


def ui(output: Path, port: int, host: str = "127.0.0.1") -> None:
    """Serves MLflow's page over an output folder's database until interrupted.

    Args:
        output: folder that holds `mlflow.db`.
        port: TCP port to listen on.
        host: address to listen on; the page has no password, so others than this machine
            should not reach it.

    Raises:
        HarnessError: there is no database or a damaged one, the port cannot be used, mlflow is
            not installed, or the server fails.
    """
    uri = default_uri(output)
    file = (output / DATABASE).resolve()
    try:
        found = file.is_file()
    except OSError as error:
        raise HarnessError(f"{file}: cannot be read ({error.strerror})") from None
    if not found:
        raise HarnessError(
            f"{output}: no {DATABASE} there; expected the --output folder of a run with "
            "tracking, or make one with: harness sync DIR"
        )
    _check_port(host, port)
    experiments = _experiments(uri, file)
    print(f"MLflow on http://{host}:{port} (Ctrl-C ends it)")
    for experiment in experiments:
        if experiment.name != "Default":
            page = f"http://{host}:{port}/#/experiments/{experiment.experiment_id}"
            # Without the choice of workflow the page opens on charts for language models.
            runs = f"{page}/runs?{WORKFLOW}"
            print(f"  {one_line(experiment.name)}: {runs}", flush=True)
            for name, query in named(experiment.tags):
                print(f"    {one_line(name)}: {page}/{query}&{WORKFLOW}", flush=True)
    command = [
        *(*isolation.PYTHON, "-m", "mlflow", "server", "--workers", "1"),
        *("--backend-store-uri", uri, "--default-artifact-root", str(artifact_root(uri))),
        *("--artifacts-destination", str(file.parent / SERVED)),
        *("--host", host, "--port", str(port)),
    ]
    _serve(command)


def _experiments(uri: str, file: Path) -> list[Any]:
    try:
        return list(open_client(uri).search_experiments())
    except HarnessError:
        raise
    except Exception as error:
        raise HarnessError(
            f"{file}: MLflow cannot open it ({first_line(error, uri)}); end what holds it, "
            "upgrade MLflow, or move the file away and make another with: harness sync DIR"
        ) from error


def _check_port(host: str, port: int) -> None:
    if not 0 < port < 65536:
        raise HarnessError(f"port {port}: expected 1 to 65535")
    with socket.socket() as probe:
        # As the server does, or a page closed a minute ago would keep the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise HarnessError(
                f"port {port} of {host} cannot be used ({error.strerror}); choose another --port"
            ) from None


SERVED = "mlartifacts"
"""The folder of artifacts that MLflow's server itself takes, as it is called where nobody says."""


def _serve(command: list[str]) -> None:
    environment = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # The server's background jobs are for evaluating language models; here they are
        # only more processes.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **os.environ,
        # The server starts others, which look for modules in the current folder: a file
        # `random.py` beside the database is the person's.
        "PYTHONSAFEPATH": "1",
    }
    with (
        tempfile.TemporaryDirectory() as empty,
        subprocess.Popen(command, cwd=empty, env=environment) as server,
        _passed_on(server),
    ):
        code = server.wait()
    if code not in (0, 130, -signal.SIGINT, -signal.SIGTERM):
        raise HarnessError(f"MLflow's server ended with exit code {code}; see its output above")


@contextlib.contextmanager
def _passed_on(server: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Passes Ctrl-C and termination on, so that no server stays behind on the port."""

    def end(*_: object) -> None:
        server.terminate()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
