"""Writes the journal of a sweep: one event a line, forced to the disk before it counts."""

import contextlib
import dataclasses
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import filelock

from harness.journal.events import VERSION, result_from_json
from harness.journal.folder import (
    DISCARDING,
    FILES,
    FOLDERS,
    JOURNAL,
    LOCK,
    WORKERS_LOG,
    drawn_files,
)
from harness.journal.read import JournalReader
from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.sweep.question import Sweep
from harness.system.json_values import jsonable, loaded, why
from harness.trial import Asked, Failure, TrialResult


class Journal:
    """The open journal of a sweep's folder; holds the folder's lock until closed."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        """Opens or creates the journal.

        Args:
            folder: The sweep's folder; made if need be.
            fresh: Leave out what there is; `begin` removes it.

        Raises:
            HarnessError: another driver has the folder open, or the journal cannot be
                written, or a complete line of it is damaged.
        """
        self.path = folder / JOURNAL
        self._written = False
        """Whether something was written that is not on the disk for sure."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(folder / LOCK)
            # `harness status` holds the lock for an instant to see whether it is free.
            self._lock.acquire(timeout=0.5)
        except filelock.Timeout:
            raise HarnessError(
                f"{folder}: another run is writing to this folder; wait for it, stop it, "
                "or choose another --output"
            ) from None
        except OSError as error:
            raise HarnessError(f"{folder}: cannot write there ({error.strerror})") from None
        try:
            self._discarding = folder / DISCARDING
            if self._discarding.exists():  # one was killed before it had removed everything
                self._discard()
            self._stale = fresh and self.path.exists() and self.path.stat().st_size > 0
            self._reader = JournalReader(folder)
            if not fresh and self.path.exists():
                self._reader.read()
            _drop_torn_line(self.path)
            self._open()
        except OSError as error:
            self._lock.release()
            raise HarnessError(f"{self.path}: cannot be opened ({error.strerror})") from None
        except BaseException:
            self._lock.release()
            raise

    def read(self) -> SweepRecord | None:
        """What it says by now; `None` before `begin` of one that is new.

        Raises:
            HarnessError: it was removed, or altered by somebody else.
        """
        return None if self._stale else self._reader.read()

    def begin(self, sweep: Sweep, environment: Mapping[str, Any], command: str) -> None:
        """Writes the first line of a new journal, or notes that an old one goes on.

        What a fresh one takes the place of is removed now, when nothing can be refused any more.
        """
        if self._stale:
            try:
                self._file.close()
                self._discarding.touch()
                self._discard()
                self._open()
            except OSError as error:
                raise HarnessError(f"{self.path}: cannot be begun ({error.strerror})") from error
            self._stale = False
        if self.read() is None:
            self.append("sweep", version=VERSION, id=uuid.uuid4().hex, sweep=sweep,
                        environment=environment, command=command)  # fmt: skip
        else:
            self.append("resumed", environment=environment, command=command)

    def append(self, event: str, **fields: Any) -> None:
        """Writes one event and forces it to the disk before it returns, with what was written
        before it.

        Raises:
            HarnessError: it cannot be written, or the journal is no longer where it was.
        """
        self._write(_line(event, **fields))
        self.flush()

    def ask(self, asked: Asked) -> None:
        """Writes that a trial is about to begin: `flush` before a worker is given it."""
        self._write(_line("asked", **jsonable(asked)))

    def finish(self, result: TrialResult) -> TrialResult:
        """Writes how a trial ended: `flush` before anything is done on its account.

        Returns:
            The result as it is recorded: a failure where it is none that can be read back, as a
            plugin may call anything a metric.
        """
        try:
            line = _line("finished", result=result)
            result_from_json(loaded(line)["result"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            failure = Failure("code", f"what it gave cannot be recorded ({why(error)})")
            result = dataclasses.replace(
                result, status="failed", score=None, metrics={}, curve=(), failure=failure
            )
            line = _line("finished", result=result)
        self._write(line)
        return result

    def _write(self, line: bytes) -> None:
        try:
            rest = line
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise HarnessError(f"{self.path}: cannot be written ({error.strerror})") from error
        self._written = True

    def flush(self) -> None:
        """Forces to the disk what was written since this was done last.

        Raises:
            HarnessError: it cannot be written, or the journal is no longer where it was.
        """
        if not self._written:
            return
        try:
            os.fsync(self._file.fileno())
            there = self.path.exists()
        except OSError as error:
            raise HarnessError(f"{self.path}: cannot be written ({error.strerror})") from error
        self._written = False
        if not there:  # what is written goes nowhere, or where nobody looks
            raise HarnessError(
                f"{self.path}: moved or removed while the sweep ran; what was recorded is where "
                "the folder is now, if it is anywhere"
            )

    def _open(self) -> None:
        # Unbuffered: a line that a full disk refused must not be written again on closing.
        self._file = self.path.open("ab", buffering=0)

    def _discard(self) -> None:
        _clear(self.path.parent)
        self._discarding.unlink()

    def close(self) -> None:
        """Closes the file and gives the lock back; one that was not begun leaves no file."""
        try:
            self._file.close()
            with contextlib.suppress(OSError):  # somebody has removed or moved it
                if self.path.stat().st_size == 0:
                    self.path.unlink()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _line(event: str, **fields: Any) -> bytes:
    """An event as a line of the journal."""
    return json.dumps({"event": event, "time": time.time(), **jsonable(fields)}).encode() + b"\n"


def _clear(folder: Path) -> None:
    """Removes what a sweep leaves in its folder, and nothing else."""
    # The journal first: it must never name what is gone.
    (folder / JOURNAL).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for path in drawn_files(folder):
        path.unlink()
    if (folder / WORKERS_LOG).exists():
        os.truncate(folder / WORKERS_LOG, 0)  # workers may have it open


def _drop_torn_line(path: Path) -> None:
    """Cuts what a killed driver left after the last newline."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)
