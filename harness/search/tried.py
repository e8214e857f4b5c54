"""What an oracle remembers: the trials it has suggested, and which configurations these were."""

import dataclasses
import hashlib
from typing import Any, Literal

Status = Literal["RUNNING", "COMPLETED", "FAILED", "IDLE", "STOPPED"]
"""As KerasTuner calls it."""


class Tried:
    """A trial as oracles see it, in place of KerasTuner's, which holds a copy of the space.

    Args:
        trial_id: counts the trials of an oracle.
        values: by name, of what is active; those of the oracle's own begin with `tuner/`.
        status: what has become of it.
    """

    __slots__ = ("score", "status", "trial_id", "values")

    def __init__(self, trial_id: str, values: dict[str, Any], status: Status) -> None:
        self.trial_id = trial_id
        self.values = values
        self.status = status
        self.score: float | None = None

    @property
    def hyperparameters(self) -> "Tried":
        """Where KerasTuner looks for the values and asks what is active."""
        return self

    def is_active(self, parameter: Any) -> bool:
        """Whether a KerasTuner hyperparameter is active beside the values."""
        return active(parameter, self.values)


def active(parameter: Any, values: dict[str, Any]) -> bool:
    """Whether all conditions of a KerasTuner hyperparameter hold of some values."""
    return all(condition.is_active(values) for condition in parameter.conditions)


class Seen:
    """Configurations that were suggested, as 16 bytes each: there may be 100,000 of them."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()

    def add(self, sampled: Any) -> None:
        """Remembers a configuration."""
        self._names.add(_name(sampled))

    def __contains__(self, sampled: Any) -> bool:
        return _name(sampled) in self._names

    def __len__(self) -> int:
        return len(self._names)


def _name(sampled: Any) -> bytes:
    return hashlib.blake2b(repr(_plain(sampled)).encode(), digest_size=16).digest()


def _plain(value: Any) -> Any:
    """The value such that what is equal is written alike: 1, 1.0 and true are."""
    if type(value) in (str, int):
        return value
    if dataclasses.is_dataclass(value):
        fields = (getattr(value, f.name) for f in dataclasses.fields(value) if f.compare)
        return (type(value).__qualname__, *map(_plain, fields))
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, frozenset):
        return sorted(repr(_plain(item)) for item in value)
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return value
