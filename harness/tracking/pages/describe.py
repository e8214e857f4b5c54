"""Views and descriptions of a sweep's experiments, with links to what is asked for most."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.journal.folder import PAGE
from harness.journal.record import SweepRecord
from harness.tracking import sweep_run
from harness.tracking.model_registry.store import packable
from harness.tracking.model_registry.winners import Winner
from harness.tracking.pages import links, notes, views
from harness.tracking.pages.links import Link
from harness.tracking.pages.views import View
from harness.tracking.runs import cell_key
from harness.tracking.store import Store
from harness.tracking.trials import SweepTrials
from harness.tracking.values import MAX_TAG, cut
from harness.trial import CellKey


def task_links(store: Store, made: Mapping[str, Sequence[View]]) -> Mapping[str, Link]:
    """A link to the architectures of each task, whose experiments are open.

    Args:
        made: the views of each task, that of the architectures first.
    """
    return {
        task: links.view(store.experiment_id(task), some[0]) for task, some in made.items() if some
    }


def describe(
    store: Store,
    record: SweepRecord,
    trials: SweepTrials,
    folder: Path,
    made: Mapping[str, Sequence[View]],
    winners: Sequence[Winner],
) -> None:
    """Brings descriptions and views up to date, after all runs of the sweep were written."""
    experiment_id = store.experiment_id(sweep_run.EXPERIMENT)
    run_id = store.run_id(sweep_run.sweep_key(record))
    path = PAGE if (folder / PAGE).is_file() else ""
    report = links.artifacts(f"report of {record.sweep.name}", experiment_id, run_id, path)
    store.tag_experiment(sweep_run.EXPERIMENT, {"mlflow.note.content": notes.sweeps([report])})
    for task in record.sweep.tasks:
        known = [links.view(store.experiment_id(task), view) for view in made[task]]
        best = trials.best_space(record, task)
        if best is not None:
            known += _best(store, record, (task, best), folder, winners)
        cell = trials.cell(task, best) if best is not None else None
        note = cut(notes.experiment(record, task, cell, [*known, report]), MAX_TAG)
        store.tag_experiment(task, {"mlflow.note.content": note, **views.tags(made[task])})


def _best(
    store: Store, record: SweepRecord, best: CellKey, folder: Path, winners: Sequence[Winner]
) -> Iterator[Link]:
    """The run of the best architecture of a task, and the task's registered models if there are."""
    task, space = best
    run_id = store.run_id(cell_key(record, best))
    yield links.artifacts(f"winner {space}", store.experiment_id(task), run_id)
    for winner in winners:
        if winner.task == task and winner.best and packable(folder, winner.file):
            yield links.model("registered models", winner.registered)
