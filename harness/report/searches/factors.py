"""The hyperparameters of a cell's trials, as statistics can read them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.analysis.cells import CellResults
from harness.trial import Asked

EPOCHS = "epochs"
"""What stands for the epochs a tuner gave a trial, where it gave different ones."""
MOST_LEVELS = 4
"""Values that are told apart where a hyperparameter is taken to pieces."""


@dataclass(frozen=True)
class Factor:
    """One hyperparameter, over the trials of a cell."""

    name: str
    values: tuple[Any, ...]
    """One a trial; `None` where the hyperparameter was not active."""

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """In which trials the hyperparameter had a value, shape (trials,)."""
        return np.array([value is not None for value in self.values])

    @property
    def categorical(self) -> bool:
        """Whether its values have no order: text, or text among numbers."""
        return any(isinstance(value, str) for value in self.values)

    @property
    def columns(self) -> npt.NDArray[np.float32]:
        """As columns of numbers, shape (trials, columns).

        A number stays one, missing where it was not active. A category becomes a column for each
        value, all of them zero where it was not active.
        """
        if not self.categorical:
            numbers = [math.nan if v is None else float(v) for v in self.values]
            return np.array(numbers, dtype=np.float32)[:, None]
        known = list(dict.fromkeys(str(value) for value in self.values if value is not None))
        places = [[value is not None and str(value) == level for level in known]
                  for value in self.values]  # fmt: skip
        return np.array(places, dtype=np.float32)

    def levels(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """The values in a few groups, such as a heat map has room for.

        Each value is a group where there are at most `MOST_LEVELS`. Otherwise numbers are cut at
        their quantiles, and the rarest categories become one group.

        Returns:
            The group of each trial, -1 where the hyperparameter was not active, and the names.
        """
        return self._categories() if self.categorical else self._ranges()

    def _categories(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        texts = [None if value is None else str(value) for value in self.values]
        known = [text for text in texts if text is not None]
        common = sorted(dict.fromkeys(known), key=lambda text: (-known.count(text), text))
        names = sorted(common if len(common) <= MOST_LEVELS else common[: MOST_LEVELS - 1])
        others = len(names)
        groups = [-1 if t is None else names.index(t) if t in names else others for t in texts]
        return np.array(groups), names if len(common) <= MOST_LEVELS else [*names, "others"]

    def _ranges(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        active = self.active
        numbers = np.array([math.nan if v is None else float(v) for v in self.values])
        different = np.unique(numbers[active])
        if len(different) <= MOST_LEVELS:
            names = [_named(v) for v in sorted({v for v in self.values if v is not None})]
            groups = np.searchsorted(different, numbers)
        else:
            shares = np.arange(1, MOST_LEVELS) / MOST_LEVELS
            edges = np.unique(np.quantile(numbers[active], shares, method="lower"))
            edges = edges[edges < different[-1]]
            groups = np.searchsorted(edges, numbers)
            names = [_range(numbers[active & (groups == g)]) for g in range(len(edges) + 1)]
        return np.where(active, groups, -1), names


def _named(value: float) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _range(numbers: npt.NDArray[np.float64]) -> str:
    low, high = float(numbers.min()), float(numbers.max())
    return _named(low) if low == high else f"{low:.2g} to {high:.2g}"


def factors(cell: CellResults, asked: Mapping[int, Asked]) -> tuple[list[Factor], list[float]]:
    """The hyperparameters that varied among a cell's scored trials, and the scores.

    A trial that another one continues from is left out: both have the same configuration, and
    what is known of it must not stand on both sides of a test. Where the tuner gave trials
    different numbers of epochs these are a factor too, as they have a part in the score.
    """
    scores = {result.number: cell.score(result) for result in cell.search}
    scored = {n: score for n, score in scores.items() if math.isfinite(score) and n in asked}
    before = {asked[number].parent for number in scored}
    kept = {number: score for number, score in scored.items() if number not in before}
    names = dict.fromkeys(name for number in kept for name in asked[number].values)
    found = [
        Factor(name, tuple(_known(asked[number].values.get(name)) for number in kept))
        for name in names
    ]
    found.append(Factor(EPOCHS, tuple(asked[number].epochs for number in kept)))
    return [factor for factor in found if len(set(factor.values)) > 1], list(kept.values())


def _known(value: Any) -> Any:
    """A value as a factor holds it: text, a finite number, or `None`."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    return str(value)


def only(chosen: Sequence[Factor], rows: npt.NDArray[np.bool_]) -> list[Factor]:
    """The factors over some of the trials."""
    places = np.flatnonzero(rows)
    return [Factor(f.name, tuple(f.values[i] for i in places)) for f in chosen]
