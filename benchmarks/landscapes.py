"""What tuners are compared on without training anything: made-up landscapes, and recorded ones.

A landscape gives a configuration its curves by epoch: the validation scores that a search is told,
the true scores behind them, and seconds. Higher is better in all of them.
"""

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.record import FOLDER, TABLES, sampler
from harness import registry
from harness.search.levels import level, levels, share
from harness.search.space import Space
from harness.spec import HyperParameters


@dataclass(frozen=True)
class Curves:
    """What training a configuration to the end would show, by epoch."""

    told: np.ndarray
    """Validation scores, luck included."""
    true: np.ndarray
    """Scores without that luck: on the test split, or of the made-up function."""
    seconds: np.ndarray
    """Since the start."""


class Landscape(Protocol):
    """A search space whose scores are known."""

    name: str
    epochs: int
    best: float
    """The best true score at the end of a training."""

    def sample(self, hp: HyperParameters) -> Any: ...

    def curves(self, values: Mapping[str, Any], sampled: Any) -> Curves:
        """The curves of a configuration."""
        ...


def generator(*parts: Any) -> np.random.Generator:
    """A generator for these parts, the same in every process."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


class Synthetic:
    """Nine hyperparameters, two of them behind a condition: rates, sizes and kinds.

    The score falls with the squared distance from an optimum that each instance has elsewhere, with
    one interaction; what has a small rate is learned slowly, and so looks worse at first than it
    is. An instance's optimum, weights and default are drawn from its number.
    """

    epochs = 9
    KINDS = ("plain", "gated", "attention")

    def __init__(self, instance: int, noise: float, conditional: bool = True) -> None:
        self.name = "conditional" if conditional else "categorical"
        self._conditional, self._noise, self._instance = conditional, noise, instance
        random = generator(self.name, instance)
        self._optimum = random.uniform(0.1, 0.9, 6)
        self._weights = random.dirichlet(np.ones(6)) * 0.6
        sizes = (3, 2) if conditional else (3, 2, 4, 3, 3)
        self._kinds = [np.append(0, random.uniform(0.01, 0.12, n - 1)) for n in sizes]
        for cost in self._kinds:
            random.shuffle(cost)
        self.best = 1.0

    def sample(self, hp: HyperParameters) -> tuple[Any, ...]:
        kind = hp.Choice("kind", list(self.KINDS))
        values: list[Any] = [
            kind,
            hp.Boolean("norm"),
            hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3),
            hp.Float("decay", 1e-6, 1e-1, sampling="log", default=1e-4),
            hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.1),
            hp.Int("layers", 1, 4, default=2),
        ]
        if self._conditional:
            values.append(hp.Choice("units", [32, 64, 128, 256], default=64))
            with hp.conditional_scope("kind", ["attention"]):
                heads = hp.Choice("heads", [1, 2, 4, 8], default=2)
            with hp.conditional_scope("kind", ["gated"]):
                bias = hp.Float("bias", 0.0, 2.0, default=1.0)
            values.append({"attention": heads, "gated": bias}.get(kind))
        else:
            for name, size in (("pool", 4), ("head", 3), ("loss", 3)):
                values.append(hp.Choice(name, [f"{name}{i}" for i in range(size)]))
        return tuple(values)

    def curves(self, values: Mapping[str, Any], sampled: Any) -> Curves:
        kind, norm, rate, decay, dropout, layers = sampled[:6]
        at = [math.log10(rate) / 3 + 4 / 3, math.log10(decay) / 5 + 6 / 5, dropout * 2,
              (layers - 1) / 3]  # fmt: skip
        costs = [self._kinds[0][self.KINDS.index(kind)], self._kinds[1][int(norm)]]
        if self._conditional:
            units, own = sampled[6:]
            at.append(math.log2(units / 32) / 3)
            scale = {"attention": lambda v: math.log2(v) / 3, "gated": lambda v: v / 2}
            at.append(scale[kind](own) if kind in scale else self._optimum[5])
        else:
            costs += [c[int(v[-1])] for c, v in zip(self._kinds[2:], sampled[6:], strict=True)]
        gap = np.array(at) - self._optimum[: len(at)]
        weights = self._weights[: len(at)]
        loss = (weights * gap**2).sum() + 0.2 * abs(gap[0] * gap[3]) + sum(costs)
        ramp = 0.5 * np.exp(-np.arange(1, self.epochs + 1) / (0.5 + 3 * (1 - at[0])))
        true = 1 - loss - ramp + ramp[-1]
        random = generator(self._instance, sampled)
        told = true + random.normal(0, self._noise) + random.normal(0, self._noise / 2, true.shape)
        seconds = 1 + (1 + layers) * np.arange(1, self.epochs + 1) / 3
        return Curves(told, true, seconds)


class Recorded:
    """A table of real trainings, made continuous by a forest of trees over its rows.

    The forest tells curves of any configuration. The luck of a validation split is what the
    difference of validation and test scores of a row that is drawn leaves of its mean. An instance
    draws other luck.
    """

    def __init__(self, space: str, instance: int) -> None:
        self.name = space
        self._instance = instance
        self._fitted = _fitted(space)
        self.epochs = TABLES[space].epochs
        self.best = self._fitted.best
        self.sample = self._fitted.sample

    def curves(self, values: Mapping[str, Any], sampled: Any) -> Curves:
        table = self._fitted
        val, test, seconds = table.predicted(values, sampled)
        random = generator(self._instance, sampled)
        return Curves(val + table.luck[random.integers(len(table.luck))], test, seconds)


class _Fitted:
    """The forest of a table; once a process."""

    def __init__(self, space: str) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        task = registry.task(TABLES[space].task)
        self.sample = sampler(task, registry.space(space))
        self._parameters = {p.name: p for p in Space(self.sample).known.space}
        rows = [json.loads(line) for line in table_path(space).read_text().splitlines()]
        rows = [row for row in rows if len(row["val"]) == TABLES[space].epochs]
        self.rows = len(rows)
        sign = 1 if task.objective.direction == "max" else -1
        curves = [
            np.concatenate([sign * np.array(r["val"]), sign * np.array(r["test"]),
                            np.log(r["seconds"])]) for r in rows
        ]  # fmt: skip
        self._forest = ExtraTreesRegressor(40, min_samples_leaf=2, random_state=0)
        self._forest.fit([self._vector(row["values"]) for row in rows], curves)
        difference = np.array([sign * (np.array(r["val"]) - np.array(r["test"])) for r in rows])
        # Either split has its own luck, and the difference that of both.
        self.luck = (difference - difference.mean(axis=0)) / math.sqrt(2)
        self._known: dict[Any, Any] = {}
        space_ = Space(self.sample)
        random = [space_.drawn({}, _choose(n)) for n in range(2000)]
        self.best = max(self.predicted(d.used, d.sampled)[1].max() for d in random)

    def predicted(self, values: Mapping[str, Any], sampled: Any) -> Any:
        """Validation and test scores and seconds of a configuration, by epoch."""
        if sampled not in self._known:
            val, test, seconds = np.split(self._forest.predict([self._vector(values)])[0], 3)
            self._known[sampled] = val, test, np.exp(seconds)
        return self._known[sampled]

    def _vector(self, values: Mapping[str, Any]) -> list[float]:
        """Numbers of a configuration; -1 for what is not active."""

        def number(name: str, parameter: Any) -> float:
            if name not in values:
                return -1.0
            known = levels(parameter)
            if known is None:
                return share(parameter, values[name])
            return level(known, values[name]) / max(1, len(known) - 1)

        return [number(name, parameter) for name, parameter in self._parameters.items()]


def _choose(seed: int) -> Any:
    random = generator(seed)
    return lambda parameter: parameter.random_sample(int(random.integers(2**31)))


@functools.cache
def _fitted(space: str) -> _Fitted:
    return _Fitted(space)


def table_path(space: str) -> Path:
    """Where the table of an architecture lies."""
    return FOLDER / f"{space}.jsonl"


def landscape(name: str, instance: int) -> Landscape:
    """A landscape by name; instances differ in luck, made-up ones in their optimum, too."""
    match name:
        case "conditional":
            return Synthetic(instance, noise=0.01)
        case "categorical":
            return Synthetic(instance, noise=0.01, conditional=False)
    return Recorded(name, instance)


NAMES = ("conditional", "categorical", *TABLES)
