"""The verdict of any two architectures of a task, as that of the best against each other one."""

from pathlib import Path

from harness import registry
from harness.analysis.cells import by_task, cell_results
from harness.analysis.exhibits import read_exhibits
from harness.journal.read import read_journal
from harness.report.verdicts.per_example import read_outcomes
from harness.report.verdicts.verdict import judge
from harness.spec import HarnessError


def judged_pair(folder: Path, task: str, first: str, other: str) -> str:
    """Whether one architecture is better than another: `better`, `worse`, `not distinguishable` or
    `unknown`.

    Args:
        folder: of a sweep.
        task: its name.
        first: name of an architecture.
        other: name of another.

    Raises:
        HarnessError: there is no such task or architecture, no confirmed result of it, or what is
            kept of test examples is damaged.
    """
    record = read_journal(folder)
    if record is None:
        raise HarnessError(f"{folder}: nothing recorded yet")
    tasks = by_task(cell_results(record))
    if task not in tasks:
        raise HarnessError(f"{folder}: no task {task!r}; {registry.suggestion(task, tasks)}")
    group = {cell.space: cell for cell in tasks[task]}
    for name in (first, other):
        if name not in group:
            raise HarnessError(
                f"{folder}: no architecture {name!r}; {registry.suggestion(name, group)}"
            )
        if not group[name].scores:
            raise HarnessError(f"{folder}: {name!r} has no confirmed result on {task!r} yet")
    if first == other:
        raise HarnessError(f"{folder}: {first!r} twice; expected two architectures")
    outcomes = read_outcomes(folder, {task: tasks[task]}, read_exhibits(folder, record.cells))
    asked = [group[first], *(cell for name, cell in group.items() if name != first)]
    judgement = judge(asked, outcomes.get(task))[other]
    if judgement.verdict != "different":
        return judgement.verdict
    higher = judgement.difference.mean > 0
    return "better" if higher == (group[first].direction == "max") else "worse"
