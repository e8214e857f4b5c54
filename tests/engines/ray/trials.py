"""A job function for jobs with a folder and a task, importable by workers on nodes."""

import os
import time
from pathlib import Path

from harness import registry
from harness.data import download
from harness.journal.folder import checkpoint_path, model_path, state_path


def nothing() -> None:
    """Initialises nothing."""


def run(job, tell):
    """Leaves a model that holds the checkpoint it started from; says what it found."""
    left = job.folder / model_path(job.task, job.space, job.seed)
    left.parent.mkdir(parents=True, exist_ok=True)
    parent = checkpoint_path(job.folder, job.task, job.space, job.parent or 0)
    left.write_text(f"from {parent.read_text()}" if job.parent else "from nothing")
    part = left.with_name(f".part.1.{left.name}")
    part.write_text("cut off")
    tell({"left": left.name})
    state = state_path(job.folder, *job.key)
    found = state.read_text() if state.exists() else "nothing"
    state.parent.mkdir(exist_ok=True)
    state.write_text(f"kept behind {found}")
    tell({"kept": 1, "left": left.name})
    if job.number == 13:
        time.sleep(0.5)  # a worker goes on beside what it keeps
        os._exit(13)
    home = Path(download.cache_root(), "prepared", job.task)
    return {
        "folder": str(job.folder),
        "state": found,
        "left by others": sorted(
            str(path) for path in job.folder.glob("*/*") if path not in (left, part, state, parent)
        ),
        "data": {path.name: path.read_bytes() for path in home.glob("[!.]*/*")},
        "plugins": [str(path) for path in registry.plugins()],
        "config": type(job.config).__module__,
    }
