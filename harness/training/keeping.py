"""Keeps the state of a long training as it goes, and goes on from what was kept.

At the end of an epoch all is at rest: what a training does next follows from the variables (random
states of layers among them), the number of the epoch (the order of the data is drawn from the seed,
epoch by epoch), the generators of Python and NumPy, and what the callbacks have counted.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.training import kept_state
from harness.training.callbacks import Tell
from harness.training.kept_state import Kept, Progress
from harness.training.programs import Program
from harness.training.state import TrialState
from harness.trial import Job

_PATIENCE = ("wait", "stopped_epoch", "best", "best_epoch")
"""What Keras's `EarlyStopping` goes on with, beside the best weights."""
_COST = ("build_seconds", "first_step_seconds", "train_seconds", "examples_per_second",
         "peak_memory_mb", "device_memory_mb", "latency_ms", "flops")  # fmt: skip
"""What an attempt that goes on takes over, or adds its own to."""


def found(job: Job, program: Program) -> Kept | None:
    """What was kept of an earlier attempt at a job, if it fits the program of this one."""
    import keras

    kept = kept_state.read(job, keras.backend.backend())
    if kept is None:
        return None
    program.model.optimizer.build(program.model.trainable_variables)
    fits = _alike(program.state(), kept.variables)
    if not fits or (kept.best is not None and not _alike(program.model.weights, kept.best)):
        kept_state.discard(job, "its model has other weights")
        return None
    return kept


def _alike(variables: Sequence[Any], values: Sequence[np.ndarray]) -> bool:
    return [tuple(v.shape) for v in variables] == [value.shape for value in values]


def epochs_done(job: Job, kept: Kept | None) -> int:
    """How many of the job's own epochs need not be trained again."""
    if kept is None:
        return 0
    return (job.epochs if kept.progress.over else kept.progress.epoch) - job.initial_epoch


def keep(
    job: Job,
    program: Program,
    watching: Any,
    stopping: Any,
    kept: Kept | None,
    tell: Tell,
    state: TrialState,
) -> Any:
    """A callback that goes on from what was kept, and keeps the state anew as time goes by.

    It comes after the two others.

    Args:
        job: what is trained.
        program: its model.
        watching: of `harness.training.callbacks.watch`.
        stopping: Keras's `EarlyStopping`.
        kept: what an earlier attempt left, if anything.
        tell: receives `{"resumed_at", "seconds", "flops"}`, what was taken over, and
            `{"kept": epoch}`.
        state: receives curve and cost of the earlier attempt.
    """
    import keras

    class Keep(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            nonlocal kept
            if kept is not None:
                _go_on(kept, program, watching, stopping, state)
                told = state.cost.kept_seconds, state.cost.kept_flops
                tell({"resumed_at": kept.progress.epoch, "seconds": told[0], "flops": told[1]})
                kept = None  # it is as large as the model
            self.began = self.since = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if job.keep_seconds is None:
                return
            over = self.model.stop_training or epoch + 1 == job.epochs
            # At its end once more, as the scores that follow may take long.
            if time.monotonic() - (self.began if over else self.since) < job.keep_seconds:
                return
            with state.worth_having("state"):
                progress = _progress(job, epoch + 1, over, watching, stopping, state)
                variables = [np.array(variable) for variable in program.state()]
                kept_state.write(job, Kept(progress, variables, stopping.best_weights))
                state.lost.pop("state", None)
            if "state" not in state.lost:
                tell({"kept": epoch + 1})
            self.since = time.monotonic()

    return Keep()


def _progress(
    job: Job, epoch: int, over: bool, watching: Any, stopping: Any, state: TrialState
) -> Progress:
    import keras

    kind, keys, *rest = np.random.get_state()  # others' code may draw from it
    return Progress(
        fingerprint=kept_state.fingerprint(job, keras.backend.backend()),
        epoch=epoch,
        over=bool(over),
        seconds=state.seconds(),
        cost={name: getattr(state.cost, name) for name in _COST},
        curve=state.curve,
        counts=watching.counts(),
        patience={name: float(getattr(stopping, name)) for name in _PATIENCE},
        random=[random.getstate(), [kind, np.asarray(keys).tolist(), *rest]],
    )


def _go_on(kept: Kept, program: Program, watching: Any, stopping: Any, state: TrialState) -> None:
    """Sets everything to what it was."""
    progress = kept.progress
    for variable, value in zip(program.state(), kept.variables, strict=True):
        variable.assign(_typed(variable, value))
    for name, value in progress.patience.items():
        setattr(stopping, name, value if name == "best" else int(value))
    stopping.best_weights = None
    if kept.best is not None:
        stopping.best_weights = [*map(_typed, program.model.weights, kept.best)]
    of_python, of_numpy = progress.random
    version, numbers, gauss = of_python
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(tuple(of_numpy))  # others' code may draw from it
    state.curve[:] = [dict(epoch) for epoch in progress.curve]
    cost = dict(progress.cost)
    cost["build_seconds"] += state.cost.build_seconds
    if state.cost.latency_ms is not None:
        cost["latency_ms"] = state.cost.latency_ms
    state.spend(
        **cost,
        resumed_at=progress.epoch,
        kept_seconds=progress.seconds,
        kept_flops=progress.cost["flops"],
    )
    watching.go_on(progress.counts)


def _typed(variable: Any, value: np.ndarray) -> np.ndarray:
    """A value of a variable, of its type: NumPy's files know no bfloat16."""
    return value.view(variable.dtype) if value.dtype.kind == "V" else value
