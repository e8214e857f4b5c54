"""Steps a second one by one and in launches, on JAX: the figures behind `harness.training.launch`.

    python -m benchmarks.launch                    mlp, cnn, lstm and transformer
    python -m benchmarks.launch --cases lstm       one of them

Fits default configurations to made-up data both ways, in turn: steps a second of epochs after the
first, median; processor time of a step; seconds of the first epoch, which compiles; and how far
apart the weights are at the end. A loop of convolutions is timed here, although none is used on a
processor.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from tabulate import tabulate

from harness.kinds.time_series_forecasting import FUTURE, PAST
from harness.spec import DataSpec, Split, TensorSpec, Training
from harness.trial import Job

BATCH = 64
CASES = ("mlp", "cnn", "lstm", "transformer")
IMAGES = ("mlp", "cnn", "resnet")
"""Cases that read images; the others forecast a series."""


@click.command()
@click.option("--cases", default=",".join(CASES), show_default=True)
@click.option("--batches", default=100, show_default=True, help=f"Batches of {BATCH} an epoch.")
@click.option("--epochs", default=5, show_default=True, help="Those that are timed.")
def main(cases: str, batches: int, epochs: int) -> None:
    """Time epochs one step at a time and in launches."""
    os.environ["KERAS_BACKEND"] = "jax"
    from harness.training.device import device_kind

    rows = [row for case in cases.split(",") for row in _case(case, batches, epochs)]
    headers = ["case", "steps", "steps/s", "processor ms a step", "first epoch, s", "apart"]
    click.echo(f"\nJAX on {device_kind()}: {batches} batches of {BATCH} an epoch\n")
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _case(case: str, batches: int, epochs: int) -> list[list[str]]:
    """A row for each way."""
    from harness.training import launch
    from harness.training.feed import Feed

    spec, split = made_up(case, batches * BATCH)
    val = Split({k: v[:1] for k, v in split.x.items()}, {k: v[:1] for k, v in split.y.items()})
    feed = Feed(split, val, BATCH, BATCH, 0)
    single, launched = default_model(case, spec), default_model(case, spec)
    launched._symbolic_build(data_batch=feed.example())
    steps = launch.Loop(launched)
    ways: dict[str, Callable[[int], Any]] = {
        "one by one": lambda epoch: single.fit(
            **feed.arguments(), initial_epoch=epoch, epochs=epoch + 1, verbose=0
        ),
        "in launches": lambda epoch: launch.fit(
            steps, feed, _callbacks(launched), _job(epoch), None
        ),
    }
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for epoch in range(1 + epochs):
        for way, fit in ways.items():
            began = time.perf_counter(), time.process_time()
            fit(epoch)
            times[way].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    apart = max(
        float(np.abs(a - b).max())
        for a, b in zip(single.get_weights(), launched.get_weights(), strict=True)
    )
    rows = []
    for way, (first, *others) in times.items():
        wall, processor = map(statistics.median, zip(*others, strict=True))
        rows.append([
            case, way, f"{batches / wall:.0f}", f"{1000 * processor / batches:.2f}",
            f"{first[0]:.1f}", f"{apart:.1e}",
        ])  # fmt: skip
    return rows


def _callbacks(model: Any) -> Any:
    import keras

    return keras.callbacks.CallbackList([], model=model)


def _job(epoch: int) -> Job:
    training = Training(batch_size=BATCH)
    return Job("launch", "", "", "search", 0, 0, None, training, Path(), epoch + 1, epoch)


def default_model(case: str, spec: DataSpec, seed: int = 0) -> Any:
    """The default configuration of a case's space, compiled and built from a seed."""
    import keras
    import keras_tuner

    from harness import registry
    from harness.training.optimizer import build_optimizer

    keras.utils.set_random_seed(seed)
    task = registry.task("fashion_mnist" if case in IMAGES else "mackey_glass")
    space = registry.space(case)
    model = space.build(space.sample(keras_tuner.HyperParameters(), task.kind), spec)
    training = Training(batch_size=BATCH)
    model.compile(build_optimizer(training, 10_000), **task.compile_args(spec, training))
    model.optimizer.build(model.trainable_variables)
    return model


def made_up(case: str, examples: int) -> tuple[DataSpec, Split]:
    """Data of a case, the same each time."""
    random = np.random.default_rng(0)
    if case in IMAGES:
        spec = DataSpec(
            {"image": TensorSpec((28, 28, 1), "uint8")},
            {"label": TensorSpec((), "uint8", 10)},
            "image_classification",
        )
        images = random.integers(0, 256, (examples, 28, 28, 1), dtype="uint8")
        return spec, Split({"image": images}, {"label": random.integers(0, 10, examples)})
    spec = DataSpec(
        {PAST: TensorSpec((64, 1), "float32")},
        {FUTURE: TensorSpec((32, 1), "float32")},
        "time_series_forecasting",
    )
    series = random.normal(size=(examples, 96, 1)).astype("float32")
    return spec, Split({PAST: series[:, :64]}, {FUTURE: series[:, 64:]})


if __name__ == "__main__":
    main()
