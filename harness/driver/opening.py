"""Opens a sweep, or one that is carried on: what can be refused is, before anything is written."""

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import registry
from harness.check.rehearsal import run_or_rehearse
from harness.driver import preflight, together, winners, workplace
from harness.driver.loop import Driver
from harness.driver.options import Options
from harness.driver.rehearsal import rehearse_cells
from harness.engines.local.worker import Run
from harness.journal.folder import ENVIRONMENT, QUESTION
from harness.journal.record import SweepRecord
from harness.journal.write import Journal
from harness.sweep import plugins
from harness.sweep.load import toml
from harness.sweep.pairs import cells
from harness.sweep.question import Sweep
from harness.system import atomic_files, host
from harness.system.json_values import jsonable
from harness.system.text import counted
from harness.training import worker_start


def opened(
    sweep: Sweep,
    options: Options,
    run_trial: Run,
    initialize: Callable[[], None],
    rehearse: bool,
    stack: contextlib.ExitStack,
) -> Driver | None:
    """The driver of a sweep that has begun, or carries on; `None` where nothing is left to do.

    Everything that can be refused is, before anything is written over.
    """
    preflight.check_backend(sweep)
    together.check(sweep.backend, options.together)
    place = stack.enter_context(
        workplace.opened(
            options.cluster,
            options.workers,
            options.per_device,
            functools.partial(preflight.prepared, options.data_dir, options.offline),
        )
    )
    sweep = plugins.resolved(sweep, Path())
    preflight.check_declarations(cells(sweep))
    folder = options.output / sweep.name
    data = {
        name: preflight.data_event(name, options.data_dir, options.offline) for name in sweep.tasks
    }
    journal = stack.enter_context(Journal(folder, fresh=options.fresh))
    record = journal.read()
    sweep = winners.resolved(sweep, record)
    if record is not None:
        preflight.carried_on(folder, record, sweep)  # refuses what cannot be
        preflight.check_same_data(folder, record.data, data)
        if options.retry_failed:
            record = _reopen(journal, record)
        record = preflight.carried_on(folder, record, sweep)
        if preflight.complete(record):
            print(f"{folder}: complete already{_way_on(record)}; --fresh runs it anew")
            return None
    begin = functools.partial(worker_start.begin, registry.plugins(), initialize)
    engine = functools.partial(place.engine, functools.partial(run_or_rehearse, run_trial), begin)
    digests = {name: event["digest"] for name, event in data.items()}
    workers, count = place.workers(record), len(cells(sweep))
    print(f"{folder}: cells {count}, workers {workers}, {sweep.backend}", flush=True)
    driver = Driver(sweep, options, folder, journal, record, engine, workers, stack, digests)
    if rehearse:
        rehearse_cells(driver.engine, driver.plan, options, digests)
    _begin(journal, record, sweep, data, options)
    return driver


def _begin(
    journal: Journal,
    record: SweepRecord | None,
    sweep: Sweep,
    data: dict[str, dict[str, Any]],
    options: Options,
) -> None:
    """Writes what is asked, of which data, and on what it runs."""
    folder = journal.path.parent
    new = [name for name in data if record is None or name not in record.data]
    if new:  # which may take a minute for some
        print(f"{folder}: fitting simple methods to compare with: {', '.join(new)}", flush=True)
    rivals = {name: preflight.baselines_of(name, options.data_dir, options.offline) for name in new}
    atomic_files.remove_parts(folder)
    described = host.describe()
    for name, found in plugins.provenance(sweep, folder).items():
        if found:
            described[name] = {**described.get(name, {}), **found}
    asked = plugins.recorded(sweep, folder)
    journal.begin(asked, described, host.command())
    if record is not None and record.sweep is sweep:  # it has grown
        journal.append("grown", sweep=asked)
    for name in data.keys() - rivals.keys():
        assert record is not None
        data[name] |= {"baseline": record.data[name].get("baseline", {})}
    for name, baselines in rivals.items():
        preflight.keep_rivals(folder, name, baselines)
        data[name] |= {"baseline": baselines.metrics}
        journal.append("data", task=name, **data[name])
    atomic_files.write(folder / QUESTION, toml(asked).encode())
    description = {**described, "sweep": jsonable(asked), "data": data}
    text = json.dumps(jsonable(description), indent=2) + "\n"
    atomic_files.write(folder / ENVIRONMENT, text.encode())


def _way_on(record: SweepRecord) -> str:
    """What may be tried again of a sweep that is complete, without all of it."""
    again = preflight.reopened(record)
    return f"; --retry-failed runs {counted(len(again), 'failed trial')} again" if again else ""


def _reopen(journal: Journal, record: SweepRecord) -> SweepRecord:
    """Takes back what was recorded of trials that may be run again."""
    again = preflight.reopened(record)
    for result in again:
        journal.finish(dataclasses.replace(result, status="interrupted"))
    journal.flush()
    print(f"{counted(len(again), 'failed trial')} to run again")
    left = sum(map(preflight.retriable, record.results))
    if left > len(again):
        print(
            f"{counted(left - len(again), 'failed trial')} left alone: the search has no seconds "
            "left, or others rest on what it found"
        )
    reread = journal.read()
    assert reread is not None
    return reread
