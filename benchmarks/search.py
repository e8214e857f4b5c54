"""Which tuner finds more: regret against trials, epochs and seconds, on known landscapes.

    python -m benchmarks.search --repetitions 30 --jobs 2
    python -m benchmarks.search --landscapes cnn,lstm --tuners random,tpe
    python -m benchmarks.search --suggestions

Nothing is trained: see `benchmarks.landscapes`. Every tuner spends as many epochs as 32 full
trainings take. What counts is the true score, after a full training, of the configuration with the
best score so far, as a confirmation run trains it: its distance from the best there is. Every
tuner meets the same instances, so that differences of means have smaller intervals than the means.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import click
import joblib
import numpy as np
from tabulate import tabulate

from benchmarks.landscapes import NAMES, Landscape, landscape, table_path
from benchmarks.record import TABLES, sampler
from harness import registry
from harness.search.ask_tell import Search
from harness.spec import Objective
from harness.sweep.question import Tuner

FULL = 32
"""Full trainings whose epochs a search may spend."""
AT = (8, 16, 32)
LARGEST = 1_000
"""Trials at which the time of a suggestion is looked at last."""
REAL = (("fashion_mnist", "cnn"), ("etth1", "lstm"))


@dataclass(frozen=True)
class Point:
    """A search after one more trial."""

    trials: int
    epochs: int
    seconds: float
    """In units of a full training of the default configuration."""
    regret: float
    told: float
    """The best validation score so far."""
    true: float
    """What that configuration is worth, fully trained."""


def course(name: str, tuner: Tuner, repetition: int) -> tuple[list[Point], float]:
    """A whole search on an instance, and the true score of the default configuration."""
    ground = landscape(name, repetition)
    search = Search(
        ground.sample, Objective("score", "max"), tuner,
        trials=FULL, epochs=ground.epochs, seed=repetition,
    )  # fmt: skip
    points: list[Point] = []
    best, true, default = -np.inf, 0.0, None
    epochs, seconds, unit = 0, 0.0, 1.0
    while epochs < FULL * ground.epochs and (suggestion := search.ask()) is not None:
        curves = ground.curves(suggestion.values, suggestion.sampled)
        begin, end = suggestion.initial_epoch, suggestion.epochs
        score = float(curves.told[begin:end].max())
        search.tell(suggestion.number, score)
        worth = float(curves.true[int(np.argmax(curves.told))])
        if default is None:
            default, unit = worth, float(curves.seconds[-1])
        epochs += end - begin
        seconds += float(curves.seconds[end - 1] - (curves.seconds[begin - 1] if begin else 0))
        if score > best:
            best, true = score, worth
        points.append(
            Point(len(points) + 1, epochs, seconds / unit, ground.best - true, best, true)
        )
    assert default is not None
    return points, default


def at(points: list[Point], spent: Callable[[Point], float], most: float) -> Point:
    """The last point within a budget; the first one where none is."""
    return next((p for p in reversed(points) if spent(p) <= most), points[0])


def _mean(values: Any, scale: float = 1000.0) -> str:
    """A mean with half the width of its 95 % interval."""
    values = scale * np.asarray(values)
    return f"{values.mean():.1f} ± {1.96 * values.std(ddof=1) / len(values) ** 0.5:.1f}"


def _compare(name: str, tuners: tuple[Tuner, ...], repetitions: int, jobs: int) -> None:
    ground: Landscape = landscape(name, 0)
    rows = []
    made = joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(course)(name, tuner, repetition)
        for tuner in tuners
        for repetition in range(repetitions)
    )
    axes: list[tuple[str, Callable[[Point], float], float]] = [
        ("trials", lambda p: p.trials, 1),
        ("full trainings of epochs", lambda p: p.epochs, ground.epochs),
        ("default's seconds", lambda p: p.seconds, 1),
    ]
    for number, tuner in enumerate(tuners):
        own = made[number * repetitions : (number + 1) * repetitions]
        row: list[Any] = [tuner]
        for _, spent, unit in axes:
            row += [_mean([at(p, spent, n * unit).regret for p, _ in own]) for n in AT]
        ends = [(at(p, lambda p: p.epochs, 16 * ground.epochs), d) for p, d in own]
        row.append(_mean([end.told - end.true for end, _ in ends]))
        row.append(_mean([end.true - default for end, default in ends]))
        row.append(f"{100 * np.mean([end.true < default for end, default in ends]):.0f} %")
        rows.append(row)
    headers = ["tuner", *(f"{n} {axis}" for axis, _, _ in axes for n in AT),
               "told - true", "true - default's", "worse than default"]  # fmt: skip
    lines = table_path(name).read_text().count("\n") if name in TABLES else None
    recorded = "" if lines is None else f", a table of {lines} trainings"
    click.echo(
        f"\n{name}{recorded}: mean regret x 1000 of {repetitions} repetitions, and the luck of "
        "the winner after 16 full trainings of epochs\n"
    )
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _suggestions(tuners: tuple[Tuner, ...]) -> None:
    """Prints the processor time of a suggestion on real spaces."""
    marks = (10, 30, 100, LARGEST)
    rows = []
    for task, space in REAL:
        sample = sampler(registry.task(task), registry.space(space))
        for tuner in tuners:
            search = Search(
                sample, Objective("score", "max"), tuner, trials=30, epochs=9, seed=0
            )  # fmt: skip
            random, spent = np.random.default_rng(0), []
            while len(spent) < LARGEST:
                began = time.process_time()
                suggestion = search.ask()
                spent.append(time.process_time() - began)
                if suggestion is None:
                    break
                search.tell(suggestion.number, random.uniform())
            # The mean of those around the mark.
            near = [spent[int(0.8 * mark) : int(1.1 * mark) + 1] for mark in marks]
            rows.append([space, tuner, *(f"{1000 * np.mean(n):.0f}" if n else "" for n in near),
                         f"{1000 * max(spent):.0f}"])  # fmt: skip
    headers = ["space", "tuner", *(f"at {mark} trials" for mark in marks), "longest"]
    click.echo("\nmilliseconds of processor time a suggestion\n")
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _split(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(value.split(","))


@click.command()
@click.option("--landscapes", default=",".join(NAMES), callback=_split, show_default=True)
@click.option("--tuners", default=",".join(get_args(Tuner)), callback=_split)
@click.option("--repetitions", default=30, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Processes.")
@click.option("--suggestions", is_flag=True, help="Time suggestions instead.")
def main(
    landscapes: tuple[str, ...], tuners: Any, repetitions: int, jobs: int, suggestions: bool
) -> None:
    """Compare tuners."""
    if suggestions:
        _suggestions(tuners)
        return
    for name in landscapes:
        _compare(name, tuners, repetitions, jobs)


if __name__ == "__main__":
    main()
