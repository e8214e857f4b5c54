"""Runs a sweep: opens it, works at it until nothing is left to do, and writes the report."""

import contextlib
from collections.abc import Callable

from harness.driver import conclusion
from harness.driver.opening import opened
from harness.driver.options import Options
from harness.engines.local.worker import Run
from harness.sweep.question import Sweep
from harness.system import host
from harness.system.signals import Interruptions
from harness.training import worker_start
from harness.training.run import run_trial


def run_sweep(
    sweep: Sweep,
    options: Options,
    run_trial: Run = run_trial,
    initialize: Callable[[], None] = worker_start.import_framework,
    rehearse: bool = True,
) -> int:
    """Runs a sweep, or carries on with it, until every cell is confirmed.

    Args:
        sweep: The question.
        options: How it is run.
        run_trial: What workers call for each trial; a function of an importable module.
        initialize: What they call once, before their first trial; likewise.
        rehearse: Whether cells are looked at before their first trial: see
            `harness.check.rehearsal`.

    Returns:
        The exit code: 0 when every cell has a confirmed result, 1 when some has none,
        130 when it was interrupted.

    Raises:
        HarnessError: the backend is not installed, the data cannot be had, a task or an
            architecture does not keep to what is expected of it, or the output folder holds another
            question or cannot be written.
    """
    # Until the journal is begun, nothing of what was asked for has been done.
    resume = host.command(once=True)
    with Interruptions() as interruptions:
        try:
            with contextlib.ExitStack() as stack:
                driver = opened(sweep, options, run_trial, initialize, rehearse, stack)
                resume = host.command()
                if driver is None:
                    return conclusion.write_report(options.output / sweep.name)
                return driver.run(interruptions)
        except KeyboardInterrupt:
            return conclusion.interrupted(resume)
