"""What translating a sentence costs, from a cache and without.

    python -m benchmarks.decoding --data-dir DIR
    python -m benchmarks.decoding --steps 24,48,96 --sentences 32

The default configuration of each architecture, with the weights it begins with, writes to
the very end: a time is that of all sentences in one batch, the median of
three after one that compiles. From a cache it should grow with the steps, without with
their square.
"""

import statistics
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from tabulate import tabulate


@click.command()
@click.option("--task", "name", default="multi30k_en_de", show_default=True)
@click.option("--sentences", default=32, show_default=True)
@click.option("--steps", default="24,48,96", show_default=True)
@click.option("--beams", default="1,4", show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path))
def main(name: str, sentences: int, steps: str, beams: str, data_dir: Path | None) -> None:
    """Time decoding with and without a cache."""
    import keras
    import keras_tuner

    from harness import registry
    from harness.data import cache

    task = registry.task(name)
    data = cache.load(task, data_dir)
    source = np.asarray(data.test.x["source"][:sentences])
    rows = []
    for space in registry.spaces_for(task):
        keras.utils.set_random_seed(0)
        config = space.sample(keras_tuner.HyperParameters(), task.kind)
        model = space.build(config, data.spec)
        model.compile("sgd", jit_compile=False)
        for width in map(int, beams.split(",")):
            for count in map(int, steps.split(",")):
                times = [_seconds(model, source, count, width, cached) for cached in (True, False)]
                each = [1000 * seconds / sentences for seconds in times]
                rows.append([space.name, width, count, *each, times[1] / times[0]])
    headers = ["space", "beams", "steps", "cached, ms a sentence", "uncached", "ratio"]
    click.echo(tabulate(rows, headers, "github", floatfmt=".1f"))


def _seconds(model: Any, source: np.ndarray, steps: int, beams: int, cached: bool) -> float:
    from harness.kinds.fitting import decoding

    search = (
        decoding.GreedySearch(model, steps, cached)
        if beams == 1
        else decoding.BeamSearch(model, steps, beams, 0.6, cached)
    )
    search.compile(jit_compile=False)
    times = []
    for _ in range(4):
        began = time.perf_counter()
        search.predict_on_batch(source)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
