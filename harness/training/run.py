"""Runs one trial: from a configuration to a fitted model and its metrics.

Runs in a worker; a `Job`, the code and the data cache are all it needs.
"""

import dataclasses
import time

from harness import registry
from harness.data import cache
from harness.journal.folder import checkpoint_path
from harness.spec import Task
from harness.training import (
    artifacts,
    framework_state,
    keeping,
    kept_state,
    launch,
    outcome,
    programs,
)
from harness.training.callbacks import Tell, one_step_behind, watch
from harness.training.setup import Setup, patience, set_up
from harness.training.state import TrialState
from harness.training.together import run_together
from harness.trial import Group, Job, TrialResult


def run_trial(job: Job, tell: Tell) -> TrialResult | Group:
    """Runs a trial to its end, whatever that is; those of a job with members as one program.

    Args:
        job: What to run.
        tell: Receives `{"epoch", "epochs", "score", "flops"}` after each epoch, and what
            `harness.training.keeping.keep` tells.

    Returns:
        The record of the trial. Failures are part of it; none is raised.
    """
    framework_state.note()  # before the first trial has plugins imported, which may change them
    if job.members:
        return run_together(job, tell)
    task = registry.task(job.task)
    state = TrialState(task.objective)
    result = outcome.begun(job, time.time())
    try:
        train(job, task, tell, state)
    except Exception as error:  # noqa: BLE001 - a trial may fail in any way; it is recorded
        result = outcome.failed(result, error, state.cost.device)
    state.spend(seconds=state.seconds())
    return state.fill(result)


def train(job: Job, task: Task, tell: Tell, state: TrialState) -> None:
    """Builds, fits and, to confirm, scores a model.

    Args:
        job: what to run.
        task: its task.
        tell: as of `run_trial`.
        state: receives what becomes known, as soon as it does.

    Raises:
        Exception: whatever keeps the trial from its end.
    """
    job = _continuable(job)
    data = cache.load(task, job.data_dir, job.offline, job.digest)
    began = time.perf_counter()
    ready = set_up(_admitted(job), task, data, state)
    state.spend(build_seconds=time.perf_counter() - began)
    _fit(ready, job, tell, state)
    ready.fitted()
    if job.phase == "confirm":
        outcome.confirm(ready, data, job, task, state)
    programs.keep(ready.program, job.wanted, job.memory_gb)


def _continuable(job: Job) -> Job:
    """The job, from its first epoch where the checkpoint that it continues from is gone: so it is
    when a trial is tried again after its search has ended."""
    if job.parent is None or _kept(job):
        return job
    if checkpoint_path(job.folder, job.task, job.space, job.parent).exists():
        return job
    return dataclasses.replace(job, parent=None, initial_epoch=0)


def _kept(job: Job) -> bool:
    """Whether an earlier attempt at it has kept its state."""
    import keras

    return kept_state.look(job, keras.backend.backend()) is not None


def _admitted(job: Job) -> Job:
    """The job, where an earlier attempt kept its state without the checkpoint, which is in it, and
    without the limit that it was measured against: it would be refused now for a busy moment of
    the machine."""
    return dataclasses.replace(job, parent=None, max_latency_ms=None) if _kept(job) else job


def _fit(ready: Setup, job: Job, tell: Tell, state: TrialState) -> None:
    program = ready.program
    kept = keeping.found(job, program)
    feed = dataclasses.replace(ready.feed, drawn=keeping.epochs_done(job, kept))
    watching, stopping = watch(job, len(feed.train), tell, state), patience(job, state)
    keep = keeping.keep(job, program, watching, stopping, kept, tell, state)
    callbacks = one_step_behind(program.model, [watching, stopping, keep], job.epochs)
    if program.loop is not None:
        launch.fit(program.loop, feed, callbacks, job, state.cost.forward_flops)
    else:
        program.model.fit(
            **feed.arguments(),
            epochs=job.epochs,
            initial_epoch=job.initial_epoch + feed.drawn,
            callbacks=callbacks,
            verbose=0,
        )
    if job.keep_checkpoint:
        artifacts.keep_checkpoint(job, program.model)
