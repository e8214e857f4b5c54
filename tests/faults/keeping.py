"""Trials that leave checkpoints and continue from them, under a driver that watches them.

Files are written as a trial that trains writes them; only their content is none of Keras.
"""

import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.driver.ends import Ends
from harness.journal.folder import checkpoint_path
from harness.system import atomic_files
from tests.faults import fake

SEEN = "FAKE_SEEN"
"""Variable that names the file to write to what the driver sees."""
SAVING = "FAKE_SAVING"
"""Variable that says how long it takes to save a checkpoint; a fiftieth of a second if absent."""

_rest = fake.run
_settle = Ends.settle


def befall(then: Callable[[], None] | None = None) -> None:
    """Has a driver run such trials and watch; `then` is what else befalls it."""
    fake.run = run
    Ends.settle = watch
    if then is not None:
        then()


def run(job: Any, report: Any) -> Any:
    """Reads the checkpoint of its parent, and leaves its own."""
    if job.parent is not None:
        parent = checkpoint_path(job.folder, job.task, job.space, job.parent)
        assert parent.read_text() == f"{job.initial_epoch} epochs"
    result = _rest(job, report)
    if job.keep_checkpoint:
        path = checkpoint_path(job.folder, job.task, job.space, job.number)
        with atomic_files.whole(path) as part, part.open("w") as file:
            file.write(f"{job.epochs} ")
            file.flush()
            time.sleep(float(os.environ.get(SAVING, "0.02")))  # for a kill to come in the middle
            file.write("epochs")
    return result


def watch(self: Any) -> None:
    """Takes in the ends of a turn, and notes which checkpoints are there that need not be."""
    _settle(self)
    for cell in self.plan.cells:
        needed = cell.suggestions.continuable() if cell.ended is None else set()
        needed |= {number for phase, number in cell.attempts.running if phase == "search"}
        paths = {checkpoint_path(self.folder, *cell.cell.key, number) for number in needed}
        there = set((self.folder / "checkpoints").glob(f"*{cell.cell.space.name}.*"))
        finished = {path for path in there if not path.name.startswith(atomic_files.PART)}
        seen = {
            "there": len(there),
            "needed": len(needed),
            "spare": sorted(path.name for path in finished - paths),
        }
        with Path(os.environ[SEEN]).open("a") as file:
            file.write(json.dumps(seen) + "\n")


def wrapped(forks: Callable[..., Any], **variables: str) -> Callable[..., Any]:
    """Starts drivers as another function does, that run such trials."""

    def start(*words: object, fate: Callable[[], None] | None = None, **more: str) -> Any:
        return forks(*words, fate=functools.partial(befall, fate), **variables, **more)

    return start
