"""Which hyperparameters mattered to the scores of a search, and how sure that is."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import matplotlib
import numpy as np
import numpy.typing as npt
import scipy.stats
import threadpoolctl  # type: ignore[import-untyped]
from matplotlib.figure import Figure

from harness.analysis.cells import CellResults
from harness.analysis.statistics import Interval, corrected_interval
from harness.report.figure_style import FAINT, STYLE, Styles, label, legend
from harness.report.text import number, span
from harness.system.markdown import code, table
from harness.trial import Asked

Floats: TypeAlias = npt.NDArray[np.float64]
Value: TypeAlias = str | float | None
"""Of a hyperparameter in a trial; `None` where it was not active."""

LEAST_TRIALS = 30
"""Scored trials below which nothing is said: ten are then held out, from twenty to learn from."""
LEAST_EXPLAINED = 0.1
"""Share of the variance of held-out ranks below which a surrogate explains nothing."""
REFITS = 8
TREES = 10
SHUFFLES = 3
"""Times a hyperparameter is shuffled in each refit."""
MOST_TRAINED, MOST_HELD_OUT = 500, 200
"""Trials that a tree learns from, and that are held out: more change little and take long."""
EPOCHS = "epochs"
"""What stands for the epochs a tuner gave a trial, where it gave different ones."""
SHOWN, SAID = 8, 3
"""Hyperparameters in a figure, and in an entry of the table."""
LONGEST_NAME = 28
HOW_TO_READ = f"""\
A random forest learns from two thirds of an architecture's scored trials to rank the others. R² \
is the share of the variance of their ranks that it explains, and an importance is how much of it \
is lost when one hyperparameter is shuffled among them, with 95 % intervals over refits to other \
thirds. With fewer than {LEAST_TRIALS} scored trials nothing is said; where R² is not above zero \
for sure, or below {LEAST_EXPLAINED:g}, importances would describe noise and are left out. An \
importance holds for the ranges of this search and for the trials it drew. Trials without a score \
have no part in it: a hyperparameter that makes training fail does not show here."""


@dataclass(frozen=True)
class Importance:
    """What a surrogate loses without knowing one hyperparameter."""

    name: str
    lost: Interval
    """Of the share of variance explained. An interval that holds zero: perhaps nothing."""


@dataclass(frozen=True)
class Importances:
    """What a model of a cell's scored trials says of its hyperparameters."""

    trials: int
    explained: Interval
    """R²: share of the variance of the ranks of held-out trials."""
    found: tuple[Importance, ...]
    """Most important first; empty where the model explains nothing."""


def importances(
    cells: Sequence[CellResults], asked: Mapping[tuple[str, str], Mapping[int, Asked]]
) -> dict[tuple[str, str], Importances]:
    """Those of each cell (task, space) with enough scored trials."""
    # The matrices are small: threads would take three times as long, and cores from the workers.
    with threadpoolctl.threadpool_limits(1):
        known = {
            (cell.task, cell.space): permuted(
                *varied(cell, asked.get((cell.task, cell.space), {})), cell.objective.direction
            )
            for cell in cells
        }
    return {key: found for key, found in known.items() if found is not None}


def varied(
    cell: CellResults, asked: Mapping[int, Asked]
) -> tuple[dict[str, list[str | float | None]], list[float]]:
    """The hyperparameters that varied among a cell's scored trials, by name, and the scores.

    `None` stands where a hyperparameter was not active. A trial that another one continues from is
    left out: both have the same configuration, and what is known of it must not stand on both
    sides of a test. Where the tuner gave trials different numbers of epochs these count as a
    hyperparameter too, as they have a part in the score.
    """
    scores = {result.number: cell.score(result) for result in cell.search}
    scored = {n: score for n, score in scores.items() if math.isfinite(score) and n in asked}
    before = {asked[number].parent for number in scored}
    kept = {number: score for number, score in scored.items() if number not in before}
    names = dict.fromkeys(name for number in kept for name in asked[number].values)
    columns = {name: [_known(asked[number].values.get(name)) for number in kept] for name in names}
    columns[EPOCHS] = [asked[number].epochs for number in kept]
    different = {n: column for n, column in columns.items() if len({*column} - {None}) > 1}
    return different, list(kept.values())


def _known(value: Any) -> Value:
    """A value as text or a finite number; `None` where there is none."""
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    return None if value is None else str(value)


def permuted(
    columns: Mapping[str, Sequence[str | float | None]],
    scores: Sequence[float],
    direction: str,
    seed: int = 0,
) -> Importances | None:
    """Permutation importances of hyperparameters, with intervals over refits.

    A random forest (Breiman 2001, "Random Forests", Machine Learning 45) predicts the ranks of
    the scores, so that a diverged trial weighs no more than a poor one; forests as surrogates of
    a search are those of Hutter, Hoos and Leyton-Brown (2014), "An Efficient Approach for
    Assessing Hyperparameter Importance", ICML. It is fitted `REFITS` times to two thirds of the
    trials, drawn anew, and judged on the others. The importance of a hyperparameter is the share
    of their variance that is no longer explained after its values are shuffled among them
    (Fisher, Rudin and Dominici 2019, "All Models are Wrong, but Many are Useful", JMLR 20).

    Refits share trials, so their scatter alone is too small: intervals are the corrected t
    intervals of Nadeau and Bengio (2003), "Inference for the Generalization Error", Machine
    Learning 52.

    Args:
        columns: a value a trial of each hyperparameter that varied, as `varied` gives them.
        scores: finite, one a trial.
        direction: which way scores get better.
        seed: of the forests and the shuffling.

    Returns:
        `None` with fewer than `LEAST_TRIALS` trials or without a hyperparameter.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import ShuffleSplit

    count = len(scores)
    if count < LEAST_TRIALS or not columns:
        return None
    sign = 1.0 if direction == "max" else -1.0
    ranks = scipy.stats.rankdata(sign * np.asarray(scores, dtype=np.float64)) / count
    if not ranks.var():
        return Importances(count, Interval(0.0, 0.0, 0.0), ())
    held_out = min(count // 3, MOST_HELD_OUT)
    rows = []
    splits = ShuffleSplit(REFITS, test_size=held_out, random_state=seed).split(ranks)
    for number_, (train, test) in enumerate(splits, start=seed):
        table = np.stack([_numbers(each, train, ranks) for each in columns.values()], axis=1)
        forest = RandomForestRegressor(
            TREES, max_features=1 / 3, min_samples_leaf=3,
            max_samples=min(len(train), MOST_TRAINED), random_state=number_,
        ).fit(table[train], ranks[train])  # fmt: skip
        error = -_minus_error(forest, table[test], ranks[test])
        lost = permutation_importance(
            forest, table[test], ranks[test], scoring=_minus_error,
            n_repeats=SHUFFLES, random_state=number_,
        ).importances_mean  # fmt: skip
        rows.append(np.append(error, lost) / ranks.var())
    ratio = held_out / (count - held_out)
    errors, *losses = (corrected_interval(column, ratio) for column in np.array(rows).T)
    explained = Interval(1 - errors.mean, 1 - errors.high, 1 - errors.low)
    found = [Importance(name, lost) for name, lost in zip(columns, losses, strict=True)]
    found.sort(key=lambda importance: -importance.lost.mean)
    explains = explained.low > 0 and explained.mean >= LEAST_EXPLAINED
    return Importances(count, explained, tuple(found) if explains else ())


def _minus_error(forest: Any, rows: npt.NDArray[np.float32], truth: Floats) -> float:
    """Minus the mean squared error of a forest.

    Its trees are asked one by one: for a few hundred rows the forest itself takes ten times as
    long to begin.
    """
    predicted = np.mean([tree.tree_.predict(rows) for tree in forest.estimators_], axis=0)
    return -float(np.square(predicted[..., 0] - truth).mean())


def _numbers(
    column: Sequence[Value], train: npt.NDArray[np.int64], ranks: Floats
) -> npt.NDArray[np.float32]:
    """A hyperparameter as numbers, shape (trials,); categories by their mean ranks in training.

    That order of categories lets a tree split them as well as any (Fisher 1958, "On grouping for
    maximum homogeneity", JASA 53). Where a hyperparameter was not active it has the value of some
    trial in which it was: anything else would tell what another hyperparameter, which decides
    that, is.
    """
    active = [value for value in column if value is not None]
    others = iter(np.random.default_rng(0).integers(len(active), size=len(column)))
    values = [active[next(others)] if value is None else value for value in column]
    if not any(isinstance(value, str) for value in values):
        return np.array(values, np.float32)
    of_each: dict[str, list[float]] = {}
    for trial in train:
        of_each.setdefault(str(values[trial]), []).append(float(ranks[trial]))
    means = {value: statistics.fmean(own) for value, own in of_each.items()}
    return np.array([means.get(str(value), 0.5) for value in values], np.float32)


def importance_table(group: Mapping[str, Importances]) -> str:
    """A row an architecture of a task."""
    rows = [
        [code(space), str(one.trials),
         f"{number(one.explained.mean, 2)} ({span(one.explained, 2)})", _most_important(one)]
        for space, one in group.items()
    ]  # fmt: skip
    return table(["architecture", "scored trials", "R²", "most important"], rows)


def _most_important(one: Importances) -> str:
    if not one.found:
        return "the surrogate explains nothing"
    sure = [found for found in one.found if found.lost.low > 0]
    said = [
        f"{'the epochs of a trial' if found.name == EPOCHS else code(found.name)} "
        f"{number(found.lost.mean, 2)} ({span(found.lost, 2)})"
        for found in sure[:SAID]
    ]
    return ", ".join(said) or "none for sure"


def importance_figure(task: str, group: Mapping[str, Importances], styles: Styles) -> Figure:
    """A row a hyperparameter: its importance to each architecture that has it, with intervals.

    Args:
        task: its name, for the title.
        group: by architecture, those that explain something.
        styles: of the architectures.
    """
    found = {space: {each.name: each.lost for each in one.found} for space, one in group.items()}
    most = {name: max(own[name].mean for own in found.values() if name in own)
            for own in found.values() for name in own}  # fmt: skip
    rows = sorted(most, key=lambda name: -most[name])[:SHOWN]
    height = 1.3 + len(rows) * (0.14 + 0.06 * len(group)) + 0.2 * math.ceil(len(group) / 4)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, height), layout="constrained", facecolor="white")
        axes = figure.add_subplot()
        for place, (space, own) in enumerate(found.items()):
            # The lines of a row stand below each other, the best architecture on top.
            moved = 0.72 * ((place + 0.5) / len(found) - 0.5)
            shown = [(row + moved, own[name]) for row, name in enumerate(rows) if name in own]
            for y, lost in shown:
                axes.plot([lost.low, lost.high], [y, y], linewidth=1.6, **styles[space])
            axes.plot([lost.mean for _, lost in shown], [y for y, _ in shown], "o", markersize=4,
                      color=styles[space]["color"])  # fmt: skip
        axes.axvline(0, color=FAINT, linewidth=1.2, zorder=0)
        axes.set_yticks(range(len(rows)), [label(name, LONGEST_NAME) for name in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_title(label(task, 60))
        axes.set_xlabel("R² lost when shuffled")
        legend(figure, list(found), styles)
    return figure
