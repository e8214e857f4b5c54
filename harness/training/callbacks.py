"""Callbacks of a fit.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import psutil

from harness import contract
from harness.spec import HarnessError
from harness.training.device import device_memory
from harness.training.state import TrialState
from harness.trial import TRAINED, Job

COUNTS = ("steps", "examples", "steady_examples", "steady_seconds")
"""What `watch` counts, beside the time."""
Tell = Callable[[Mapping[str, Any]], None]


class Diverged(Exception):
    """The loss, or the score, is no longer a number."""


def one_step_behind(model: Any, callbacks: list[Any], epochs: int) -> Any:
    """Callbacks of a fit that hear of a training step when the next one is under way.

    Keras hands a step's loss over as a number, and so waits for the step before it prepares the
    next: an accelerator then idles meanwhile. Here one step is always queued. Every step is heard
    of, in order, before validation or the end of the epoch.
    """
    import keras

    class OneStepBehind(keras.callbacks.CallbackList):  # type: ignore[misc]
        held: tuple[int, Any] | None = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.hand_over()
            self.held = batch, logs

        def on_test_begin(self, logs: Any = None) -> None:
            self.hand_over()
            super().on_test_begin(logs)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.hand_over()
            super().on_epoch_end(epoch, logs)

        def hand_over(self) -> None:
            held, self.held = self.held, None
            if held is not None:
                super().on_train_batch_end(*held)

    return OneStepBehind(callbacks, add_history=True, model=model, epochs=epochs, verbose=0)


def watch(
    job: Job,
    examples: int,
    tell: Tell,
    state: TrialState,
    now: Callable[[], float] = time.perf_counter,
) -> Any:
    """A callback that measures, reports, and stops on time or on a loss that is no number.

    Args:
        job: what is trained.
        examples: those of the training split, of which the last batch of an epoch may hold fewer
            than the others.
        tell: receives `{"epoch", "epochs", "score", "flops"}` after each epoch.
        state: receives the curve and the cost.
        now: tells the seconds that the training has taken, from any moment on.
    """
    import keras

    process = psutil.Process()

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            self.began = self.started = now()
            self.compiling = True
            self.steady_from: float | None = None
            self.steady_examples = self.steps = self.examples = 0
            self.steady_seconds = 0.0

        def counts(self) -> dict[str, float]:
            """What it has counted, for an attempt that goes on from here."""
            return {name: getattr(self, name) for name in COUNTS} | {"seconds": now() - self.began}

        def go_on(self, counts: Mapping[str, Any]) -> None:
            """Counts on from what an earlier attempt had."""
            for name in COUNTS:
                setattr(self, name, counts[name])
            self.began = self.started - counts["seconds"]

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch_steps = 0
            if self.steps:
                self.steady_from = now()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen = self.seen(self.epoch_steps)
            self.steps += batch + 1 - self.epoch_steps  # one, or those of a launch
            self.epoch_steps = batch + 1
            size = self.seen(self.epoch_steps) - seen
            self.examples += size
            if not np.isfinite(float(logs["loss"])):
                state.spend(flops=self.flops())
                raise Diverged(
                    f"the loss is {float(logs['loss'])} in step {self.epoch_steps} of epoch "
                    f"{job.initial_epoch + len(state.curve) + 1}"
                )
            moment = now()
            if self.compiling:
                before = state.cost.first_step_seconds  # of earlier attempts
                state.spend(first_step_seconds=before + moment - self.started)
                self.steady_from = moment
                self.compiling = False
            else:
                self.steady_examples += size
            self.last_step = moment
            late = job.seconds is not None and moment - self.began > job.seconds
            if job.flops is not None:  # what a trial has spent counts however it ends
                state.spend(flops=self.flops())
            spent = job.flops is not None and (self.flops() or 0.0) > job.flops
            if late or spent:
                self.model.stop_training = True

        def seen(self, steps: int) -> int:
            """Examples of so many steps of an epoch."""
            return min(steps * job.training.batch_size, examples)

        def flops(self) -> float | None:
            """What the training has cost so far."""
            forward = state.cost.forward_flops
            return None if forward is None else TRAINED * forward * self.examples

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            assert self.steady_from is not None
            self.steady_seconds += self.last_step - self.steady_from
            logs = {name: float(value) for name, value in logs.items()}
            reported = [name.removeprefix("val_") for name in logs]
            for fault in contract.log_faults(job.task, state.objective, reported):
                raise HarnessError(fault)
            seconds = now() - self.began
            state.curve.append({"epoch": epoch + 1, "seconds": seconds, **logs})
            memory = process.memory_info().rss / 2**20
            state.spend(
                train_seconds=seconds - state.cost.first_step_seconds,
                examples_per_second=(
                    self.steady_examples / self.steady_seconds if self.steady_examples else None
                ),
                peak_memory_mb=max(memory, state.cost.peak_memory_mb or 0.0),
                device_memory_mb=device_memory(),
                flops=self.flops(),
            )
            if not np.isfinite(logs[state.monitor]):
                raise Diverged(f"{state.monitor} is {logs[state.monitor]}")
            score = state.best()[state.monitor]
            told = {"epoch": epoch + 1, "epochs": job.epochs, "score": score}
            tell({**told, "flops": self.flops()})

    return Watch()
