"""How trials are numbered where a cell has several searches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Numbers:
    """The numbers, within its cell, of what belongs to one of the cell's searches: they take turns.

    The oracle counts the trials of its own search.

    Args:
        search: which of them, from 0.
        searches: how many the cell has.
    """

    search: int
    searches: int

    def owns(self, number: int) -> bool:
        """Whether a trial of the cell is one of this search."""
        return number % self.searches == self.search

    def in_cell(self, own: int) -> int:
        """The number in its cell of a trial that the oracle knows by another one."""
        return own * self.searches + self.search

    def own(self, number: int) -> int:
        """And back."""
        return number // self.searches
