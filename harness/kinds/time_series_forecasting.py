"""What every forecasting task shares: loss, scores, the naive forecasts and the exhibit.

A forecasting task has one input, `past` of shape (look_back, channels), and one output,
`future` of shape (horizon, channels), both standardised with the training rows. Its assets:

    channels      names, in the order of the last axis
    target        the channel that the exhibit shows
    mean, scale   of the training rows, for each channel: value = standardised * scale + mean
    look_back, horizon
    season        steps of a season, or None for a series without one
    mase_scale    mean absolute error of the naive forecast on the training rows, for each
                  channel, standardised: what the errors of MASE are divided by

Errors are means over windows, steps and channels, on the standardised values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.fitting.windows import FUTURE, PAST, forecasting_split
from harness.spec import DataSpec, HarnessError, Kind, Prepared, Score, Split, TensorSpec, Training

KIND: Kind = "time_series_forecasting"
BATCH = 256
"""Windows that are cut at once: all of them would take look_back + horizon times the series."""

Forecaster = Callable[[np.ndarray], np.ndarray]
"""Gives the future, (windows, horizon, channels), of pasts, (windows, look_back, channels)."""


def prepared(
    task: str,
    rows: np.ndarray,
    channels: Sequence[str],
    stretches: Mapping[str, tuple[int, int]],
    look_back: int,
    horizon: int,
    season: int | None,
    target: str,
) -> Prepared:
    """A series as a forecasting task: standardised, cut into splits, with its assets.

    Args:
        task: name of the task, for the errors.
        rows: float64 of shape (steps, channels), not standardised.
        channels: names of the columns.
        stretches: first step, and the one behind the last, of `train`, `val` and `test`. The
            training stretch alone gives the mean, the deviation and the scale of MASE.
        look_back: steps a model sees.
        horizon: steps it forecasts.
        season: steps of a season, at most `look_back`; `None` if there is none.
        target: the channel that the exhibit shows.

    Raises:
        HarnessError: as of `forecasting_split`, or a channel whose training rows repeat each
            other exactly, so that its errors have no scale.
    """
    from sklearn.preprocessing import StandardScaler

    first, last = stretches["train"]
    scaler = StandardScaler().fit(rows[first:last])
    standardised = scaler.transform(rows)
    scale = naive_scale(standardised[first:last], season or 1)
    for channel, error in zip(channels, scale, strict=True):
        if not error > 0:
            raise HarnessError(
                f"task {task!r}: channel {channel!r} repeats itself exactly in training; "
                "expected a series with something to forecast"
            )
    series = standardised.astype("float32")
    splits = {
        name: forecasting_split(task, name, series, look_back, horizon, *stretch)
        for name, stretch in stretches.items()
    }
    spec = DataSpec(
        inputs={PAST: TensorSpec((look_back, len(channels)), "float32")},
        outputs={FUTURE: TensorSpec((horizon, len(channels)), "float32")},
        kind=KIND,
    )
    assets = {
        "channels": list(channels),
        "target": target,
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "look_back": look_back,
        "horizon": horizon,
        "season": season,
        "mase_scale": scale.tolist(),
    }
    return Prepared(spec, **splits, assets=assets)


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
    return np.abs(series[season:] - series[:-season]).mean(axis=0)


def last_value(past: np.ndarray, horizon: int) -> np.ndarray:
    """The last value of each channel, repeated: (windows, horizon, channels)."""
    return np.repeat(past[:, -1:], horizon, axis=1)


def seasonal_naive(past: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The last season of each channel, repeated: (windows, horizon, channels)."""
    return past[:, -season:][:, np.arange(horizon) % season]


def training_mean(past: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of each channel in training, which standardising has made 0."""
    return np.zeros((len(past), horizon, past.shape[2]), past.dtype)


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


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test errors of repeating the last value, and of a rival as `<metric>_<rival>`.

    The rival, `seasonal_naive`, repeats the last season; where the series has none, it is the
    `training_mean`, which a last value that swings about it can be worse than.
    """
    assets = prepared.assets
    horizon, season = assets["horizon"], assets["season"]

    def metrics(forecaster: Forecaster) -> Mapping[str, float]:
        return score_forecasts(forecaster, prepared.test, assets).metrics

    if season is None:
        name, rival = "training_mean", metrics(lambda past: training_mean(past, horizon))
    else:
        name, rival = "seasonal_naive", metrics(lambda past: seasonal_naive(past, horizon, season))
    floor = metrics(lambda past: last_value(past, horizon))
    return {**floor, **{f"{metric}_{name}": value for metric, value in rival.items()}}


def score_forecasts(forecaster: Forecaster, split: Split, assets: Mapping[str, Any]) -> Score:
    """Errors of any forecaster, as described in `score`; windows are cut a batch at a time."""
    squared_errors, absolute, values, squares = [], 0.0, 0.0, 0.0
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
    deviation = np.sqrt(squares / len(split) - np.square(mean))
    metrics = {
        "mse": squared.mean(),
        "mae": mae.mean(),
        "mase": (mae / np.asarray(assets["mase_scale"])).mean(),
        "nrmse": (np.sqrt(squared.mean(axis=0)) / deviation).mean(),
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
    chosen = np.array([(2 * third + 1) * len(test) // 6 for third in range(3)])
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
