"""What a trial leaves in its sweep's folder: checkpoint, model, outcomes, exhibit.

Each is whole or absent, whenever its writer is killed or the disk is full.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.journal.folder import (
    assets_path,
    checkpoint_path,
    exhibit_path,
    model_path,
    outcomes_path,
)
from harness.models import keep_interface
from harness.spec import HarnessError, Prepared
from harness.system import atomic_files
from harness.system.json_values import jsonable, why
from harness.trial import Job


def keep_checkpoint(job: Job, model: Any) -> None:
    """Keeps the weights and the optimizer's state of a fitted model, for a continuation."""
    path = checkpoint_path(job.folder, job.task, job.space, job.number)
    state = [*model.variables, *model.optimizer.variables]
    with atomic_files.whole(path, file_size(state)) as part:
        model.save_weights(part)


def load_checkpoint(job: Job, model: Any) -> None:
    """Gives a compiled model the weights and the optimizer's state that it goes on with."""
    assert job.parent is not None
    model.optimizer.build(model.trainable_variables)
    model.load_weights(checkpoint_path(job.folder, job.task, job.space, job.parent))


def keep_model(job: Job, model: Any, data: Prepared) -> Path:
    """Keeps a confirmed model, and beside it the assets and what it accepts and returns.

    Returns:
        Its path, relative to the sweep's folder.
    """
    place = model_path(job.task, job.space, job.seed)
    path = job.folder / place
    with atomic_files.whole(path, file_size(model.variables)) as part:
        model.save(part)
    with atomic_files.whole(assets_path(path)) as part:
        part.write_text(json.dumps(jsonable(data.assets)), encoding="utf-8")
    keep_interface(path, data.spec, data.test)
    return place


def keep_outcomes(job: Job, per_example: Mapping[str, np.ndarray]) -> None:
    """Keeps the outcome of each test example, for paired comparisons."""
    arrays: dict[str, Any] = dict(per_example)
    with atomic_files.whole(job.folder / outcomes_path(job.task, job.space, job.seed)) as part:
        np.savez_compressed(part, **arrays)


def keep_exhibit(job: Job, exhibit: Mapping[str, Any]) -> None:
    """Keeps an exhibit; a report that is written meanwhile sees all of it or none.

    Raises:
        HarnessError: it is not made of JSON values.
    """
    try:
        text = json.dumps(jsonable(exhibit), ensure_ascii=False, indent=1)
    except (TypeError, ValueError) as error:
        raise HarnessError(
            f"task {job.task!r}: expected JSON values from exhibit, arrays as lists ({why(error)})"
        ) from error
    with atomic_files.whole(job.folder / exhibit_path(job.task, job.space)) as part:
        part.write_text(text + "\n", encoding="utf-8")


def file_size(variables: Iterable[Any]) -> int:
    """About how many bytes a file takes that holds these variables, rather too many."""
    return sum(4 * math.prod(variable.shape) + 4096 for variable in variables)
