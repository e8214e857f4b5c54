"""The pieces a fit is put together from: optimizer, augmentation, settings.

Plain functions of Keras. Keras is imported inside them, so that the driver can import this
file without loading a framework.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.spec import Training


def optimizer(training: Training, steps: int, factors: Mapping[str, float] | None = None) -> Any:
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


def augmented(model: Any, layers: list[Any]) -> Any:
    """The model behind augmentation layers, which act in training only."""
    import keras

    (name,) = model.input_names if hasattr(model, "input_names") else [model.inputs[0].name]
    shape = model.inputs[0].shape[1:]
    image = keras.Input(shape, dtype="float32", name=name)
    x = image
    for layer in layers:
        x = layer(x)
    return keras.Model({name: image}, model({name: x}))


def latency(model: Any, example: Mapping[str, np.ndarray]) -> float:
    """Median time in milliseconds of predicting one example, over 30 calls after 3."""
    times = []
    for _ in range(33):
        began = time.perf_counter()
        model.predict_on_batch(example)
        times.append(time.perf_counter() - began)
    return float(np.median(times[3:]) * 1000)


def file_size(variables: Iterable[Any]) -> int:
    """About how many bytes a file takes that holds these variables, rather too many."""
    return sum(4 * math.prod(variable.shape) + 4096 for variable in variables)


@dataclass(frozen=True)
class Execution:
    """How a backend runs on a device."""

    jit_compile: bool | str
    precision: str = "float32"


def execution(backend: str, device: str) -> Execution:
    """Compilation and precision for a backend on a device, as measured.

    `benchmarks/execution.py` prints the figures behind this table. On a processor XLA slows
    small convolutional networks down and 16-bit floats are emulated. On a GPU they gained
    1.4 on a small ResNet, and an LSTM failed in them on JAX: there Keras's own choice and full
    precision stand.
    """
    if backend == "tensorflow" and device == "cpu":
        return Execution(jit_compile=False)
    return Execution(jit_compile="auto")


def device() -> str:
    """`gpu`, `tpu` or `cpu`: what the backend computes on."""
    import keras

    if keras.backend.backend() == "torch":  # has no keras.distribution
        return "cpu" if str(keras.ops.zeros(()).device) == "cpu" else "gpu"
    devices = [str(device) for device in keras.distribution.list_devices()]
    return devices[0].split(":")[0].lower() if devices else "cpu"
