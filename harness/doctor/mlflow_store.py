"""Whether MLflow can be written to. Where it cannot, sweeps run and lose nothing."""

import contextlib
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.doctor.child import Answer, answering, asked
from harness.doctor.finding import Finding
from harness.doctor.machine import existing
from harness.failure import describe_error
from harness.journal.folder import DATABASE
from harness.system.redact import hidden, masked
from harness.tracking.client import database, open_client

NAME = "MLflow"
SECONDS = 60.0
"""How long MLflow may take; it loads in 2 to 3 s and fills an empty database in 3 s."""
LOCK_SECONDS = 5.0
"""How long another process may keep a database to itself."""
LARGEST_CHECKED = 100_000_000
"""Bytes of a database beyond which its pages are not looked through."""
_CODE = "from harness.doctor.mlflow_store import answer; answer()"
_ENVIRONMENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_MEMORY = "sqlite:///:memory:"
_LOST = "nothing is lost: sweeps run, and `harness sync DIR` writes them later"


@contextlib.contextmanager
def looking(uri: str, seconds: float = SECONDS) -> Iterator[Callable[[], Finding]]:
    """Starts to look and yields the function that waits for what is found.

    A database that is yet to be made is not made: SQLite makes an empty one beside its place,
    which is removed again, and MLflow fills one in memory. A server, or a database of another
    kind than SQLite, is asked for its experiments, and creates its tables if they are missing,
    as the first sweep would.

    Args:
        uri: A tracking URI, or `none`.
        seconds: How long MLflow may take.
    """
    if uri == "none":
        yield lambda: Finding(NAME, "ok", "switched off with --tracking none")
        return
    file = database(uri)
    new, fault = False, None
    if file is not None:
        try:
            new = not file.exists()
            fault = _uncreatable(file.parent) if new else damage(file)
        except OSError as error:
            fault = f"it cannot be looked at ({error.strerror})"
    if fault is not None:
        found = Finding(NAME, "warning", f"{masked(uri)}: {fault}", _remedy(uri))
        yield lambda: found
        return
    with asked(_CODE, seconds, _MEMORY if new else uri, _ENVIRONMENT) as reply:
        yield lambda: _judged(uri, reply(), new)


def _judged(uri: str, reply: Answer, new: bool) -> Finding:
    said = json.loads(reply.lines[-1]) if reply.lines else {}
    if reply.fault is None and "experiments" in said:
        state = "can be created" if new else f"experiments: {said['experiments']}"
        return Finding(NAME, "ok", f"{masked(uri)}: {state}")
    reason = said.get("error") or f"MLflow {reply.fault}; its last words: {reply.complaint}"
    reason = hidden(reason, uri)
    return Finding(NAME, "warning", f"{masked(uri)}: {reason}", _remedy(uri))


def reachable(uri: str, seconds: float = SECONDS) -> Finding:
    """Whether MLflow opens or creates the database, or the server answers.

    Arguments as of `looking`.
    """
    with looking(uri, seconds) as found:
        return found()


def damage(file: Path, seconds: float = LOCK_SECONDS) -> str | None:
    """What keeps SQLite from writing to an existing database, or `None`; nothing is written."""
    try:
        address = f"{file.absolute().as_uri()}?mode=rw"
        with contextlib.closing(sqlite3.connect(address, timeout=seconds, uri=True)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            if file.stat().st_size <= LARGEST_CHECKED:
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    return f"it is damaged ({verdict})"
    except sqlite3.Error as error:
        return f"it cannot be written ({error})"
    return None


def _uncreatable(folder: Path) -> str | None:
    """What keeps SQLite from making a database in a folder, or in the one it will be made in."""
    try:
        place = existing(folder)
        with (
            tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as scratch,
            contextlib.closing(sqlite3.connect(Path(scratch, DATABASE))) as connection,
        ):
            connection.execute("CREATE TABLE runs (name)")
            connection.commit()
    except (OSError, sqlite3.Error) as error:
        return f"it cannot be created ({getattr(error, 'strerror', None) or error})"
    return None


def _remedy(uri: str) -> str:
    if database(uri) is None:
        return f"start the server, or name another with --tracking; {_LOST}"
    return f"end what holds it, upgrade MLflow, or move the file away; {_LOST}"


# --- in the child -------------------------------------------------------------------


def answer() -> None:
    """Opens the store that standard input names and says what came of it, as JSON."""
    answers = answering()
    uri = sys.stdin.read()
    try:
        with contextlib.ExitStack() as stack:
            if uri == _MEMORY:  # its lock is a file all the same
                stack.enter_context(
                    contextlib.chdir(stack.enter_context(tempfile.TemporaryDirectory()))
                )
            experiments = open_client(uri).search_experiments(max_results=1000)
        fields: dict[str, Any] = {
            "experiments": len([e for e in experiments if e.name != "Default"])
        }
    except BaseException as error:  # noqa: BLE001 - whatever MLflow raises is the answer
        fields = {"error": describe_error(error).message}
    answers.write(json.dumps(fields) + "\n")
    answers.close()
