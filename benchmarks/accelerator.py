"""What a trial makes of an accelerator: its rate beside the bare model, and where time goes.

    python -m benchmarks.accelerator --backend jax

For one architecture of each family: steps a second of the model alone (the compiled training
step over and over on one batch that lies on the device), of a trial of the harness, and of its
input pipeline alone; the share of compilation; the same in 16 bits; and the sum over several
trials at once on the one device. Data must be prepared (`harness prepare`).
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

CASES = (
    "fashion_mnist/resnet",
    "wikitext2/lstm",
    "wikitext2/transformer",
    "multi30k_en_de/transformer_seq2seq",
)
BARE_STEPS = 50


@click.command()
@click.option("--backend", default="jax", show_default=True)
@click.option("--cases", default=",".join(CASES), show_default=True)
@click.option("--precisions", default="float32,mixed_bfloat16", show_default=True)
@click.option("--fraction", default=0.2, show_default=True, help="Of the training split.")
@click.option("--epochs", default=2, show_default=True)
@click.option("--together", default="", help="Trials of the last case at once, such as 1,2,4.")
@click.option("--output", type=click.Path(path_type=Path), help="File for the figures, as JSON.")
@click.option("--one", hidden=True, help="CASE PRECISION: one trial, figures as JSON.")
def main(backend: str, cases: str, precisions: str, fraction: float, epochs: int, together: str,
         output: Path | None, one: str | None) -> None:  # fmt: skip
    """Measure every case, each in a process of its own."""
    os.environ.update(KERAS_BACKEND=backend, XLA_PYTHON_CLIENT_PREALLOCATE="false")
    if one is not None:
        print(json.dumps(_measure(*one.split(), fraction, epochs)))
        return
    words = ["--backend", backend, "--fraction", str(fraction), "--epochs", str(epochs)]
    rows, figures = [], []
    for case in cases.split(","):
        for precision in precisions.split(","):
            (found,) = _together(1, [*words, "--one", f"{case} {precision}"])
            figures.append({"case": case, "precision": precision, "together": 1, **found})
            click.echo(json.dumps(figures[-1]), err=True)
            rows.append(_row(case, precision, found))
    headers = ["case", "precision", "bare steps/s", "trial steps/s", "trial / bare",
               "input steps/s", "compiling, s", "share of the fit"]  # fmt: skip
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
    rows = []
    case = cases.split(",")[-1]
    for count in map(int, filter(None, together.split(","))):
        found = _together(count, [*words, "--one", f"{case} float32"])
        rates = [one["trial"] for one in found if "trial" in one]
        figures.append({"case": case, "precision": "float32", "together": count, "runs": found})
        click.echo(json.dumps(figures[-1]), err=True)
        rows.append(
            [count, f"{statistics.median(rates):.1f}" if rates else "-", f"{sum(rates):.1f}"]
        )
    if rows:
        click.echo(f"\n{case}")
        headers = ["trials at once", "steps/s of each, median", "steps/s together"]
        click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))
    if output is not None:
        output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _row(case: str, precision: str, found: dict[str, Any]) -> list[str]:
    if "trial" not in found:
        return [case, precision, found["error"][:60], *["-"] * 5]
    fit = found["compile_seconds"] + found["train_seconds"]
    return [case, precision, f"{found['bare']:.1f}", f"{found['trial']:.1f}",
            f"{found['trial'] / found['bare']:.2f}", f"{found['input']:.0f}",
            f"{found['compile_seconds']:.1f}", f"{found['compile_seconds'] / fit:.0%}"]  # fmt: skip


def _together(count: int, words: list[str]) -> list[dict[str, Any]]:
    """The figures of several processes that are started at once."""
    command = [sys.executable, "-m", "benchmarks.accelerator", *words]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    found = []
    for process in started:
        output, errors = process.communicate()
        lines = output.strip().splitlines()
        if process.returncode or not lines:
            last = (errors.strip().splitlines() or ["no message"])[-1]
            found.append({"error": last})
        else:
            found.append(json.loads(lines[-1]))
    return found


def _measure(case: str, precision: str, fraction: float, epochs: int) -> dict[str, Any]:
    """Steps a second of the bare model, of a trial's last epoch (validation included), and of the
    input pipeline alone."""
    import keras_tuner

    from harness import registry
    from harness.data import cache
    from harness.search.training_space import sample_training
    from harness.training import run
    from harness.training.feed import Feed
    from harness.trial import Job

    task, space = (known(name) for known, name in zip(
        (registry.task, registry.space), case.split("/"), strict=True))  # fmt: skip
    hp = keras_tuner.HyperParameters()
    config, recipe = space.sample(hp, task.kind), sample_training(hp, task)
    job = Job(
        sweep="accelerator", task=task.name, space=space.name, phase="search", number=0, seed=0,
        config=config, training=recipe, folder=Path(), epochs=epochs, train_fraction=fraction,
        precision=precision,
    )  # fmt: skip
    result = run.run_trial(job, lambda info: None)
    if result.failure is not None:
        return {"error": result.failure.message}
    batch, cost = recipe.batch_size, result.cost
    data = cache.load(task)
    feed = Feed.of(data, batch, 0, fraction)
    batches = feed.arguments()["x"]
    assert cost.examples_per_second is not None
    before, last = (epoch["seconds"] for epoch in result.curve[-2:])
    return {
        "device": cost.device,
        "trial": len(batches) / (last - before),
        "after_first_step": cost.examples_per_second / batch,
        "bare": _bare(job, task, space, data, feed, batches),
        "input": _input(batches),
        "compile_seconds": cost.first_step_seconds,
        "train_seconds": cost.train_seconds,
        "batch": batch,
        "parameters": cost.parameters,
        "score": result.score,
    }


def _input(batches: Any) -> float:
    """Batches a second, when nothing is done with them."""
    began = time.perf_counter()
    for number in range(len(batches)):
        batches[number]
    return len(batches) / (time.perf_counter() - began)


def _bare(job: Any, task: Any, space: Any, data: Any, feed: Any, batches: Any) -> float:
    """Steps a second of the compiled training step on one batch that stays on the device."""
    import jax

    from harness.training.device import device_kind, execution
    from harness.training.model import architecture, compiled, trained_model
    from harness.training.precision import computing_in

    jit_compile = execution("jax", device_kind()).jit_compile
    bare = computing_in(job.precision, lambda: architecture(job, space, data))
    model = trained_model(job, task, data.spec, bare)
    compiled(model, bare, job, task, space, data.spec, feed.steps, jit_compile)
    lot = jax.device_put(batches[len(batches) // 2])
    model.fit(*lot[:2], batch_size=job.training.batch_size, epochs=1, verbose=0)  # compiles
    model.make_train_function()
    state = model._get_jax_state(
        trainable_variables=True, non_trainable_variables=True,
        optimizer_variables=True, metrics_variables=True,
    )  # fmt: skip
    for _ in range(3):
        logs, state = model.train_function(state, iter([lot]))
    jax.block_until_ready(state)
    began = time.perf_counter()
    for _ in range(BARE_STEPS):
        logs, state = model.train_function(state, iter([lot]))
    jax.block_until_ready((logs, state))
    return BARE_STEPS / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
