"""What a sweep of several searches would have said, had it had fewer of them.

    python -m benchmarks.searches results/luck9 --each 1 3

For every choice of so many of its searches, the verdicts of the report are made anew; they are
counted by pair of architectures, with the one that was ahead where they differ.
"""

import argparse
import dataclasses
import itertools
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.analysis.cells import CellResults, by_task, cell_results
from harness.journal.read import read_journal
from harness.report.verdicts.per_example import read_outcomes
from harness.report.verdicts.verdict import judge
from harness.spec import HarnessError


def chosen(cell: CellResults, searches: Sequence[int]) -> CellResults:
    """The cell as if it had had these of its searches alone."""
    runs = [
        dataclasses.replace(
            run,
            number=run.number // cell.searches * len(searches)
            + searches.index(cell.search_of(run)),
        )
        for run in cell.confirm
        if cell.search_of(run) in searches
    ]
    return dataclasses.replace(cell, confirm=tuple(runs), searches=len(searches))


def spread(cell: CellResults) -> str:
    """How a cell's scores vary over searches, and within one over seeds."""
    groups = [
        [cell.score(run) for run in cell.confirm if cell.search_of(run) == search]
        for search in range(cell.searches)
    ]
    over_seeds = statistics.mean(statistics.stdev(group) for group in groups if len(group) > 1)
    over_searches = statistics.stdev(cell.sample)
    return (
        f"{cell.task} {cell.space}: standard deviation over searches {over_searches:.4f}, "
        f"over seeds {over_seeds:.4f}"
    )


def main() -> None:
    """Prints the spreads, and a table for each number of searches."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, nargs="+", default=[1, 3])
    options = parser.parse_args()
    record = read_journal(options.folder)
    cells = cell_results(record) if record is not None else ()
    if not cells:
        raise HarnessError(f"{options.folder}: nothing recorded yet")
    print(*map(spread, cells), sep="\n")
    for count in options.each:
        said: Counter[tuple[str, str, str, str]] = Counter()
        first: Counter[tuple[str, str]] = Counter()
        choices = list(itertools.combinations(range(cells[0].searches), count))
        for choice in choices:
            tasks = by_task([chosen(cell, choice) for cell in cells])
            outcomes = read_outcomes(options.folder, tasks)
            for task, group in tasks.items():
                best = group[0].space
                first[task, best] += 1
                for space, judgement in judge(group, outcomes.get(task)).items():
                    ahead = f" ({best} ahead)" if judgement.verdict == "different" else ""
                    a, b = sorted((best, space))
                    said[task, a, b, judgement.verdict + ahead] += 1
        print(f"\n{count} of {cells[0].searches} searches, {len(choices)} choices")
        print(
            *(f"  {task}: {space} first {n} times" for (task, space), n in first.items()), sep="\n"
        )
        print(*(f"  {t}: {a} and {b} {what}: {n}" for (t, a, b, what), n in sorted(said.items())),
              sep="\n")  # fmt: skip


if __name__ == "__main__":
    main()
