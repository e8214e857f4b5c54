"""Which compilation and precision is fastest: the figures behind `device.execution`.

    python -m benchmarks.execution                    every installed backend, on this device
    python -m benchmarks.execution --backend jax      one of them

Fits the default configuration of every image space on random images of Fashion-MNIST's size,
once for each setting: seconds of an epoch after the first, median, and of the first, which
traces and compiles.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import time
from typing import Any, get_args

import click
import numpy as np
from tabulate import tabulate

from harness.spec import DataSpec, TensorSpec, Training
from harness.sweep.question import Backend

BATCH = 128
SIDE = 28


@click.command()
@click.option("--backend", type=click.Choice(get_args(Backend)), help="One backend only.")
@click.option("--spaces", default="mlp,cnn,resnet,vit", show_default=True)
@click.option("--batches", default=16, show_default=True, help=f"Batches of {BATCH} an epoch.")
@click.option("--epochs", default=4, show_default=True)
@click.option("--jit", default="false,true", show_default=True)
@click.option("--precision", default="float32,mixed_bfloat16", show_default=True)
def main(backend: str | None, spaces: str, batches: int, epochs: int, jit: str,
         precision: str) -> None:  # fmt: skip
    """Time an epoch with every compilation and precision."""
    if backend is None:
        for name in get_args(Backend):
            if importlib.util.find_spec(name) is not None:
                command = [sys.executable, "-m", "benchmarks.execution", "--backend", name]
                subprocess.run([*command, *sys.argv[1:]], check=False)
        return
    os.environ["KERAS_BACKEND"] = backend
    from harness.training.device import device_kind

    device = device_kind()
    rows = [
        [space, compiled, policy, *_time(space, compiled == "true", policy, batches, epochs)]
        for space in spaces.split(",")
        for policy in precision.split(",")
        for compiled in jit.split(",")
    ]
    headers = ["space", "jit_compile", "precision", "s an epoch", "first epoch, s"]
    click.echo(f"\n{backend} on {device}: {batches} batches of {BATCH} an epoch\n")
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _time(space: str, jit: bool, precision: str, batches: int, epochs: int) -> tuple[str, str]:
    """Median seconds of the epochs after the first, and seconds of the first."""
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: ends.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()),
    )
    images, labels = _data(batches * BATCH)
    try:
        model = _compiled(space, jit, batches * epochs)
        model.fit({"image": images}, labels, BATCH, epochs, verbose=0, callbacks=[watch])
    except Exception as error:  # noqa: BLE001 - a setting a backend cannot do is a finding
        return f"{type(error).__name__}", "-"
    seconds = np.diff(ends)
    return f"{statistics.median(seconds[1:]):.3f}", f"{seconds[0]:.1f}"


def _compiled(space: str, jit: bool, steps: int) -> Any:
    import keras_tuner

    from harness import registry
    from harness.training.optimizer import build_optimizer

    task = registry.task("fashion_mnist")
    spec = DataSpec(
        {"image": TensorSpec((SIDE, SIDE, 1), "uint8")},
        {"label": TensorSpec((), "uint8", 10)},
        "image_classification",
    )
    known = registry.space(space)
    model = known.build(known.sample(keras_tuner.HyperParameters(), task.kind), spec)
    training = Training(batch_size=BATCH)
    model.compile(
        optimizer=build_optimizer(training, steps),
        jit_compile=jit,
        **task.compile_args(spec, training),
    )
    return model


def _data(examples: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (examples, SIDE, SIDE, 1), dtype="uint8")
    return images, generator.integers(0, 10, examples, dtype="uint8")


if __name__ == "__main__":
    main()
