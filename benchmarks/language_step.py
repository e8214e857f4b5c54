"""What a training step on WikiText-2 costs, and what it is spent on.

    python -m benchmarks.language_step --data-dir DIR
    python -m benchmarks.language_step --spaces lstm,transformer --batch 32

Each row is a process of its own, with one processor core for computation: the default
configuration of an architecture, fitted on real windows. `sampled` is the step as the harness
takes it; `full` computes the logits of all 33,278 words; `body` has neither vocabulary product
nor softmax in its loss. Seconds are processor seconds, which other work on the machine hardly
changes. Peak memory is that of the process; what it was before the first step, with framework,
data and model loaded, is printed beside it.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

LOSSES = ("sampled", "full", "body")


@click.command()
@click.option("--spaces", default="lstm,transformer", show_default=True)
@click.option("--batch", default=32, show_default=True, help="Windows of a step.")
@click.option("--steps", default=12, show_default=True, help="Timed steps, after three.")
@click.option("--optimizers", default="adamw,sgd", show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path))
@click.option("--one", hidden=True)
def main(
    spaces: str, batch: int, steps: int, optimizers: str, data_dir: Path | None, one: str | None
) -> None:
    """Time steps of language models with a sampled, a full and no softmax."""
    if one is not None:
        space, loss, optimizer = one.split(",")
        print(json.dumps(_measure(space, loss, optimizer, batch, steps, data_dir)))
        return
    rows = []
    for space in spaces.split(","):
        for loss in LOSSES:
            for optimizer in optimizers.split(",") if loss == "sampled" else ["adamw"]:
                command = [sys.executable, "-m", "benchmarks.language_step", *sys.argv[1:]]
                answer = subprocess.run(
                    [*command, "--one", f"{space},{loss},{optimizer}"],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                rows.append([space, loss, optimizer, *json.loads(answer.stdout.splitlines()[-1])])
    headers = ["space", "loss", "optimizer", "CPU s a step", "tokens/s", "peak MB", "before, MB"]
    click.echo(tabulate(rows, headers, tablefmt="github", floatfmt=("", "", "", ".3f", ".0f")))


def _measure(
    space: str, loss: str, optimizer: str, batch: int, steps: int, data_dir: Path | None
) -> list[float]:
    """Median processor seconds of a step, tokens a second, peak memory in MB, and that before."""
    import keras
    import keras_tuner
    import tensorflow as tf

    from harness import registry
    from harness.data import cache
    from harness.spec import Training
    from harness.training.optimizer import build_optimizer

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    task, known = registry.task("wikitext2"), registry.space(space)
    data = cache.load(task, data_dir)
    keras.utils.set_random_seed(0)
    model = known.build(known.sample(keras_tuner.HyperParameters(), task.kind), data.spec)
    training = Training(optimizer="sgd" if optimizer == "sgd" else "adamw", batch_size=batch)
    arguments: dict[str, Any] = dict(task.compile_args(data.spec, training))
    if loss == "sampled":
        assert task.training_model is not None
        model = task.training_model(model)
    elif loss == "body":
        model = keras.Model(model.inputs, model.get_layer("features").output)
        arguments = {"loss": lambda _, features: keras.ops.mean(features**2)}
    model.compile(build_optimizer(training, 1000), jit_compile=False, **arguments)
    batches = [
        ({"tokens": data.train.x["tokens"][part]}, data.train.y["next_token"][part])
        for part in (slice(n * batch, (n + 1) * batch) for n in range(steps + 3))
    ]
    before = _peak_megabytes()
    seconds = []
    for x, y in batches:
        began = time.process_time()
        model.train_on_batch(x, y)
        seconds.append(time.process_time() - began)
    step = statistics.median(seconds[3:])
    tokens = batch * data.spec.inputs["tokens"].shape[0]
    return [step, tokens / step, _peak_megabytes(), before]


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
