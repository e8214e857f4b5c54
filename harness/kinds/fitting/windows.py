"""Windows of one series: looked up, checked and never copied out.

A forecasting task pairs each look-back with the horizon behind it; a language model reads
adjoining windows of tokens, and predicts the same windows one token later.
"""

from dataclasses import replace

import numpy as np

from harness.spec import HarnessError, Split, Windows

PAST = "past"
"""The input: the last steps."""
FUTURE = "future"
"""The output: the steps after them."""


def forecasting_split(
    task: str,
    split: str,
    series: np.ndarray,
    look_back: int,
    horizon: int,
    first: int = 0,
    last: int | None = None,
) -> Split:
    """Every look-back and horizon that fit one stretch of a series, one step apart.

    Args:
        task: name of the task, for the errors.
        split: name of the split, for the errors.
        series: shape (steps, channels).
        look_back: steps a model sees.
        horizon: steps it forecasts.
        first: first step of the stretch.
        last: the step behind its last one; the end of the series if absent.

    Returns:
        `past` of shape (windows, look_back, channels) and `future` of shape (windows, horizon,
        channels), where windows is last - first - look_back - horizon + 1. Both share one view
        of the stretch, so that a split holds no step of another.

    Raises:
        HarnessError: a length below 1, a stretch that is not within the series or too short
            for one window, or a value that is NaN or infinite.
    """
    where = f"task {task!r}, {split}"
    for noun, steps in {"look-back": look_back, "horizon": horizon}.items():
        if steps < 1:
            raise HarnessError(f"{where}: a {noun} of {steps}; expected at least 1")
    stretch = _stretch(where, series, first, last)
    if 0 < len(stretch) < horizon:
        raise HarnessError(f"{where}: a horizon of {horizon} is longer than its {_steps(stretch)}")
    needs = f"for a look-back of {look_back} and a horizon of {horizon}"
    _check(where, stretch, look_back + horizon, needs)
    starts = np.arange(len(stretch) - look_back - horizon + 1)
    past = Windows(stretch, starts, look_back)
    return Split(x={PAST: past}, y={FUTURE: Windows(stretch, starts + look_back, horizon)})


def adjoining_windows(
    task: str, split: str, series: np.ndarray, length: int, ahead: int = 0
) -> Windows:
    """A series cut into windows that start at 0, length, 2 * length, ...; the rest is left out.

    Args:
        task: name of the task, for the errors.
        split: name of the split, for the errors.
        series: shape (steps, ...).
        length: steps of a window.
        ahead: steps that must follow every window: 1 if the targets are the next tokens, which
            are then `shifted(windows, 1)`.

    Raises:
        HarnessError: a length below 1, a series too short for one window, or a value that is
            NaN or infinite.
    """
    where = f"task {task!r}, {split}"
    if length < 1:
        raise HarnessError(f"{where}: a window of {length}; expected at least 1")
    if ahead < 0:
        raise HarnessError(f"{where}: {ahead} steps ahead; expected at least 0")
    needs = f"for a window of {length}" + (f" and {ahead} ahead" if ahead else "")
    _check(where, series, length + ahead, needs)
    count = (len(series) - ahead) // length
    return Windows(series, np.arange(count) * length, length)


def shifted(windows: Windows, steps: int) -> Windows:
    """The same windows, a number of steps later in the series that they share."""
    return replace(windows, starts=windows.starts + steps)


def _stretch(where: str, series: np.ndarray, first: int, last: int | None) -> np.ndarray:
    """Steps `first` to `last` of a series, as a view: a slice would silently give fewer."""
    last = len(series) if last is None else last
    if not 0 <= first <= last <= len(series):
        raise HarnessError(f"{where}: steps {first} to {last} are not within its {_steps(series)}")
    return series[first:last]


def _check(where: str, series: np.ndarray, needed: int, purpose: str) -> None:
    if len(series) == 0:
        raise HarnessError(f"{where}: an empty series")
    if len(series) < needed:
        raise HarnessError(f"{where}: {_steps(series)}; expected at least {needed}, {purpose}")
    if series.dtype.kind == "f" and not (finite := np.isfinite(series)).all():
        first, *channel = (int(i) for i in np.argwhere(~finite)[0])
        place = f"step {first}" + (f", channel {channel[0]}" if channel else "")
        raise HarnessError(
            f"{where}: {(~finite).sum()} of {series.size} values are NaN or infinite, "
            f"the first at {place}"
        )


def _steps(series: np.ndarray) -> str:
    return f"{len(series)} steps"
