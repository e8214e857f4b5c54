"""Loss, scores and exhibit of forecasts, and the forecasts that need no model.

Errors are means over windows, steps and channels, on the standardised values.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.kinds.fitting.windows import FUTURE, PAST
from harness.kinds.rivals.forecasts import ridge_forecaster
from harness.spec import DataSpec, Prepared, Score, Split, Training

BATCH = 256
"""Windows that are cut at once: all of them would take look_back + horizon times the series."""

Forecaster = Callable[[np.ndarray], np.ndarray]
"""Gives the future, (windows, horizon, channels), of pasts, (windows, look_back, channels)."""


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Mean squared error; the metrics are it and the mean absolute error."""
    import keras

    metrics = [
        keras.metrics.MeanSquaredError(name="mse"),
        keras.metrics.MeanAbsoluteError(name="mae"),
    ]
    return {"loss": keras.losses.MeanSquaredError(), "metrics": metrics}


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Errors of a fitted model.

    `mse` and `mae`; `mase`, the mean absolute error over that of the naive forecast on the
    training rows; `nrmse`, the root of the squared error over the deviation of the targets.
    The last two are taken for each channel, then averaged.

    Per example: `squared_error`, the mean over steps and channels, float32 of shape (windows,).
    """
    return score_forecasts(lambda past: model.predict_on_batch({PAST: past})[FUTURE], split, assets)


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test errors of repeating the last value, and of two methods that see more.

    `seasonal_naive` repeats the last season; where the series has none, the other one is the
    `training_mean`, which a last value that swings about it can be worse than. The second is ridge
    regression, see `harness.kinds.rivals.forecasts`.
    """
    assets = prepared.assets
    horizon, season = assets["horizon"], assets["season"]

    def of(forecaster: Forecaster) -> Score:
        return score_forecasts(forecaster, prepared.test, assets)

    if season is None:
        name, rival = "training_mean", of(lambda past: training_mean(past, horizon))
    else:
        name, rival = "seasonal_naive", of(lambda past: seasonal_naive(past, horizon, season))
    floor = of(lambda past: last_value(past, horizon)).metrics
    return {**floor, name: rival, "ridge_regression": of(ridge_forecaster(prepared))}


def score_forecasts(forecaster: Forecaster, split: Split, assets: Mapping[str, Any]) -> Score:
    """Errors of any forecaster: see `score`.

    Windows are cut a batch at a time.
    """
    squared_errors: list[np.ndarray] = []
    absolute = values = squares = np.zeros(1)
    for first in range(0, len(split), BATCH):
        past = np.asarray(split.x[PAST][first : first + BATCH])
        truth = np.asarray(split.y[FUTURE][first : first + BATCH], "float64")
        forecast = np.asarray(forecaster(past), "float64")
        if forecast.shape != truth.shape:  # NumPy would stretch one to fit the other
            raise ValueError(f"expected forecasts of shape {truth.shape}, found {forecast.shape}")
        squared_errors.append(np.square(forecast - truth).mean(axis=1))
        absolute = absolute + np.abs(forecast - truth).mean(axis=1).sum(axis=0)
        values = values + truth.mean(axis=1).sum(axis=0)
        squares = squares + np.square(truth).mean(axis=1).sum(axis=0)
    squared = np.concatenate(squared_errors)  # (windows, channels)
    mae, mean = absolute / len(split), values / len(split)
    deviation = np.sqrt(np.maximum(squares / len(split) - np.square(mean), 0))
    # A channel that does not change in this split has no scale of its own.
    relative = np.full(len(deviation), np.inf)
    np.divide(np.sqrt(squared.mean(axis=0)), deviation, out=relative, where=deviation > 0)
    metrics = {
        "mse": squared.mean(),
        "mae": mae.mean(),
        "mase": (mae / np.asarray(assets["mase_scale"])).mean(),
        "nrmse": relative.mean(),
    }
    return Score(
        metrics={name: float(value) for name, value in metrics.items()},
        per_example={"squared_error": squared.mean(axis=1).astype("float32")},
    )


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """Forecasts of three test windows, one from the middle of each third of the split.

    They are chosen by place, never by error. `baseline` repeats the last value. Values are
    standardised, and rounded to 4 digits.
    """
    test, assets = prepared.test, prepared.assets
    chosen = np.unique([(2 * third + 1) * len(test) // 6 for third in range(3)])
    past, truth = (np.asarray(side[chosen]) for side in (test.x[PAST], test.y[FUTURE]))
    forecast = np.asarray(model.predict_on_batch({PAST: past})[FUTURE])
    lines = {
        "past": past,
        "truth": truth,
        "forecast": forecast,
        "baseline": last_value(past, assets["horizon"]),
    }
    channel = assets["channels"].index(assets["target"])
    forecasts = [
        {"channel": assets["target"], "window": int(chosen[i])}
        | {name: np.round(line[i, :, channel].astype("float64"), 4).tolist()
           for name, line in lines.items()}
        for i in range(len(chosen))
    ]  # fmt: skip
    return {"forecasts": forecasts, "standardised": True}


# --- forecasts without a model ----------------------------------------------------


def naive_scale(series: np.ndarray, season: int) -> np.ndarray:
    """Mean absolute error of forecasting each step with the one a season before.

    The denominator of MASE (Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001);
    a season of 1 is the last value.

    Args:
        series: shape (steps, channels), more steps than the season.
        season: in steps.

    Returns:
        Shape (channels,).
    """
    return np.asarray(np.abs(series[season:] - series[:-season]).mean(axis=0))


def last_value(past: np.ndarray, horizon: int) -> np.ndarray:
    """The last value of each channel, repeated: (windows, horizon, channels)."""
    return np.repeat(past[:, -1:], horizon, axis=1)


def seasonal_naive(past: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The last season of each channel, repeated: (windows, horizon, channels)."""
    return past[:, -season:][:, np.arange(horizon) % season]


def training_mean(past: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of each channel in training, which standardising has made 0."""
    return np.zeros((len(past), horizon, past.shape[2]), past.dtype)
