"""The optimizer of a run, whose numbers are data of the compiled step and no part of it.

Keras traces a schedule, a weight decay and a rate that is a number of Python into constants, so
that each trial is a program of its own. Here they are a variable of the optimizer: another run
sets it (`set_course`), and the step stays as it was compiled. What is the same for all weights is
worked out once a step.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.spec import Training

RATE, WARMUP, DECAY, FLOOR, WEIGHT_DECAY = range(5)
"""What each value of the variable `course` is: the highest learning rate, the steps over which it
rises, those over which it falls, the share of it that is left, and the weight decay."""


def build_optimizer(
    training: Training, steps: int, factors: Mapping[str, float] | None = None
) -> Any:
    """The optimizer of a run of that many steps, with its learning rate schedule.

    The rate rises linearly over the warm-up and then stays, or falls to zero along half a
    cosine (Loshchilov and Hutter 2017). Weight decay is decoupled (Loshchilov and Hutter
    2019) and spares biases and normalisation, as usual.

    Args:
        training: its hyperparameters.
        steps: of the whole run.
        factors: what the learning rate is multiplied by, for variables by their path.
    """
    options: dict[str, Any] = {"global_clipnorm": training.clip_norm}
    if training.optimizer == "sgd":
        options |= {"momentum": 0.9, "nesterov": True}
    result = _classes()[training.optimizer](dict(factors or {}), **options)
    result.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    set_course(result, training, steps)
    return result


def set_course(optimizer: Any, training: Training, steps: int) -> None:
    """Gives an optimizer of `build_optimizer` the numbers of a run of that many steps."""
    warmup = round(training.warmup * steps)
    floor = 0.0 if training.schedule == "cosine" else 1.0
    optimizer.course.assign(
        [training.learning_rate, warmup, max(1, steps - warmup), floor, training.weight_decay]
    )


@functools.cache
def _classes() -> dict[str, Any]:
    """The optimizer classes by the name that `Training` has for them."""
    import keras

    steered = _steered(keras)
    sgd = steered(keras.optimizers.SGD)
    adamw = steered(keras.optimizers.AdamW)
    torch = keras.backend.backend() == "torch"
    return {"adamw": adamw if torch else _corrected_once(keras, adamw), "sgd": sgd}


def _steered(keras: Any) -> Callable[[Any], Any]:
    """What makes of an optimizer class of Keras one whose numbers are data."""
    ops = keras.ops
    torch = keras.backend.backend() == "torch"

    def steered(kind: Any) -> Any:
        class Steered(kind):  # type: ignore[misc]
            def __init__(self, factors: Mapping[str, float], **options: Any) -> None:
                super().__init__(1.0, weight_decay=0.0, **options)
                self.factors = factors
                self.course = self.add_variable((5,), dtype="float32", name="course")
                self.now: Any = None
                """The rate of the step that is being traced, or run."""

            def _get_current_learning_rate(self) -> Any:
                return self.rate() if self.now is None else self.now

            def rate(self) -> Any:
                """The learning rate of the next step."""
                course, step = self.course, ops.cast(self.iterations, "float32")
                risen = step / ops.maximum(course[WARMUP], 1.0)
                done = ops.minimum((step - course[WARMUP]) / course[DECAY], 1.0)
                fallen = 0.5 * (1.0 + ops.cos(math.pi * done))
                kept = course[FLOOR] + (1.0 - course[FLOOR]) * fallen
                return course[RATE] * ops.where(step < course[WARMUP], risen, kept)

            def _backend_apply_gradients(self, grads: Any, variables: Any) -> None:
                self.now = self.rate()
                try:
                    super()._backend_apply_gradients(grads, variables)
                finally:
                    self.now = None

            def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
                share = self.course[WEIGHT_DECAY] * self.learning_rate
                for variable in variables:
                    if self._use_weight_decay(variable):
                        variable.assign(variable * ops.cast(1.0 - share, variable.dtype))

            def _backend_update_step(self, grads: Any, variables: Any, rate: Any) -> None:
                if torch and not self.factors:  # all weights at once
                    super()._backend_update_step(grads, variables, rate)
                    return
                # As in Keras, without its search for other replicas, which traces slowly.
                rate = self.step_size(rate)
                for gradient, variable in zip(grads, variables, strict=True):
                    own = rate * self.factors.get(variable.path, 1.0) if self.factors else rate
                    self.update_step(gradient, variable, own)

            def step_size(self, rate: Any) -> Any:
                """What `update_step` is given, of the learning rate."""
                return rate

        return Steered

    return steered


def _corrected_once(keras: Any, kind: Any) -> Any:
    """AdamW that corrects the bias of its moments once a step and not for each weight."""
    ops = keras.ops

    class AdamW(kind):  # type: ignore[misc]
        def step_size(self, rate: Any) -> Any:
            step = ops.cast(self.iterations + 1, "float32")
            return (
                rate
                * ops.sqrt(1 - ops.power(self.beta_2, step))
                / (1 - ops.power(self.beta_1, step))
            )

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            number = self._get_variable_index(variable)
            mean, square = self._momentums[number], self._velocities[number]
            gradient = ops.cast(gradient, variable.dtype)
            # By functions: the gradient of an embedding may have some rows only.
            change = ops.subtract(gradient, mean)
            self.assign_add(mean, ops.multiply(change, 1 - self.beta_1))
            change = ops.subtract(ops.square(gradient), square)
            self.assign_add(square, ops.multiply(change, 1 - self.beta_2))
            size = ops.cast(learning_rate, variable.dtype)
            self.assign_sub(variable, mean * size / (ops.sqrt(square) + self.epsilon))

    return AdamW
