"""Best at the edge of a range: the search may have stopped short of something better."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness import registry
from harness.analysis.cells import CellResults, best_trial
from harness.search.training_space import sample_training
from harness.spec import HarnessError
from harness.trial import Asked

NEAR = 0.1
"""Share of a range, on its scale, that is its edge."""
FEWEST = 6
"""Trials with a score without which nothing is said."""
FEWEST_VALUES = 4
"""Of a range that is no list of two or three, one of which is always an edge."""
CHANCE = 0.01
"""That trials get better towards an edge as clearly by luck."""


@dataclass(frozen=True)
class Edge:
    """A hyperparameter whose best value is at an end of its range."""

    name: str
    value: float
    ends: tuple[float, float]
    low: bool
    """Whether it is the lower end."""


@dataclass(frozen=True)
class _Range:
    value: float
    low: float
    high: float
    logarithmic: bool
    values: int
    """How many there are."""

    @property
    def place(self) -> float:
        """Where the value lies, from 0 to 1."""
        low, value, high = self.low, self.value, self.high
        if self.logarithmic and low > 0:
            low, value, high = math.log(low), math.log(value), math.log(high)
        return (value - low) / (high - low)


def edges(cell: CellResults, asked: Mapping[int, Asked]) -> list[Edge]:
    """Hyperparameters of the best trial at an end of their range, of those towards which trials got
    better: rank correlation above what one in a hundred reaches by luck.

    With one trial in ten at either end of each range by luck, the place alone says nothing. Of
    architectures and tasks that are not installed nothing is known, nor of several searches.

    Args:
        cell: its search trials.
        asked: what was suggested, by number.
    """
    from scipy.stats import spearmanr

    best = best_trial(cell.search, cell.objective)
    if best is None or cell.searches > 1 or best.number not in asked:
        return []
    scored = [r for r in cell.search if math.isfinite(cell.score(r)) and r.number in asked]
    if len(scored) < FEWEST:
        return []
    ranges = {result.number: _ranges(cell, asked[result.number].values) for result in scored}
    sign = 1 if cell.objective.direction == "max" else -1
    found = []
    for name, own in ranges[best.number].items():
        low, high = own.place <= NEAR, own.place >= 1 - NEAR
        if own.values < FEWEST_VALUES or not (low or high):
            continue
        pairs = [
            (there[name].place, sign * cell.score(result))
            for result in scored
            if name in (there := ranges[result.number])
        ]
        if len(pairs) < FEWEST or len({place for place, _ in pairs}) < 2:
            continue
        places, scores = zip(*pairs, strict=True)
        if len(set(scores)) < 2:
            continue
        towards = "less" if low else "greater"
        if spearmanr(places, scores, alternative=towards).pvalue < CHANCE:
            found.append(Edge(name, own.value, (own.low, own.high), low))
    return found


def _ranges(cell: CellResults, values: Mapping[str, Any]) -> dict[str, _Range]:
    """The ranges that a trial's values were drawn from, by name in the code."""
    try:
        task, space = registry.task(cell.task), registry.space(cell.space)
    except HarnessError:
        return {}
    drawn = _Drawn(values)
    try:
        space.sample(drawn, task.kind)
        sample_training(drawn, task)
    except Exception:  # noqa: BLE001 - a plugin's code of today, of values of another day
        return {}
    return drawn.ranges


class _Drawn:
    """Hyperparameters that have their values, and note where these come from."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.ranges: dict[str, _Range] = {}

    def Int(self, name: str, min_value: int, max_value: int, **options: Any) -> int:
        low, high = float(min_value), float(max_value)
        value = self._value(name, low, high)
        if value is None:
            return int(options.get("default", min_value))
        if high > low:
            step = options.get("step") or 1
            logarithmic = options.get("sampling") == "log"
            count = FEWEST_VALUES if logarithmic else int((high - low) / step) + 1
            self.ranges[name] = _Range(value, low, high, logarithmic, count)
        return int(value)

    def Float(self, name: str, min_value: float, max_value: float, **options: Any) -> float:
        value = self._value(name, min_value, max_value)
        if value is None:
            return float(options.get("default", min_value))
        if max_value > min_value:
            logarithmic = options.get("sampling") == "log"
            self.ranges[name] = _Range(value, min_value, max_value, logarithmic, FEWEST_VALUES)
        return value

    def Boolean(self, name: str, default: bool = False, **options: Any) -> bool:
        return bool(self._values.get(name, default))

    def Choice(self, name: str, values: list[Any], **options: Any) -> Any:
        known = [v for key, v in self._values.items() if _is_called(key, name) and v in values]
        value = known[0] if known else options.get("default", values[0])
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if known and len(numbers) == len(values) and max(values) > min(values):
            even = min(values) > 0
            self.ranges[name] = _Range(value, min(values), max(values), even, len(values))
        return value

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: list[Any]) -> Iterator[None]:
        yield

    def _value(self, name: str, low: float, high: float) -> float | None:
        """The value of a name that lies in a range; a name may have several ranges."""
        for key, value in self._values.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if _is_called(key, name) and number and low <= value <= high:
                return float(value)
        return None


def _is_called(key: str, name: str) -> bool:
    """Whether a hyperparameter is one of a name: see `harness.search.space`."""
    return key == name or (key.startswith(f"{name}:") and key[len(name) + 1 :].isdigit())
