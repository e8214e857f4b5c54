"""Everything that is worked out for a report, once: page, tables, figures and html take it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.cells import CellResults, by_task, cell_results
from harness.analysis.exhibits import NO_EXHIBITS, Exhibits, read_exhibits
from harness.journal.record import SweepRecord
from harness.report.across_tasks.data_splits import DataSplits, data_splits
from harness.report.across_tasks.pretraining import NO_STARTS, Pair, Starts, pairs, read_starts
from harness.report.across_tasks.profiles import Profile, profiles
from harness.report.across_tasks.ranks import CommonTasks, common_tasks
from harness.report.across_tasks.training_size import Family, families
from harness.report.figure_style import Styles, line_styles
from harness.report.samples.section import SamplesByTask, samples
from harness.report.searches.gain import Suggestions, suggestions
from harness.report.searches.importance import Importances, importances
from harness.report.verdicts.beside_rivals import BesideByTask, beside
from harness.report.verdicts.per_example import NO_OUTCOMES, OutcomesByTask, read_outcomes
from harness.report.verdicts.verdict import Judged, judge
from harness.sweep.own_data import families as families_of_splits


@dataclass(frozen=True)
class Answer:
    """What a sweep says, as far as it has come."""

    record: SweepRecord
    """The journal."""
    cells: tuple[CellResults, ...]
    """In the order of the question."""
    tasks: Mapping[str, Sequence[CellResults]]
    """The same cells by task, the best mean test score first."""
    styles: Styles
    """Of the architectures in all figures."""
    outcomes: OutcomesByTask
    """Of the test examples."""
    judged: Judged
    """What may be said of the best architecture of a task against each other one."""
    beside: BesideByTask
    """The best architecture of a task beside the best simple method."""
    starts: Starts
    """Which cells start from the model of another one."""
    pairs: Sequence[Pair]
    """Pretrained architectures, each with the same one from scratch."""
    families: Sequence[Family]
    """Tasks that differ in how many labelled examples they have."""
    splits: Sequence[DataSplits]
    """Data that is split in several ways."""
    common: Sequence[CommonTasks]
    """Tasks on which the same architectures were tried, which alone can be ranked."""
    profiles: Sequence[Profile]
    """How fast searches reached the same score, on the tasks in common."""
    suggestions: Suggestions
    """What the tuner suggested."""
    importances: Mapping[tuple[str, str], Importances]
    """Of the hyperparameters of the cells (task, space) with enough trials."""
    samples: SamplesByTask
    """What the confirmed models did, for a person to look at."""


def work_out(
    record: SweepRecord,
    cells: Sequence[CellResults] | None = None,
    *,
    exhibits: Exhibits = NO_EXHIBITS,
    starts: Starts = NO_STARTS,
    outcomes: OutcomesByTask = NO_OUTCOMES,
) -> Answer:
    """The answer to the question of a sweep; a pure function of what is recorded.

    Args:
        record: the journal.
        cells: what `cell_results` says of it, if that is at hand.
        exhibits: what the confirmed models did.
        starts: which cells start from the model of another one.
        outcomes: of the test examples; without them, differences allow for seeds alone.
    """
    cells = tuple(cell_results(record) if cells is None else cells)
    tasks = by_task(cells)
    # Splits of the same data are no tasks that could agree or not.
    again = {task for names in families_of_splits(record.sweep).values() for task in names[1:]}
    apart = {task: group for task, group in tasks.items() if task not in again}
    common = common_tasks(apart, record.sweep)
    suggested = suggestions(record)
    return Answer(
        record=record,
        cells=cells,
        tasks=tasks,
        styles=line_styles(record.sweep.spaces),
        outcomes=outcomes,
        judged={task: judge(group, outcomes.get(task)) for task, group in tasks.items()},
        beside={
            task: found
            for task, group in tasks.items()
            if (found := beside(group, outcomes.get(task))) is not None
        },
        starts=starts,
        pairs=pairs(tasks, starts),
        families=families(record, tasks),
        splits=data_splits(record, tasks),
        common=common,
        profiles=profiles(common, record.sweep.order),
        suggestions=suggested,
        importances=importances(cells, suggested),
        samples=samples(tasks, exhibits),
    )


def read_answer(folder: Path, record: SweepRecord, cells: Sequence[CellResults]) -> Answer:
    """The answer with all that lies in a sweep's folder beside its journal.

    Raises:
        HarnessError: the outcomes of test examples or an exhibit are damaged.
    """
    exhibits = read_exhibits(folder, record.cells)
    outcomes = read_outcomes(folder, by_task(cells), exhibits)
    starts = read_starts(record.sweep)
    return work_out(record, cells, exhibits=exhibits, starts=starts, outcomes=outcomes)
