"""Time series forecasting: the next stretch of one or several series from the one before it.

Inputs
    `past`: float32 of shape (look_back, channels), standardised with the training rows.
Outputs
    `future`: float32 of shape (horizon, channels), standardised likewise. Models give it as it is.
Assets
    channels      names, in the order of the last axis
    target        the channel that the exhibit shows
    mean, scale   of the training rows, for each channel: value = standardised * scale + mean
    look_back, horizon
    season        steps of a season, or None for a series without one
    mase_scale    mean absolute error of the naive forecast on the training rows, for each
                  channel, standardised: what the errors of MASE are divided by
Architectures
    those of the kind `time_series_forecasting`: `simple_rnn`, `gru`, `lstm`, `tcn`,
    `transformer`, by `harness.blocks.sequence`.
Loss and metrics
    mean squared error; `mse`, `mae`.
Score
    `mse`, `mae`, `mase`, `nrmse`; per example `squared_error`. Errors are means over windows,
    steps and channels, on the standardised values, so that channels count alike.
Baselines
    the last value repeated; the last season repeated, or the mean of training; ridge regression.
Exhibit
    forecasts of three test windows.

Example:
    import numpy as np
    from harness.kinds import time_series_forecasting

    def prepare(files):
        steps = np.arange(2_000)
        noise = np.random.default_rng(0).normal(0, 0.1, 2_000)
        return np.sin(steps * 2 * np.pi / 24) + noise  # a table would be (steps, channels)

    wave = time_series_forecasting.task("wave", prepare, look_back=48, horizon=24, season=24)
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds import tables
from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.fitting.forecasts import (
    baseline,
    compile_args,
    exhibit,
    naive_scale,
    score,
)
from harness.kinds.fitting.windows import FUTURE, PAST, forecasting_split
from harness.spec import (
    DataSpec,
    HarnessError,
    Kind,
    Objective,
    Prepared,
    Task,
    TensorSpec,
)

__all__ = [
    "FUTURE",
    "KIND",
    "PAST",
    "baseline",
    "compile_args",
    "decode",
    "encode",
    "exhibit",
    "prepared",
    "score",
    "task",
]

KIND: Kind = "time_series_forecasting"
EXPECTED = "numbers of shape (steps,) or (steps, channels), or a pandas DataFrame"


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    look_back: int,
    horizon: int,
    season: int | None = None,
    channels: Sequence[str] | None = None,
    target: str | None = None,
    **parts: Any,
) -> Task:
    """A task from a table of numbers.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns a table, numbers of
            shape (steps,) or (steps, channels) or of pandas, of all steps or by split. Of all
            steps, the last tenth is the test split and the one before it validation; both begin
            with `look_back` steps of the split before, and forecast none of them.
        look_back: steps a model sees.
        horizon: steps it forecasts.
        season: steps of a season, at most `look_back`; `None` if there is none.
        channels: names of the columns; those of pandas, or numbers, if absent.
        target: the channel that the exhibit shows; the last one if absent.
        parts: fields of `harness.Task` that replace the defaults.

    Raises:
        HarnessError: a part that there is not. `Task.prepare` raises it for tables that are too
            short, hold other than finite numbers, or repeat themselves exactly in training.
    """
    defaults = {
        "objective": Objective("mse", "min"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "exhibit": exhibit,
        "batch_sizes": (32, 64, 128),
    }
    options = {
        "look_back": look_back,
        "horizon": horizon,
        "season": season,
        "channels": channels,
        "target": target,
    }
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    look_back: int,
    **options: Any,
) -> Prepared:
    def read(where: str, table: Any) -> Any:
        tables.numbers(where, table)
        return table

    data = cut_splits(task, prepare(files), EXPECTED, read=read, in_order=True, look_back=look_back)
    return prepared(task, data, look_back=look_back, **options)


def prepared(
    task: str,
    data: Mapping[str, Any],
    look_back: int,
    horizon: int,
    season: int | None = None,
    channels: Sequence[str] | None = None,
    target: str | None = None,
) -> Prepared:
    """The data of a task: standardised, cut into windows, with its assets.

    Args and errors as of `task`; `data` are tables of `train`, `val`, `test` and further splits.
    The training rows alone give the mean, the deviation and the scale of MASE.
    """
    from sklearn.preprocessing import StandardScaler

    rows, names = _rows(task, data, channels)
    if season is not None and not 1 <= season <= look_back:
        raise HarnessError(
            f"task {task!r}: a season of {season} steps; expected 1 to {look_back}, the look-back"
        )
    target = names[-1] if target is None else target
    if target not in names:
        raise HarnessError(
            f"task {task!r}: no channel {target!r} to show; expected one of {', '.join(names)}"
        )
    for split, part in rows.items():  # of the lengths as given, before anything is computed
        forecasting_split(task, split, part, look_back, horizon)
    scaler = StandardScaler().fit(rows["train"])
    standardised = {split: scaler.transform(part) for split, part in rows.items()}
    scale = naive_scale(standardised["train"], season or 1)
    for channel, error in zip(names, scale, strict=True):
        if not error > 0:
            raise HarnessError(
                f"task {task!r}: channel {channel!r} repeats itself exactly in training; "
                "expected a series with something to forecast"
            )
    splits = {
        split: forecasting_split(task, split, part.astype("float32"), look_back, horizon)
        for split, part in standardised.items()
    }
    return gathered(
        DataSpec(
            inputs={PAST: TensorSpec((look_back, len(names)), "float32")},
            outputs={FUTURE: TensorSpec((horizon, len(names)), "float32")},
            kind=KIND,
        ),
        splits,
        {
            "channels": names,
            "target": target,
            "mean": scaler.mean_.tolist(),
            "scale": scaler.scale_.tolist(),
            "look_back": look_back,
            "horizon": horizon,
            "season": season,
            "mase_scale": scale.tolist(),
        },
    )


def _rows(
    task: str, data: Mapping[str, Any], channels: Sequence[str] | None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The rows of each split, float64 of shape (steps, channels), and the names of the channels."""
    found = {split: tables.numbers(f"task {task!r}, {split}", part) for split, part in data.items()}
    rows, columns = found["train"]
    names = [str(name) for name in channels or columns or range(rows.shape[1])]
    if len(names) != rows.shape[1] or len(set(names)) != len(names):
        raise HarnessError(
            f"task {task!r}: the channels {', '.join(names)}; expected {rows.shape[1]} different "
            "names, one a column"
        )
    for split, (part, others) in found.items():
        if part.shape[1] != rows.shape[1] or others != columns:
            expected = ", ".join(columns) if columns else f"{rows.shape[1]} channels"
            there = ", ".join(others) if others else f"{part.shape[1]} channels"
            raise HarnessError(
                f"task {task!r}, {split}: a table of {there}; expected {expected}, as in training"
            )
    return {split: part for split, (part, _) in found.items()}, names


# --- answers --------------------------------------------------------------------


def encode(raw: Any, spec: DataSpec, assets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The ends of series as the model's input.

    Args:
        raw: tables of at least `look_back` steps, on the data's own scale, each as `task` takes
            them; the last `look_back` steps are read.
        spec: of the task.
        assets: of the task.

    Returns:
        `past`, shape (tables, look_back, channels).

    Raises:
        HarnessError: a table of too few steps, of other channels, or of no finite numbers.
    """
    look_back, channels = assets["look_back"], assets["channels"]
    pasts = []
    for number, table in enumerate(raw):
        where = f"input {number}"
        rows, _ = tables.numbers(where, table)
        if rows.shape[1] != len(channels) or len(rows) < look_back:
            raise HarnessError(
                f"{where}: {len(rows)} steps of {rows.shape[1]} channels; expected at least "
                f"{look_back} of {', '.join(channels)}"
            )
        pasts.append((rows[-look_back:] - assets["mean"]) / assets["scale"])
    return {PAST: np.array(pasts, spec.inputs[PAST].dtype)}


def decode(
    outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any]
) -> list[dict[str, list[float]]]:
    """The forecast of each series: by channel, its next values on the data's own scale."""
    future = np.asarray(outputs[FUTURE], "float64") * assets["scale"] + assets["mean"]
    return [
        {name: window[:, place].tolist() for place, name in enumerate(assets["channels"])}
        for window in future
    ]
