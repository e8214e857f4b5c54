"""Series forecast without a network: ridge regression on the window, the last value taken off."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from harness.kinds.fitting.windows import FUTURE, PAST
from harness.kinds.rivals.linear import ridge_path
from harness.spec import Prepared, Split

BATCH = 256
"""Windows that are cut at once."""
MOST_VALUES = 200_000_000
"""Values of all pasts that are read at most: every second window, or third, of more."""
WIDEST = 2_000
"""Values of a past that are looked at together at most."""


@dataclass(frozen=True)
class _Sums:
    """What least squares needs to know of features and targets."""

    gram: np.ndarray
    moments: np.ndarray
    squares: float
    """Of the targets."""

    def error(self, weights: np.ndarray) -> float:
        """Sum of squared errors under weights (features, targets)."""
        explained = 2 * (weights * self.moments).sum() - (weights * (self.gram @ weights)).sum()
        return float(self.squares - explained)


@dataclass(frozen=True)
class _Design:
    """Which windows are rows of the regression, and what is taken off them."""

    horizon: int
    season: int | None
    """Take the last season off, and not the last value."""
    together: bool
    """Each channel is told from the pasts of all, and not from its own alone."""

    def features(self, past: np.ndarray) -> np.ndarray:
        """Rows of the regression: a constant, which is growth, and the past without its last
        value."""
        level = past - past[:, -1:]
        rows = level.reshape(len(past), -1) if self.together else self._by_channel(level)
        return np.concatenate([np.ones((len(rows), 1)), rows], axis=1)

    def base(self, past: np.ndarray) -> np.ndarray:
        """What is forecast without any weights, (windows, horizon, channels)."""
        steps = np.arange(self.horizon)
        if self.season is None:
            return np.repeat(past[:, -1:], self.horizon, axis=1)
        return np.asarray(past[:, -self.season :][:, steps % self.season])

    def targets(self, change: np.ndarray) -> np.ndarray:
        """Values (windows, horizon, channels) as rows."""
        return change.reshape(len(change), -1) if self.together else self._by_channel(change)

    def forecast(self, past: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Of pasts (windows, look_back, channels), (windows, horizon, channels)."""
        past = np.asarray(past, "float64")
        windows, _, channels = past.shape
        answer = self.features(past) @ weights
        if self.together:
            change = answer.reshape(windows, self.horizon, channels)
        else:
            change = answer.reshape(windows, channels, self.horizon).swapaxes(1, 2)
        return np.asarray(self.base(past) + change)

    def sums(self, split: Split) -> _Sums:
        """Over the windows of a split."""
        gram = moments = np.zeros(())
        squares = 0.0
        for past, future in _batches(split):
            x, y = self.features(past), self.targets(future - self.base(past))
            gram, moments = gram + x.T @ x, moments + x.T @ y
            squares += float((y**2).sum())
        return _Sums(gram, moments, squares)

    @staticmethod
    def _by_channel(values: np.ndarray) -> np.ndarray:
        return values.swapaxes(1, 2).reshape(-1, values.shape[1])


def ridge_forecaster(prepared: Prepared) -> Callable[[np.ndarray], np.ndarray]:
    """Forecasts by the best ridge regression, by squared error on validation.

    Of the window the last value is taken off, and put back on the forecast, so that it follows the
    level of a series (NLinear of Zeng et al. 2023, "Are transformers effective for time series
    forecasting?", AAAI, arXiv:2205.13504); or the last season, where there is one. Channels have
    the same weights, each for itself, or are told from all channels together, where that is no more
    than `WIDEST` values.

    Returns:
        From pasts (windows, look_back, channels) to futures (windows, horizon, channels).
    """
    assets = prepared.assets
    look_back, channels = prepared.train.x[PAST].shape[1:]
    together = [False, True] if 1 < channels <= WIDEST // look_back else [False]
    seasons = [None, assets["season"]] if assets["season"] is not None else [None]
    best: tuple[float, _Design, np.ndarray] | None = None
    for design in (_Design(assets["horizon"], s, t) for s in seasons for t in together):
        train, val = design.sums(prepared.train), design.sums(prepared.val)
        for weights in ridge_path(train.gram, train.moments):
            error = val.error(weights)
            if best is None or error < best[0]:
                best = error, design, weights
    assert best is not None
    _, design, weights = best
    return lambda past: design.forecast(past, weights)


def _batches(split: Split) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pasts and futures of windows, float64; of very many, of some at equal distances."""
    pasts, futures = split.x[PAST], split.y[FUTURE]
    size = math.prod(pasts.shape)
    chosen = np.arange(0, len(split), max(1, math.ceil(size / MOST_VALUES)))
    for first in range(0, len(chosen), BATCH):
        rows = chosen[first : first + BATCH]
        yield np.asarray(pasts[rows], "float64"), np.asarray(futures[rows], "float64")
