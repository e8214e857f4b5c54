"""What becomes of a trial: its record, and the score of a confirmed model."""

import dataclasses
from typing import Any

from harness import contract
from harness.failure import describe_error
from harness.spec import HarnessError, Infeasible, Prepared, Score, Split, Task
from harness.system.json_values import jsonable
from harness.training import artifacts, programs
from harness.training.callbacks import Diverged
from harness.training.device import latency
from harness.training.setup import Setup
from harness.training.state import TrialState
from harness.trial import Failure, Job, TrialResult


def begun(job: Job, started: float) -> TrialResult:
    """The record of a trial as far as its job tells it; `started` in Unix seconds."""
    return TrialResult(
        sweep=job.sweep,
        task=job.task,
        space=job.space,
        phase=job.phase,
        number=job.number,
        seed=job.seed,
        config=jsonable(job.config),
        training=jsonable(job.training),
        status="completed",
        started=started,
    )


def failed(result: TrialResult, error: Exception, device: str | None) -> TrialResult:
    """The record of a trial that an exception ended: it may fail in any way.

    Args:
        result: what is known of it.
        error: what ended it.
        device: what it ran on, as of `device_kind`, once that was known.
    """
    match error:
        case Infeasible():
            failure = Failure("infeasible", str(error))
            return dataclasses.replace(result, status="infeasible", failure=failure)
        case Diverged():
            failure = Failure("diverged", str(error))
            return dataclasses.replace(result, status="diverged", failure=failure)
    failure = describe_error(error)
    of_device = device not in (None, "cpu") and not isinstance(error, MemoryError)
    if failure.kind == "memory" and of_device:
        failure = dataclasses.replace(failure, kind="device_memory")
    return dataclasses.replace(result, status="failed", failure=failure)


def confirm(ready: Setup, data: Prepared, job: Job, task: Task, state: TrialState) -> None:
    """Scores the test split, once, and keeps the model and the outcome of each example.

    What is worth having beside them comes last: where it fails, they stand.
    """
    bare = ready.program.bare
    programs.to_predict(ready.program, ready.chosen)
    score = _score(task, bare, data.test, data)
    state.test = dict(score.metrics)
    for name, split in data.further.items():
        metrics = _score(task, bare, split, data).metrics
        state.test |= {f"{name}_{metric}": value for metric, value in metrics.items()}
    state.model = artifacts.keep_model(job, bare, data)
    if score.per_example:
        artifacts.keep_outcomes(job, score.per_example)
    with state.worth_having("latency"):
        state.spend(latency_ms=latency(bare, ready.feed.first_example(data.test)))
    if job.number == 0 and task.exhibit is not None:
        with state.worth_having("exhibit"):
            artifacts.keep_exhibit(job, task.exhibit(bare, data, score))


def _score(task: Task, model: Any, split: Split, data: Prepared) -> Score:
    score = task.score(model, split, data.assets)
    for fault in contract.score_faults(task, score):
        raise HarnessError(fault)
    return score
