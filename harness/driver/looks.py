"""Looks at the verdict on a task once its seeds have run, and decides whether it gets more."""

from pathlib import Path

from harness.analysis.cells import by_task, cell_results
from harness.journal.record import Look, SweepRecord


def look(folder: Path, record: SweepRecord, task: str) -> Look:
    """What the report would say of a task now, and on how many seeds that leaves its cells.

    It hangs on what is recorded and kept in the folder alone, so that a sweep that was killed
    before it was written down decides the same.

    Args:
        folder: of the sweep.
        record: its journal, with every run of the task's cells that was decided on.
        task: its name.

    Raises:
        HarnessError: the outcomes of test examples or an exhibit are damaged.
    """
    # Imported where it is needed: SciPy is not among what a driver begins with.
    from harness.analysis.exhibits import read_exhibits
    from harness.report.verdicts.more_seeds import more_seeds
    from harness.report.verdicts.per_example import read_outcomes
    from harness.report.verdicts.verdict import judge

    tasks = by_task([cell for cell in cell_results(record) if cell.task == task])
    group = tasks.get(task, [])
    exhibits = read_exhibits(folder, [(cell.task, cell.space) for cell in group])
    outcomes = read_outcomes(folder, tasks, exhibits).get(task)
    return more_seeds(task, group, judge(group, outcomes))
