"""The report of a sweep: pure functions of its journal, and the files they become."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.analysis.cells import by_task, cell_results
from harness.journal.folder import LEADERBOARD, PAGE, REPORT, TRIALS, figure_paths
from harness.journal.read import read_journal
from harness.journal.record import SweepRecord
from harness.spec import HarnessError
from harness.system import atomic_files

if TYPE_CHECKING:
    from harness.analysis.exhibits import Exhibits
    from harness.report.searches.section import Searches


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
    from harness.analysis.exhibits import read_exhibits
    from harness.report.across_tasks.pretraining import read_starts
    from harness.report.csv_tables import csv, leaderboard, trials_table
    from harness.report.html.document import html
    from harness.report.page import markdown
    from harness.report.searches.section import read_searches
    from harness.report.searches.trial_plots import plots
    from harness.report.verdicts.per_example import read_outcomes

    record = read_journal(folder)
    if record is None:
        raise HarnessError(f"{folder}: the journal is empty; expected one that a run has begun")
    atomic_files.remove_parts(folder)
    atomic_files.write(folder / TRIALS, csv(trials_table(record)).encode())
    atomic_files.write(folder / LEADERBOARD, csv(leaderboard(record)).encode())
    # After the tables, as their files may be damaged: the tables need not be missing as well.
    exhibits = read_exhibits(folder, record.cells)
    outcomes = read_outcomes(folder, by_task(cell_results(record)), exhibits)
    searches = read_searches(record)
    images = dict(_images(record, exhibits, searches))
    for name, content in images.items():
        atomic_files.write(folder / name, content)
    page = markdown(record, exhibits, read_starts(record.sweep), outcomes, searches)
    atomic_files.write(folder / REPORT, page.encode())
    atomic_files.write(folder / PAGE, html(page, images, plots(record)).encode())


def _images(
    record: SweepRecord, exhibits: "Exhibits", searches: "Searches"
) -> Iterator[tuple[str, bytes]]:
    """The figures of a report as files, by their names."""
    from harness.report.across_tasks.rank_figures import profile_figures, rank_figures
    from harness.report.across_tasks.training_size import examples_figures
    from harness.report.figure_style import image
    from harness.report.samples.attention import attention_figures
    from harness.report.samples.confusion import confusion_figures
    from harness.report.samples.forecasts import forecast_figures
    from harness.report.samples.lengths import length_figures
    from harness.report.searches.section import searching_figures
    from harness.report.verdicts.leaderboard import leaderboard_figure

    figures = {"leaderboard": leaderboard_figure(record), **searching_figures(searches)}
    for draw in (rank_figures, profile_figures, examples_figures):
        figures |= draw(record)
    for show in (forecast_figures, length_figures, attention_figures, confusion_figures):
        figures |= show(record, exhibits)
    for name, figure in figures.items():
        png, svg = figure_paths(name)
        yield str(png), image(figure, "png")
        yield str(svg), image(figure, "svg")
