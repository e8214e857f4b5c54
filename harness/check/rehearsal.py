"""The cheap part of a check, which `harness run` does by itself before anything is written.

It is done in the workers of the sweep, which are warm then: a network of the default configuration
is built, as it will be for the first trial, and asked what it takes, gives and reports, and whether
it could be loaded once it is saved; one network for each task is scored, untrained, on a few
examples of validation. Whatever else goes wrong there is left to the trials, which record it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import registry
from harness.check import steps
from harness.check.saving import loading_faults
from harness.data import cache
from harness.engines.local.worker import Run, Tell
from harness.spec import Prepared, SearchSpace, Task, Training
from harness.training import framework_state


@dataclass(frozen=True)
class Rehearsal:
    """A cell to look at before its first trial: small and picklable."""

    task: str
    space: str
    score: bool
    """Whether the task is scored as well."""
    data_dir: Path | None = None
    offline: bool = False
    digest: str | None = None
    """Of the task's data."""


def run_or_rehearse(run: Run, job: Any, tell: Tell) -> Any:
    """What workers of a sweep call: rehearsals come before trials, and are none."""
    return rehearse(job) if isinstance(job, Rehearsal) else run(job, tell)


def rehearse(job: Rehearsal) -> tuple[str, ...]:
    """The faults of a cell that can be known for almost nothing, a line each."""
    import keras

    framework_state.note()  # before plugins are imported, which may change it
    task, space = registry.task(job.task), registry.space(job.space)
    data = steps.few(cache.load(task, job.data_dir, job.offline, job.digest), train=2)
    framework_state.restore()
    keras.utils.clear_session()
    try:
        return tuple(_faults(task, space, data, job.score))
    except steps.Fault as fault:
        return (str(fault),)


def _faults(task: Task, space: SearchSpace, data: Prepared, score: bool) -> list[str]:
    config = steps.default_configuration(task, space)
    try:
        model = steps.built(task, space, config, data)
    except steps.BuildFault:  # so will its first trial, which is recorded
        return []
    found = steps.model_faults(task, space, model, data.spec) or loading_faults(space, model)
    if found:
        return found
    whole = model if task.training_model is None else task.training_model(model)
    with steps.blamed(steps.owner(task), "compile_args"):
        whole.compile("sgd", **task.compile_args(data.spec, Training()))
    found = steps.log_faults(task, whole, data)
    if score:
        model.compile("sgd")
        found += steps.scored(task, model, data)[1]
    return found
