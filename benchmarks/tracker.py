"""How long the tracker takes to follow one more result, in short journals and in long ones.

    python -m benchmarks.tracker

While a sweep runs, the tracker looks at its journal after each result. Measured is its own work:
reading, working out what MLflow should hold, comparing; the client that it writes through does
nothing. Times are those of the processor. `searching` is an update after a search trial,
`confirming` one after a confirmation run; `first` is the first look at all of the journal, as
`harness sync` has it, and `status` what `harness status` needs.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
from tabulate import tabulate

from benchmarks.made_up import lines
from harness.analysis.cells import cell_results
from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from harness.sweep.question import Budget, Sweep
from harness.tracking import store
from harness.tracking.sync import SweepSync

SEEDS = 2
UPDATES = 5


@click.command()
@click.option("--tasks", default=5, show_default=True)
@click.option("--spaces", default=5, show_default=True)
@click.option("--results", default=(100, 10_000), show_default=True, multiple=True)
def main(tasks: int, spaces: int, results: tuple[int, ...]) -> None:
    """Time updates of the tracker."""
    store.open_client = lambda uri: Client()  # type: ignore[assignment, return-value]
    rows = [[f"{count:,}", *_row(tasks, spaces, count)] for count in results]
    headers = ["results", "first, ms", "searching, ms", "confirming, ms", "status, ms"]
    click.echo(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


def _row(tasks: int, spaces: int, results: int) -> list[str]:
    cells = tasks * spaces
    sweep = Sweep(
        "large",
        tuple(f"task_{number}" for number in range(tasks)),
        tuple(f"space_{number}" for number in range(spaces)),
        Budget(trials=max(1, results // cells)),
        seeds=tuple(range(SEEDS)),
    )
    content = list(lines(sweep))
    searches = len(content) - cells * (SEEDS + 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with SweepSync(folder, "fake") as link:
            begin, ends = searches - 2 * UPDATES, len(content) - UPDATES
            _append(folder, content[:begin])
            first = _milliseconds(lambda: link.update(live=True))
            searching = _updates(folder, link, content[begin:searches])
            _append(folder, content[searches:ends])
            link.update(live=True)
            confirming = _updates(folder, link, content[ends:])
        status = _milliseconds(lambda: cell_results(read_journal(folder)))  # type: ignore[arg-type]
    return [f"{value:.1f}" for value in (first, searching, confirming, status)]


def _updates(folder: Path, link: SweepSync, rest: list[bytes]) -> float:
    """The median of the updates after each result, of which the first may load a library."""
    taken = []
    for line in rest:
        _append(folder, [line])
        if b'"finished"' in line:
            taken.append(_milliseconds(lambda: link.update(live=True)))
    return statistics.median(taken[1:])


def _append(folder: Path, some: list[bytes]) -> None:
    with (folder / JOURNAL).open("ab") as file:
        file.writelines(some)


def _milliseconds(work: Callable[[], object]) -> float:
    """Processor time, as other processes may have their share of the machine."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


class Client:
    """An MLflow client that keeps nothing: there is never a run or a model already."""

    def __init__(self) -> None:
        self._runs = 0

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=name, lifecycle_stage="active", tags={})

    def create_run(self, *_: object) -> Any:
        self._runs += 1
        return SimpleNamespace(info=SimpleNamespace(run_id=str(self._runs)))

    def search_runs(self, *_: object, **__: object) -> Any:
        class Page(list[Any]):
            token = None

        return Page()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


if __name__ == "__main__":
    main()
