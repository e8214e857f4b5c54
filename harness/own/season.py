"""Lengths for a series that nobody has named: its season, what is seen, what is forecast."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.own.series import times

if TYPE_CHECKING:
    import pandas as pd

DAY = 86_400.0
"""Seconds."""
CALENDAR = (((89, 93), 4), ((27, 32), 12), ((7, 7), 52), ((1, 1), 7))
"""Days of a step, and steps of a season: quarters and months of a year, weeks of one, days of a
week."""
MINUTES = 10
"""Of a step, from which on a season is a day; an hour of shorter ones."""
LEAST_SEASONS = 20
"""Seasons in a series, so that one is worth telling of."""
NONE = 24
"""Steps that are forecast of a series without a season."""


def lengths(
    name: str, table: "pd.DataFrame", time: str | None, given: Mapping[str, Any]
) -> dict[str, int]:
    """`season`, `horizon` and `look_back`: a season is forecast from the two before it.

    Args:
        name: of the file, for the errors.
        table: the series.
        time: its column of times, if there is one.
        given: what a person has said of them.
    """
    count = len(table)
    season = given.get("season") or (None if time is None else _season(name, table, time))
    if season is not None and count < LEAST_SEASONS * season:
        season = None
    longest = max(1, count // 40)  # test and validation, a tenth each, hold several
    horizon = given.get("horizon") or min(season or NONE, longest)
    look_back = given.get("look_back") or max(season or 1, min(2 * horizon, 2 * longest))
    found = {"look_back": look_back, "horizon": horizon}
    return found if season is None else {**found, "season": season}


def _season(name: str, table: "pd.DataFrame", time: str) -> int | None:
    found = times(name, table, time)
    if found.dtype.kind != "M" or len(found) < 3:
        return None
    import pandas as pd

    between: Any = pd.Series(np.diff(found.to_numpy()))
    seconds = between.dt.total_seconds().mode()[0]
    for (shortest, longest), steps in CALENDAR:
        if shortest <= seconds / DAY <= longest:
            return steps
    if not 0 < seconds < DAY:
        return None
    steps = round((DAY if seconds >= MINUTES * 60 else 3600) / seconds)
    return steps if steps > 1 else None
