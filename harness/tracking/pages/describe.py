"""Views and descriptions of a sweep's experiments, with links to what is asked for most."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.analysis.cells import best_space
from harness.journal.folder import PAGE
from harness.journal.record import SweepRecord
from harness.tracking import sweep_run
from harness.tracking.model_registry.store import packable
from harness.tracking.model_registry.winners import winners
from harness.tracking.pages import links, notes, views
from harness.tracking.pages.links import Link
from harness.tracking.runs import MAX_TAG, cells, cut, latest, study_key
from harness.tracking.store import Store


def task_links(store: Store, record: SweepRecord) -> Mapping[str, Link]:
    """A link to the architectures of each task, whose experiments are open."""
    found = {}
    for task in record.sweep.tasks:
        made = views.views(record, task)
        if made:
            found[task] = links.view(store.experiment_id(task), made[0])
    return found


def describe(store: Store, record: SweepRecord, folder: Path) -> None:
    """Brings descriptions and views up to date, after all runs of the sweep were written."""
    experiment_id = store.experiment_id(sweep_run.EXPERIMENT)
    run_id = store.run_id(sweep_run.sweep_key(record))
    path = PAGE if (folder / PAGE).is_file() else ""
    report = links.artifacts(f"report of {record.sweep.name}", experiment_id, run_id, path)
    store.tag_experiment(sweep_run.EXPERIMENT, {"mlflow.note.content": notes.sweeps([report])})
    for task in record.sweep.tasks:
        made = views.views(record, task)
        known = [links.view(store.experiment_id(task), view) for view in made]
        known += [*_winner(store, record, task, folder), report]
        note = cut(notes.experiment(record, task, known), MAX_TAG)
        store.tag_experiment(task, {"mlflow.note.content": note, **views.tags(made)})


def _winner(store: Store, record: SweepRecord, task: str, folder: Path) -> Iterator[Link]:
    """The study of the best architecture, and the registered models of the task if there are."""
    groups = {cell: latest(results) for cell, results in cells(record).items()}
    space = best_space(record, task, groups)
    if space is None:
        return
    run_id = store.run_id(study_key(record, (task, space)))
    yield links.artifacts(f"winner {space}", store.experiment_id(task), run_id)
    for winner in winners(record):
        if winner.task == task and winner.best and packable(folder, winner.file):
            yield links.model("registered models", winner.registered)
