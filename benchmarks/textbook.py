"""Writes docs/pages/textbook.md: each claim of the textbook with what was measured.

    python -m benchmarks.textbook

All figures come from the journals below `results`. Where there is none of a pair, the page says so.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.claims import CLAIMS, Claim, Pair
from harness.analysis.cells import CellResults, by_task, cell_results
from harness.analysis.statistics import Comparison, compare
from harness.journal.read import read_journal
from harness.report.budgets.course import UNITS, course, leads
from harness.report.text import number, places, span
from harness.system.markdown import NOTHING, code, table

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "pages" / "textbook.md"
RESULTS = ROOT / "results"
BEGINNING = """\
# What the textbook says, measured

`python -m benchmarks.textbook` writes this page from the journals of [the results](results.md), and
a test compares it with them. Each row is one comparison that was planned: the architecture that
should be ahead minus the other, on the test split, with Welch's 95 % interval over the runs of both
(over searches, where there are several). `ahead from` is the epoch from which on it leads on
validation, by what the search compares, and of how many. Parameters are those of the configurations
that the searches found.
"""
HEADERS = ["task", "measure", "should be ahead", "mean", "parameters", "behind", "mean",
           "parameters", "difference", "verdict", "ahead from"]  # fmt: skip
NO_RESULT = "no result is committed yet"


@dataclass(frozen=True)
class Measured:
    """A pair with what its sweep found."""

    pair: Pair
    ahead: CellResults
    behind: CellResults

    @property
    def comparison(self) -> Comparison:
        """The one that should be ahead minus the other."""
        return compare(self.ahead.sample, self.behind.sample)

    @property
    def verdict(self) -> str:
        """Whether the difference is there, and of the expected sign."""
        found = self.comparison
        if found.verdict == "unknown":
            return "unknown, one run of each"
        if found.verdict == "not distinguishable":
            return found.verdict
        higher = found.difference.mean > 0
        return "holds" if higher == (self.ahead.direction == "max") else "the other way round"


def measured(results: Path, pair: Pair) -> Measured | None:
    """What a sweep has found of a pair; `None` where one has no test score."""
    folder = results / pair.folder
    record = read_journal(folder) if folder.is_dir() else None
    if record is None:
        return None
    group = by_task(cell_results(record)).get(pair.task, [])
    cells = {cell.space: cell for cell in group if cell.scores}
    if pair.ahead not in cells or pair.behind not in cells:
        return None
    return Measured(pair, cells[pair.ahead], cells[pair.behind])


def turned(found: Measured) -> str:
    """From which epoch on the one that should be ahead leads on validation."""
    against = course([found.ahead, found.behind], UNITS[0])
    if against is None:
        return NOTHING
    led = leads(against)
    if led.whole.space != found.pair.ahead:
        return f"never in {against.spent[-1]:.0f}"
    return f"{math.ceil(led.begins.mean)} of {against.spent[-1]:.0f}"


def row(pair: Pair, found: Measured | None) -> list[str]:
    """A row of the table of a claim."""
    if found is None:
        return [code(pair.task), NOTHING, code(pair.ahead), NOTHING, NOTHING, code(pair.behind),
                NOTHING, NOTHING, NOTHING, NO_RESULT, NOTHING]  # fmt: skip
    cells = (found.ahead, found.behind)
    digits = places(cells)
    named = [[code(cell.space), number(cell.mean, digits), _parameters(cell)] for cell in cells]
    difference = found.comparison.difference
    written = number(difference.mean, digits)
    if not math.isnan(difference.low):
        written += f" ({span(difference, digits)})"
    arrow = "↑" if found.ahead.direction == "max" else "↓"
    return [code(pair.task), f"{found.ahead.metric} {arrow}", *named[0], *named[1], written,
            found.verdict, turned(found)]  # fmt: skip


def _parameters(cell: CellResults) -> str:
    count = cell.median_cost(lambda cost: cost.parameters)
    return NOTHING if math.isnan(count) else f"{count:,.0f}"


def shown(claim: Claim, found: list[Measured | None]) -> str:
    """One sentence of what the rows of a claim show."""
    known = [one for one in found if one is not None]
    if not known:
        return "Nothing is committed yet that it could be held against."
    holds = sum(one.verdict == "holds" for one in known)
    missing = len(found) - len(known)
    rest = f" {missing} more {'has' if missing == 1 else 'have'} no result yet." if missing else ""
    if holds == len(known):
        return f"It holds in {_all(holds)} measured.{rest}"
    return f"It holds in {holds} of {len(known)} comparisons.{rest} {claim.otherwise}".rstrip()


def _all(count: int) -> str:
    return "the one comparison" if count == 1 else f"all {count} comparisons"


def sections(results: Path) -> Iterator[str]:
    """The page, claim by claim."""
    yield BEGINNING
    for place, claim in enumerate(CLAIMS, start=1):
        found = [measured(results, pair) for pair in claim.pairs]
        rows = [row(pair, one) for pair, one in zip(claim.pairs, found, strict=True)]
        asked = dict.fromkeys(pair.folder for pair in claim.pairs)
        yield f"## {place}. {claim.statement}\n"
        yield f"{claim.source}. Sweeps: {', '.join(code(f'results/{name}') for name in asked)}.\n"
        yield table(HEADERS, rows, left=1) + "\n"
        yield shown(claim, found) + "\n"


def page(results: Path = RESULTS) -> str:
    """The text of the page."""
    return "\n".join(sections(results)).rstrip() + "\n"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
