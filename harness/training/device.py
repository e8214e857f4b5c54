"""What a trial runs on, and how a backend runs there.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.system import host


def latency(model: Any, example: Mapping[str, np.ndarray]) -> float:
    """Median time in milliseconds of predicting one example, over 30 calls after 3."""
    times = []
    for _ in range(33):
        began = time.perf_counter()
        model.predict_on_batch(example)
        times.append(time.perf_counter() - began)
    return float(np.median(times[3:]) * 1000)


@dataclass(frozen=True)
class Execution:
    """How a backend runs on a device."""

    jit_compile: bool | str


def execution(backend: str, device: str) -> Execution:
    """Compilation for a backend on a device, as measured.

    `benchmarks/execution.py` prints the figures behind this table. On a processor XLA slows
    small convolutional networks down. On a GPU Keras's own choice stands.
    """
    if backend == "tensorflow" and device == "cpu":
        return Execution(jit_compile=False)
    return Execution(jit_compile="auto")


def device_kind() -> str:
    """`gpu`, `tpu` or `cpu`: what the backend computes on."""
    import keras

    if keras.backend.backend() == "torch":  # has no keras.distribution
        return "cpu" if str(keras.ops.zeros(()).device) == "cpu" else "gpu"
    devices = [str(device) for device in keras.distribution.list_devices()]
    return devices[0].split(":")[0].lower() if devices else "cpu"


def limit_memory() -> None:
    """Keeps this process to its share of its device's memory, where it has one (`FRACTION`); before
    the backend has looked at the device. JAX reads `XLA_CLIENT_MEM_FRACTION` by itself."""
    import keras

    fraction, backend = os.environ.get(host.FRACTION), keras.backend.backend()
    if fraction is None:
        return
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(float(fraction))
    elif backend == "tensorflow":
        import tensorflow as tf

        limit = int(float(fraction) * (host.device_memory_mb() or 0.0))
        for device in tf.config.list_physical_devices("GPU") if limit else ():
            share = tf.config.LogicalDeviceConfiguration(memory_limit=limit)
            tf.config.set_logical_device_configuration(device, [share])


def device_memory() -> float | None:
    """Most megabytes (2^20 bytes) of an accelerator that this process has had at once, by its
    allocator; `None` on a processor, or where the backend does not tell."""
    import keras

    if device_kind() == "cpu":
        return None
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        told = jax.local_devices()[0].memory_stats() or {}
        most = told.get("peak_bytes_in_use")
    elif backend == "torch":
        import torch

        most = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    else:
        import tensorflow as tf

        most = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return None if most is None else most / 2**20
