"""The report of a sweep: pure functions of its journal, and the files they become."""

from pathlib import Path


def write(folder: Path) -> None:
    """Reads the journal of a sweep's folder and writes the report beside it.

    Files: `trials.csv`, `leaderboard.csv`, `report.md`, `report.html`, and figures as PNG:
    `leaderboard`, `anytime`, those of ranks and profiles across tasks, and those of a task that
    are named after what they show and it, such as `pareto-<task>`. Each replaces its predecessor
    at once. A figure that cannot be drawn is left out, and the page says why. The sweep may still
    run.

    Raises:
        HarnessError: there is no journal, it is damaged or holds nothing, the outcomes of test
            examples or an exhibit are damaged, or a file cannot be written.
    """
    # What takes long to import is imported here, as who asks for the two sweeps needs none of it.
    from harness.analysis.cells import by_task, cell_results
    from harness.journal.folder import LEADERBOARD, PAGE, REPORT, TRIALS, figure_path
    from harness.journal.read import read_journal
    from harness.report.answer import read_answer
    from harness.report.csv_tables import csv, leaderboard, trials_table
    from harness.report.figures import draw
    from harness.report.html.document import html
    from harness.report.page import markdown
    from harness.spec import HarnessError
    from harness.system import atomic_files

    record = read_journal(folder)
    if record is None:
        raise HarnessError(f"{folder}: the journal is empty; expected one that a run has begun")
    atomic_files.remove_parts(folder)
    cells = cell_results(record)
    atomic_files.write(folder / TRIALS, csv(trials_table(record, cells)).encode())
    # Without verdicts first, as the files that these need may be damaged: the tables need not be
    # missing as well.
    atomic_files.write(folder / LEADERBOARD, csv(leaderboard(by_task(cells))).encode())
    answer = read_answer(folder, record, cells)
    atomic_files.write(folder / LEADERBOARD, csv(leaderboard(answer.tasks, answer.judged)).encode())
    pictures = draw(answer)
    images = {str(figure_path(name)): image for name, image in pictures.images.items()}
    for name, content in images.items():
        atomic_files.write(folder / name, content)
    for name in pictures.lost:  # an earlier one would show an earlier state
        (folder / figure_path(name)).unlink(missing_ok=True)
    page = markdown(answer, pictures.lost)
    atomic_files.write(folder / REPORT, page.encode())
    shown = html(page, images, pictures.plots)
    atomic_files.write(folder / PAGE, shown.encode())
