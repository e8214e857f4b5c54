"""An MLflow server in a thread of this process, whose answers can be spoiled."""

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from harness.tracking import default_uri
from harness.tracking.client import open_client

Fault = Callable[[int, str, Callable[[], None]], bytes | None]
"""What befalls a request: told its number, its path and a function by which MLflow does what is
asked, it returns the whole answer as sent, empty to hang up, or `None` to let MLflow answer."""


@dataclass
class Served:
    """A server, its database and what befalls the requests."""

    output: Path
    """Folder with `mlflow.db`."""
    uri: str = ""
    fault: Fault | None = None
    asked: list[str] = field(default_factory=list)
    """Paths of all requests."""

    def runs(self, sweep_id: str) -> list[Any]:
        """The runs of a sweep, deleted ones left out."""
        client = open_client(default_uri(self.output))
        found = []
        for experiment in client.search_experiments():
            found += client.search_runs(
                [experiment.experiment_id],
                f"tags.`harness.key` LIKE '{sweep_id}/%'",
                max_results=1000,
            )
        return found


def answer(status: str, body: str, kind: str = "application/json") -> bytes:
    """An answer of HTTP, byte for byte."""
    content = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + content


@contextlib.contextmanager
def mlflow_server(output: Path) -> Iterator[Served]:
    """Serves a database made in a folder, artifacts included, as `mlflow server` does."""
    open_client(default_uri(output))
    variables = {
        "_MLFLOW_SERVER_FILE_STORE": default_uri(output),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(output / "mlartifacts"),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    }
    with mock.patch.dict(os.environ, variables):
        with warnings.catch_warnings():  # of MLflow's own imports, done at the first search
            warnings.simplefilter("ignore")
            from mlflow.server import app, fastapi_app, handlers  # noqa: F401
        import mlflow
        from werkzeug.serving import WSGIRequestHandler, make_server

        handlers._get_tracking_store()
        handlers._get_model_registry_store()
        # A server makes its own store that of its process; here clients live in it too.
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri("")
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            os.environ.pop(name, None)
        served = Served(output)
        lock = threading.Lock()

        class Handler(WSGIRequestHandler):
            """Answers as told, MLflow asked or not."""

            def run_wsgi(self) -> None:
                with lock:
                    served.asked.append(self.path)
                    number = len(served.asked)
                fault = served.fault
                said = None if fault is None else fault(number, self.path, self._obey)
                if said is None:
                    super().run_wsgi()
                else:
                    self.close_connection = True
                    self.wfile.write(said)

            def _obey(self) -> None:
                """Has MLflow do what was asked, and keeps its answer."""
                body = app(self.make_environ(), lambda *_: lambda _: None)
                for _ in body:
                    pass
                body.close()

            def log(self, *_: Any) -> None:
                pass

        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
        server.daemon_threads = True
        served.uri = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
