"""Runs one trial: from a configuration to a fitted model and its metrics.

Runs in a worker; a `Job`, the code and the data cache are all it needs.
"""

import dataclasses
import time
from typing import Any

from harness import contract, registry
from harness.data import cache
from harness.failure import describe_error
from harness.journal.folder import checkpoint_path
from harness.spec import HarnessError, Infeasible, Prepared, Score, Split, Task
from harness.system.json_values import jsonable
from harness.training import artifacts, framework_state, launch, programs
from harness.training.callbacks import Diverged, Tell, one_step_behind, watch
from harness.training.device import device_kind, execution, latency
from harness.training.feed import Feed
from harness.training.model import architecture, check_size
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


def run_trial(job: Job, tell: Tell) -> TrialResult:
    """Runs a trial to its end, whatever that is.

    Args:
        job: What to run.
        tell: Receives `{"epoch", "epochs", "score", "flops"}` after each epoch.

    Returns:
        The record of the trial. Failures are part of it; none is raised.
    """
    framework_state.note()  # before the first trial has plugins imported, which may change them
    task = registry.task(job.task)
    state = TrialState(task.objective)
    began = time.monotonic()  # the clock may be put back meanwhile, or forward by years
    result = begun(job, time.time())
    try:
        train(job, task, tell, state)
    except Infeasible as error:
        failure = Failure("infeasible", str(error))
        result = dataclasses.replace(result, status="infeasible", failure=failure)
    except Diverged as error:
        failure = Failure("diverged", str(error))
        result = dataclasses.replace(result, status="diverged", failure=failure)
    except Exception as error:  # noqa: BLE001 - a trial may fail in any way; it is recorded
        result = dataclasses.replace(result, status="failed", failure=describe_error(error))
    state.spend(seconds=time.monotonic() - began)
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
    import keras

    job = _continuable(job)
    data = cache.load(task, job.data_dir, job.offline, job.digest)
    began = time.perf_counter()
    space = registry.space(job.space)
    # A continuation must not see the data in the order of its parent's first epochs again.
    seed = job.seed + job.initial_epoch
    framework_state.restore()
    keras.utils.clear_session(free_memory=False)
    programs.make_room((*job.wanted, job.program), job.memory_gb)
    programs.collect_garbage()
    keras.utils.set_random_seed(seed)
    device = device_kind()
    chosen = execution(keras.backend.backend(), device)
    keras.config.set_dtype_policy(chosen.precision)
    state.spend(device=device)
    feed = Feed.of(data, job.training.batch_size, seed, job.train_fraction, task.redraw)
    random = programs.Drawn()
    bare = architecture(job, space, data)
    constants = random.numpy()
    state.spend(parameters=bare.count_params())
    check_size(job, bare.count_params())
    program = programs.program(job, task, space, data.spec, bare, feed, chosen)
    if program.new:
        program.loop = launch.loop(program.model, feed, device)
    with state.worth_having("flops"):
        state.spend(forward_flops=programs.counted(program, feed))
    if job.flops is not None and state.cost.forward_flops is None:
        reason = state.lost["flops"].message
        raise HarnessError(f"its operations cannot be counted, which the budget limits: {reason}")
    random = programs.Drawn()
    program.keepable = program.keepable and not constants
    state.spend(compiled=program.new)
    if job.parent is not None:
        artifacts.load_checkpoint(job, program.model)
    state.spend(build_seconds=time.perf_counter() - began)
    _fit(program, feed, job, tell, state)
    program.keepable = program.keepable and not random.any()
    if job.phase == "confirm":
        if not program.predicts:
            # The model is kept to predict: its loss may be a class that only the task knows, and
            # of all optimizers plain SGD alone has no state that a copy would lack.
            program.bare.compile("sgd", jit_compile=chosen.jit_compile)
            program.predicts = True
        _confirm(program.bare, feed, data, job, task, state)
    programs.keep(program, job.wanted, job.memory_gb)


def _continuable(job: Job) -> Job:
    """The job, from its first epoch where the checkpoint that it continues from is gone: so it is
    when a trial is tried again after its search has ended."""
    if job.parent is None or checkpoint_path(job.folder, job.task, job.space, job.parent).exists():
        return job
    return dataclasses.replace(job, parent=None, initial_epoch=0)


def _fit(program: programs.Program, feed: Feed, job: Job, tell: Tell, state: TrialState) -> None:
    import keras

    model = program.model
    patience = keras.callbacks.EarlyStopping(
        state.monitor,
        mode=state.objective.direction,
        # A trial that is continued must reach the epoch from which the next goes on.
        patience=job.epochs if job.keep_checkpoint else job.patience,
        # A continuation goes on from the last epoch, a confirmed model is the best one.
        restore_best_weights=job.phase == "confirm",
    )
    watching = [watch(job, len(feed.train), tell, state), patience]
    callbacks = one_step_behind(model, watching, job.epochs)
    if program.loop is not None:
        launch.fit(program.loop, feed, callbacks, job, state.cost.forward_flops)
    else:
        model.fit(
            **feed.arguments(),
            epochs=job.epochs,
            initial_epoch=job.initial_epoch,
            callbacks=callbacks,
            verbose=0,
        )
    if job.keep_checkpoint:
        artifacts.keep_checkpoint(job, model)


def _confirm(
    bare: Any, feed: Feed, data: Prepared, job: Job, task: Task, state: TrialState
) -> None:
    """Scores the test split, once, and keeps the model and the outcome of each example.

    What is worth having beside them comes last: where it fails, they stand.
    """
    score = _score(task, bare, data.test, data)
    state.test = dict(score.metrics)
    for name, split in data.further.items():
        metrics = _score(task, bare, split, data).metrics
        state.test |= {f"{name}_{metric}": value for metric, value in metrics.items()}
    state.model = artifacts.keep_model(job, bare, data)
    if score.per_example:
        artifacts.keep_outcomes(job, score.per_example)
    with state.worth_having("latency"):
        state.spend(latency_ms=latency(bare, feed.first_example(data.test)))
    if job.number == 0 and task.exhibit is not None:
        with state.worth_having("exhibit"):
            artifacts.keep_exhibit(job, task.exhibit(bare, data, score))


def _score(task: Task, model: Any, split: Split, data: Prepared) -> Score:
    score = task.score(model, split, data.assets)
    for fault in contract.score_faults(task, score):
        raise HarnessError(fault)
    return score
