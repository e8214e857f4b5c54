"""The report of a sweep: pure functions of its journal, and the files they become."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files, journal
from harness.record import SweepRecord
from harness.report.cells import by_task, cells
from harness.spec import HarnessError

if TYPE_CHECKING:
    from harness.report.exhibits import Exhibits
    from harness.report.searching import Searches


def write(folder: Path) -> None:
    """Reads the journal of a sweep's folder and writes the report beside it.

    Files: `trials.csv`, `leaderboard.csv`, `report.md`, `report.html`, and figures as PNG and SVG:
    `leaderboard`, `anytime`, those of ranks and profiles across tasks, and those of a task that
    are named after what they show and it, such as `pareto-<task>`. Each replaces its predecessor
    at once. The sweep may still run.

    Raises:
        HarnessError: there is no journal, it is damaged or holds nothing, the outcomes of test
            examples or an exhibit are damaged, or a file cannot be written.
    """
    # What takes long to import is imported here, so that `exit_code` costs nothing.
    from harness.report.exhibits import read_exhibits
    from harness.report.html import html
    from harness.report.interactive import plots
    from harness.report.outcomes import read_outcomes
    from harness.report.page import markdown
    from harness.report.searching import read_searches
    from harness.report.starts import read_starts
    from harness.report.tables import csv, leaderboard, trials_table

    record = journal.read(folder)
    if record is None:
        raise HarnessError(f"{folder}: the journal is empty; expected one that a run has begun")
    files.remove_parts(folder)
    files.write(folder / "trials.csv", csv(trials_table(record)).encode())
    files.write(folder / "leaderboard.csv", csv(leaderboard(record)).encode())
    # After the tables, as their files may be damaged: the tables need not be missing as well.
    exhibits = read_exhibits(folder, record.cells)
    outcomes = read_outcomes(folder, by_task(cells(record)), exhibits)
    searches = read_searches(record)
    images = dict(_images(record, exhibits, searches))
    for name, content in images.items():
        files.write(folder / name, content)
    page = markdown(record, exhibits, read_starts(record.sweep), outcomes, searches)
    files.write(folder / "report.md", page.encode())
    files.write(folder / "report.html", html(page, images, plots(record)).encode())


def _images(
    record: SweepRecord, exhibits: "Exhibits", searches: "Searches"
) -> Iterator[tuple[str, bytes]]:
    """The figures of a report as files, by their names."""
    from harness.report.attention import attention_figures
    from harness.report.confusion import confusion_figures
    from harness.report.examples import examples_figures
    from harness.report.figures import image, leaderboard_figure
    from harness.report.forecasts import forecast_figures
    from harness.report.lengths import length_figures
    from harness.report.rank_figures import profile_figures, rank_figures
    from harness.report.searching import searching_figures

    figures = {"leaderboard": leaderboard_figure(record), **searching_figures(searches)}
    for draw in (rank_figures, profile_figures, examples_figures):
        figures |= draw(record)
    for show in (forecast_figures, length_figures, attention_figures, confusion_figures):
        figures |= show(record, exhibits)
    for name, figure in figures.items():
        yield f"{name}.png", image(figure, "png")
        yield f"{name}.svg", image(figure, "svg")


def unconfirmed(record: SweepRecord) -> list[tuple[str, str]]:
    """The cells (task, space) without any confirmation run that has a test score."""
    return [(cell.task, cell.space) for cell in cells(record) if not cell.scores]


def exit_code(record: SweepRecord) -> int:
    """0 if every cell has a confirmed result, else 1.

    Cells appear in the journal with their first trial: a task or a space of the question
    that has none yet counts as one without a result.
    """
    sweep = record.sweep
    begun = {name for cell in record.cells for name in cell}
    return int(bool(unconfirmed(record)) or not begun.issuperset({*sweep.tasks, *sweep.spaces}))
