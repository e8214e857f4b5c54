"""Many steps of a model in one launch, on JAX.

Keras dispatches each step by itself and so spends on a small one as much as it takes. Here a loop
on the device takes up to `Stacks.room` of them. How many it takes is no part of the compiled
program: each shape of batch has one program, whose results do not depend on how the steps were
parcelled out. A launch takes about half a second at most, at whose end it is looked whether the
loss is still a number, and whether time is up.

Keras scans steps in `fit` from 3.16 on (its pull request 23527). From that version on, `fit` here
and `_launched` can be its `fit` with `steps_per_execution`, if the length of a launch may still
change and if the steps behind the last whole launch are no program of their own.
"""

import math
import time
from typing import Any

from harness.training.arithmetic import convolves
from harness.training.feed import Feed
from harness.training.stacks import Stacks, fits
from harness.trial import TRAINED, Job

SECONDS = 0.5
"""What a launch takes at most, about."""
_GROWTH = 8
"""How many times longer a launch may be than the one before."""
State = tuple[list[Any], ...]
"""The values of the variables of `Loop.variables`."""


class Loop:
    """The steps of a model, compiled as loops when they are first asked for.

    Args:
        model: compiled and built, its optimizer included.
    """

    def __init__(self, model: Any) -> None:
        import jax

        self.model = model

        def train(state: State, batches: Any, count: Any) -> tuple[Any, State]:
            return self._launched(self.train_step, state, batches, count)

        def test(state: State, batches: Any, count: Any) -> tuple[Any, State]:
            return self._launched(self.test_step, state, batches, count)

        self.train = jax.jit(train, donate_argnums=0)
        self.test = jax.jit(test, donate_argnums=0)

    def variables(self, trained: bool = True) -> list[list[Any]]:
        """The variables that a step changes: weights, other states, with `trained` the
        optimizer's, and the metrics'."""
        model = self.model
        optimizer = [model.optimizer.variables] if trained else []
        return [
            model.trainable_variables, model.non_trainable_variables, *optimizer,
            model.metrics_variables,
        ]  # fmt: skip

    def state(self, trained: bool = True) -> State:
        """What those of the model hold; a launch takes it away from them."""
        return tuple([v.value for v in part] for part in self.variables(trained))

    def settle(self, state: State, trained: bool = True) -> None:
        """Gives the model what the last launch made of its state."""
        for variables, values in zip(self.variables(trained), state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def train_step(self, state: Any, batch: Any) -> Any:
        """The logs and the state after a step of training."""
        return self.model.train_step(state, batch)

    def test_step(self, state: Any, batch: Any) -> Any:
        """The logs and the state after one of validation."""
        return self.model.test_step(state, batch)

    def logs(self, metrics: list[Any]) -> dict[str, Any]:
        """What the metrics tell that hold these values."""
        import keras

        held = zip(self.model.metrics_variables, metrics, strict=True)
        with keras.StatelessScope(state_mapping=held):
            return dict(self.model.get_metrics_result())

    def _launched(self, step: Any, state: State, batches: Any, count: Any) -> tuple[Any, State]:
        """The logs and the state after so many of the batches, of shape (room, batch, ...)."""
        import jax

        def one(number: Any, state: State) -> State:
            batch = jax.tree.map(lambda stack: stack[number], batches)
            return tuple(map(list, step(state, batch)[1]))

        state = jax.lax.fori_loop(0, count, one, state)
        return self.logs(state[-1]), state


def loop(model: Any, feed: Feed, device: str) -> Loop | None:
    """The loop of a compiled model, or `None` where one step is dispatched at a time.

    That is so on other backends, for a model with a step of its own, for batches of which a launch
    could take but one, and on a processor for two more: examples whose length varies, of which few
    batches of one shape follow each other, so that `bert` took as long either way and compiled for
    longer; and convolutions, whose first epoch XLA made three times as long within a loop.

    Args:
        model: of the program.
        feed: what it is fitted to.
        device: what JAX computes on, as of `device_kind`.
    """
    import keras

    if keras.backend.backend() != "jax" or not model.jit_compile or model.run_eagerly:
        return None
    own = ("train_step", "test_step", "fit", "evaluate", "compute_metrics", "get_metrics_result")
    if any(getattr(type(model), name) is not getattr(keras.Model, name) for name in own):
        return None
    if Stacks(feed.batches()).room == 1:
        return None
    example = feed.example()
    try:
        model._symbolic_build(data_batch=example)  # metrics, too, have all their variables now
        slow = device == "cpu" and (bool(feed.varying) or convolves(model, *example))
    except Exception:  # noqa: BLE001 - what is wrong with a model is told by its fit
        return None
    return None if slow else Loop(model)


def fit(
    steps: Loop,
    feed: Feed,
    callbacks: Any,
    job: Job,
    forward_flops: float | None,
) -> None:
    """Fits a model as `keras.Model.fit` does, to the same batches in the same order.

    Args:
        steps: of the model.
        feed: what it is fitted to.
        callbacks: a list of callbacks of Keras. They hear of the last step of each launch.
        job: of the training.
        forward_flops: as of `Cost`.
    """
    model = steps.model
    resident = feed.redraw is None and fits(feed.train)
    train, val = Stacks(feed.batches(), resident), Stacks(feed.validation_batches())
    pace = Pace(_affordable(feed, job, forward_flops) - feed.drawn * len(train))
    model.stop_training = False
    callbacks.on_train_begin()
    logs: dict[str, Any] = {}
    for epoch in range(job.initial_epoch + feed.drawn, job.epochs):
        train.begin_epoch()  # as Keras: it looks at the first order, and trains by the next
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        _train(steps, train, pace, callbacks)
        logs = dict(model.get_metrics_result())
        validated = _evaluate(steps, val, callbacks)
        logs |= {f"val_{name}": value for name, value in validated.items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.on_train_end(logs)


def _affordable(feed: Feed, job: Job, forward_flops: float | None) -> float:
    """Steps for which the job's operations last."""
    if job.flops is None or not forward_flops:
        return math.inf
    examples = min(feed.batch_size, len(feed.train))
    return job.flops / (TRAINED * forward_flops * examples)


def _train(steps: Loop, train: Stacks, pace: "Pace", callbacks: Any) -> None:
    """Trains an epoch, or what is left of it when somebody asks for an end."""
    state = steps.state()
    done = 0
    pace.begin()
    while done < len(train) and not steps.model.stop_training:
        count = train.alike(done, pace.steps())
        logs, state = steps.train(state, train.stack(done, count), count)
        done += count
        callbacks.on_train_batch_end(done - 1, logs)  # waits for the launch before
        pace.took(count)
    steps.settle(state)


def _evaluate(steps: Loop, val: Stacks, callbacks: Any) -> dict[str, Any]:
    """The metrics on the validation split, by name."""
    callbacks.on_test_begin()
    steps.model.reset_metrics()
    state = steps.state(trained=False)
    done = 0
    while done < len(val):
        count = val.alike(done, len(val))
        _, state = steps.test(state, val.stack(done, count), count)
        done += count
    steps.settle(state, trained=False)
    logs = dict(steps.model.get_metrics_result())
    callbacks.on_test_end(logs)
    return logs


class Pace:
    """How many steps the next launch may take: one first, then what half a second allows.

    Args:
        affordable: steps after which each is a launch of its own, so that a training whose
            operations are spent ends at the same step however long launches are.
    """

    def __init__(self, affordable: float) -> None:
        self.affordable = affordable
        self.taken = 0
        self.longest = 1
        self.before: tuple[int, float] | None = None
        """Steps of the launch that is under way, and when it came to be waited for."""

    def begin(self) -> None:
        """Another epoch begins, with nothing under way."""
        self.before = None

    def steps(self) -> int:
        """Of the next launch, at most."""
        return max(1, int(min(self.longest, self.affordable - self.taken)))

    def took(self, steps: int) -> None:
        """Notes that a launch of so many steps is under way, and that the one before is over."""
        now = time.perf_counter()
        if self.before is not None:
            count, since = self.before
            wanted = int(SECONDS * count / max(now - since, 1e-9))
            self.longest = max(1, min(wanted, _GROWTH * self.longest))
        self.before = steps, now
        self.taken += steps
