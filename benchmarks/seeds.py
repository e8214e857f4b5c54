"""Seeds of a configuration trained as one program, on JAX, against one after another.

    python -m benchmarks.seeds                          mlp, lstm and transformer, five seeds
    python -m benchmarks.seeds --cases lstm --seeds 4,8 one of them, four and eight seeds

The step of all seeds at once is `jax.vmap` of Keras's own over their stacked weights, optimizer
and random states (`harness.training.mapped`), each with its own order of the examples; either way
many steps are one launch. Prints for both the seconds of compiling, those of training (median of
the epochs, times their number) and the steps that a seed takes a second; how far apart the weights
are after ten steps, and the mean losses. The last column is after how many steps of a seed together
is the faster, compiling included; `never` where its steps are the slower ones.
"""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click
import numpy as np
from tabulate import tabulate

from benchmarks.launch import BATCH, default_model, made_up

COMPARED = 10
"""Steps after which weights are compared."""


@click.command()
@click.option("--cases", default="mlp,lstm,transformer", show_default=True)
@click.option("--seeds", default="5", show_default=True, help="So many, or each of 4,8,16.")
@click.option("--batches", default=50, show_default=True, help=f"Batches of {BATCH} an epoch.")
@click.option("--epochs", default=5, show_default=True)
def main(cases: str, seeds: str, batches: int, epochs: int) -> None:
    """Time seeds together and one after another."""
    os.environ["KERAS_BACKEND"] = "jax"
    from harness.training.device import device_kind

    rows = [
        row
        for case in cases.split(",")
        for count in map(int, seeds.split(","))
        for row in _case(case, count, batches, epochs)
    ]
    headers = [
        "case", "seeds", "compiling, s", "training, s", "steps/s of a seed", "apart", "mean losses",
        "pays from steps",
    ]  # fmt: skip
    click.echo(f"\nJAX on {device_kind()}: {epochs} x {batches} batches of {BATCH}\n")
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _case(case: str, seeds: int, batches: int, epochs: int) -> list[list[str]]:
    """A row for each way."""
    import jax

    from harness.training.launch import Loop
    from harness.training.mapped import Mapped

    spec, split = made_up(case, batches * BATCH)
    models = [default_model(case, spec, seed) for seed in range(seeds)]
    # As a trial has it, before anything is traced.
    _, example = next(_stacks(split, 0))
    for model in models:
        model._symbolic_build(data_batch=jax.tree.map(lambda stack: stack[0], example))
    loop = Loop(models[0])
    states = [jax.tree.map(np.asarray, Loop(model).state()) for model in models]
    alone, alone_compiling = _compiled(loop.train, states[0], example)
    stacked = jax.tree.map(lambda *values: np.stack(values), *states)
    examples = jax.tree.map(lambda stack: np.stack([stack] * seeds, axis=1), example)
    together, together_compiling = _compiled(Mapped(models[0]).train, stacked, examples)

    ends, early, times = [], [], []
    for seed, state in enumerate(states):
        early.append(_trained(alone, state, [seed], split, 1, COMPARED)[0][0])
        state, seconds = _trained(alone, state, [seed], split, epochs)
        ends.append(state)
        times.append(seconds)
    both, seconds = _trained(together, stacked, range(seeds), split, epochs)
    after = _trained(together, stacked, range(seeds), split, 1, COMPARED)[0][0]
    apart = max(
        float(np.abs(np.asarray(one) - np.asarray(all_)[seed]).max())
        for seed in range(seeds)
        for one, all_ in zip(early[seed], after, strict=True)
    )
    losses = [[float(e[-1][0] / e[-1][1]) for e in ends], np.asarray(both[-1][0] / both[-1][1])]
    steps = batches * epochs
    spared = (sum(times) - seconds) / steps  # seconds a step of all seeds
    pays = (together_compiling - alone_compiling) / spared if spared > 0 else None
    return [
        [case, f"{seeds} one after another", f"{alone_compiling:.1f}", f"{sum(times):.1f}",
         f"{seeds * steps / sum(times):.0f}", "", _listed(losses[0]), ""],
        [case, f"{seeds} together", f"{together_compiling:.1f}", f"{seconds:.1f}",
         f"{seeds * steps / seconds:.0f}", f"{apart:.1e}", _listed(losses[1]),
         "never" if pays is None else f"{max(0, pays):.0f}"],
    ]  # fmt: skip


def _compiled(function: Any, state: Any, batches: Any) -> tuple[Any, float]:
    """The compiled function, and the seconds that it took."""
    began = time.perf_counter()
    compiled = function.lower(state, batches, 1).compile()
    return compiled, time.perf_counter() - began


def _trained(
    launch: Any, state: Any, seeds: Sequence[int], split: Any, epochs: int, most: int | None = None
) -> tuple[Any, float]:
    """The state after training, by one launch of at most so many steps if that is given, and the
    seconds of it."""
    import jax

    seconds = []
    for _ in range(epochs):
        began = time.perf_counter()
        for parts in zip(*(_stacks(split, seed) for seed in seeds), strict=True):
            count, batches = parts[0]
            if len(seeds) > 1:
                stacks = [stack for _, stack in parts]
                batches = jax.tree.map(lambda *arrays: np.stack(arrays, axis=1), *stacks)
            _, state = launch(state, batches, min(count, most or count))
            if most is not None:
                break
        jax.block_until_ready(state)
        seconds.append(time.perf_counter() - began)
    return state, statistics.median(seconds) * epochs


def _stacks(split: Any, seed: int) -> Iterator[tuple[int, Any]]:
    """The batches of an epoch in a seed's order, stacked, and how many each stack holds."""
    from harness.training.batches import Batches
    from harness.training.stacks import Stacks

    stacks = Stacks(Batches(split, BATCH, seed, whole=True))
    done = 0
    while done < len(stacks):
        count = stacks.alike(done, len(stacks))
        yield count, stacks.stack(done, count)
        done += count


def _listed(values: Any) -> str:
    return " ".join(f"{value:.5f}" for value in values)


if __name__ == "__main__":
    main()
