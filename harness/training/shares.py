"""Time that several trainings have together, and the share of each."""

import contextlib
import time
from collections.abc import Iterable, Iterator


class Shares:
    """A clock for each of several that share what time passes, evenly; all begin with it.

    Args:
        members: how many there are.
    """

    def __init__(self, members: int) -> None:
        self._spent = [0.0] * members
        self._using = frozenset(range(members))
        self._since = time.perf_counter()

    def of(self, place: int) -> float:
        """Seconds of one of them so far."""
        self._divide()
        return self._spent[place]

    def end(self, place: int) -> None:
        """From now on the time is the others'."""
        self._use(self._using - {place})

    @contextlib.contextmanager
    def alone(self, place: int) -> Iterator[None]:
        """All time that passes within is that one's."""
        using = self._using
        self._use([place])
        try:
            yield
        finally:
            self._use(using)

    def _use(self, places: Iterable[int]) -> None:
        self._divide()
        self._using = frozenset(places)

    def _divide(self) -> None:
        now = time.perf_counter()
        for place in self._using:
            self._spent[place] += (now - self._since) / len(self._using)
        self._since = now
