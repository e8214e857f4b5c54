"""Time series forecasting: the next stretch of a series from the one before it.

Values are float32, steps x channels, standardised with the training rows.

Published on this split of ETTh1 at horizon 96, as MSE and MAE: repeating the last value 1.295 and
0.713, DLinear 0.375 and 0.399 (Zeng et al. 2023, arXiv:2205.13504, table 2), PatchTST/42 0.375 and
0.399 (Nie et al. 2023, arXiv:2211.14730, table 3). Those two models look back 336 steps, not 96.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.kinds import time_series_forecasting
from harness.spec import HarnessError, Reference, Source

ETT_FILE = "ETTh1.csv"
ETT_CHANNELS = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
ETT_ROWS = 17_420
DAY = 24
MONTH = 30 * DAY
LOOK_BACK = HORIZON = 96


def prepare_etth1(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """ETTh1 (Zhou et al. 2021, arXiv:2012.07436): hourly loads and oil temperature (OT) of an
    electricity transformer over two years; 12, 4 and 4 months of 30 days, the rest unused.

    Validation and test look back into the split before, but forecast none of its rows.
    """
    rows = read_ett("etth1", files[ETT_FILE])
    return {
        "train": rows[: 12 * MONTH],
        "val": rows[12 * MONTH - LOOK_BACK : 16 * MONTH],
        "test": rows[16 * MONTH - LOOK_BACK : 20 * MONTH],
    }


def read_ett(task: str, path: Path) -> np.ndarray:
    """Reads the seven channels of an hourly ETT file, float64 of shape (17420, 7).

    Raises:
        HarnessError: the file is no such CSV file: a column or a row too few or too many, or a
            value that is no finite number.
    """
    import pandas as pd

    where = f"task {task!r}, {path.name}"
    try:
        table = pd.read_csv(path)
    except ValueError as error:  # of pandas' parser, or of bytes that are not UTF-8
        raise HarnessError(f"{where}: not a CSV file ({str(error).strip()})") from error
    expected = ["date", *ETT_CHANNELS]
    if missing := [name for name in expected if name not in table.columns]:
        raise HarnessError(f"{where}: no column {missing[0]!r}; expected {', '.join(expected)}")
    if len(table) != ETT_ROWS:
        raise HarnessError(f"{where}: {len(table)} rows; expected {ETT_ROWS}")
    for name in ETT_CHANNELS:
        column = pd.to_numeric(table[name], errors="coerce").to_numpy("float64")
        if wrong := np.flatnonzero(~np.isfinite(column)).tolist():
            raise HarnessError(
                f"{where}, column {name!r}: no finite number in {len(wrong)} of {ETT_ROWS} rows, "
                f"the first in row {wrong[0]}"
            )
        table[name] = column
    return table[ETT_CHANNELS].to_numpy("float64")


def prepare_mackey_glass(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """The Mackey-Glass equation, chaotic at a delay of 17: 3,000, 600 and 600 steps of 1 time
    unit, each split a stretch of its own, after 1,000 units in which it forgets its start."""
    washout, train, val, test = 1_000, 3_000, 600, 600
    series = mackey_glass_series(washout + train + val + test)[washout:]
    return {"train": series[:train], "val": series[train : train + val], "test": series[-test:]}


def mackey_glass_series(units: int, steps_per_unit: int = 10) -> np.ndarray:
    """Solves x' = 0.2 x(t - 17) / (1 + x(t - 17) ** 10) - 0.1 x(t), with x = 1.2 up to time 0.

    Mackey & Glass 1977, doi:10.1126/science.267326. Fourth-order Runge-Kutta steps; the
    delayed value in the middle of a step is the mean of those at its ends.

    Args:
        units: time units to solve for.
        steps_per_unit: Runge-Kutta steps of a time unit.

    Returns:
        x at times 0, 1, ..., units - 1, float64 of shape (units,).
    """
    beta, gamma, exponent, start = 0.2, 0.1, 10, 1.2
    step, delay = 1 / steps_per_unit, 17 * steps_per_unit
    x = [start] * (delay + 1)
    for _ in range((units - 1) * steps_per_unit):
        begin, end = x[-delay - 1], x[-delay]
        gain = [beta * d / (1 + d**exponent) for d in (begin, (begin + end) / 2, end)]
        now = x[-1]
        k1 = gain[0] - gamma * now
        k2 = gain[1] - gamma * (now + step / 2 * k1)
        k3 = gain[1] - gamma * (now + step / 2 * k2)
        k4 = gain[2] - gamma * (now + step * k3)
        x.append(now + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.array(x[delay::steps_per_unit])


etth1 = time_series_forecasting.task(
    "etth1",
    prepare_etth1,
    look_back=LOOK_BACK,
    horizon=HORIZON,
    season=DAY,
    channels=ETT_CHANNELS,
    target="OT",
    sources=(
        Source(
            "ett-small",
            ETT_FILE,
            f"https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/{ETT_FILE}",
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        ),
    ),
    licence="CC BY-ND 4.0",
    reference=Reference(
        0.375, "DLinear, look-back 336, Zeng et al. 2023, arXiv:2205.13504, table 2"
    ),
)

mackey_glass = time_series_forecasting.task(
    "mackey_glass",
    prepare_mackey_glass,
    look_back=64,
    horizon=32,
    channels=["x"],
    licence="CC0",
    # Figures are published for other horizons and samplings only.
    reference=None,
)
