"""Writes a sweep to MLflow while it runs, without ever standing in its way."""

import contextlib
import shlex
import threading
import time
from pathlib import Path

from harness.system.redact import masked
from harness.tracking.client import default_uri
from harness.tracking.sync import SweepSync, first_line

# Training shares the processor with the tracker: it rests at least this long, and at least
# this many times as long as it worked.
_REST_SECONDS, _REST_FACTOR = 2.0, 10
_LAST_ATTEMPTS = 2


class Tracker:
    """Follows the journal of a sweep's folder from a background thread.

    Whatever happens to MLflow, nothing is raised and nobody waits; `sync` can catch up.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        """Starts to create database and experiments.

        Args:
            folder: the sweep's folder, which exists.
            uri: MLflow's tracking URI; `default_uri` has the usual one.
        """
        self._folder = folder
        self._uri = uri
        self._error: Exception | None = None
        self._news = threading.Event()
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tracker", daemon=True)
        self._news.set()
        self._thread.start()

    def update(self) -> None:
        """Notes that the journal has grown; returns at once."""
        self._news.set()

    def close(self, timeout: float = 60.0) -> str | None:
        """Writes what is left, for at most `timeout` seconds.

        Returns:
            `None` when MLflow holds the whole journal, else one line that says what to do.
        """
        self._closing.set()
        self._news.set()
        self._thread.join(timeout)
        late = self._thread.is_alive()
        self._abandoned.set()
        if not late and self._error is None:
            return None
        uri = masked(self._uri)
        reason = f"not done after {timeout:g} s"
        if self._error is not None:
            reason = first_line(self._error, self._uri)
        command = ["harness", "sync", str(self._folder)]
        if self._uri != default_uri(self._folder.parent):
            command += ["--tracking", uri]
        return (
            f"MLflow at {uri} lacks part of this sweep ({reason}); nothing is lost, "
            f"write it with: {shlex.join(command)}"
        )

    def _work(self) -> None:
        with contextlib.ExitStack() as stack:
            link = None
            failures = 0
            while not self._abandoned.is_set():
                self._news.wait()
                self._news.clear()
                closing = self._closing.is_set()
                began = time.monotonic()
                try:
                    if link is None:
                        link = stack.enter_context(SweepSync(self._folder, self._uri))
                    link.update(live=not closing)
                    self._error, failures = None, 0
                except Exception as error:  # noqa: BLE001 - `close` reports it, the run goes on
                    self._error, failures = error, failures + 1
                    self._news.set()
                if closing and failures in (0, _LAST_ATTEMPTS):
                    return
                self._rest(closing, failures, time.monotonic() - began)
                if self._closing.is_set() and not closing:
                    failures = 0

    def _rest(self, closing: bool, failures: int, worked: float) -> None:
        if closing:
            self._abandoned.wait(1.0)
        else:
            rest = max(_REST_SECONDS, _REST_FACTOR * worked)
            self._closing.wait(rest * 2 ** min(failures, 5))
