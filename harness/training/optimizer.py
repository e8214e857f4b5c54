"""The optimizer of a run, with its schedule."""

from collections.abc import Mapping
from typing import Any

from harness.spec import Training


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
    import keras

    warmup_steps = round(training.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else training.learning_rate,
        decay_steps=max(1, steps - warmup_steps),
        alpha=0.0 if training.schedule == "cosine" else 1.0,
        warmup_target=training.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    shared = {"weight_decay": training.weight_decay, "global_clipnorm": training.clip_norm}
    if training.optimizer == "adamw":
        kind, own = keras.optimizers.AdamW, {}
    else:
        kind, own = keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}
    result = (_paced(kind, factors) if factors else kind)(schedule, **own, **shared)
    result.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return result


def _paced(kind: Any, factors: Mapping[str, float]) -> Any:
    """An optimizer class under which some variables learn at another rate."""

    class Paced(kind):  # type: ignore[misc]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> Any:
            own = self._trainable_variables[self._get_variable_index(variable)]
            factor = factors.get(own.path, 1.0)  # TensorFlow passes what is inside of it
            return super().update_step(gradient, variable, learning_rate * factor)

    return Paced
