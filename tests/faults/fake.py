"""Sweeps over trials that take a moment: the real driver, search, journal and worker processes.

    python -m tests.faults.fake QUESTION --output DIR

Only the training is left out, and with it the import of a framework in the workers. The score of a
trial depends on its configuration and its seed alone, so that a sweep that was disturbed can be
compared with one that was not.
"""

import dataclasses
import os
import signal
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import click

QUESTION = """
name = "fake"
tasks = ["blobs"]
spaces = ["good", "raising"]
tuner = "{tuner}"
seeds = 3
backend = "jax"
[budget]
trials = {trials}
epochs = 4
"""
"""`raising` is never built here: to the driver it is a second architecture."""
SECONDS = "FAKE_SECONDS"
"""Variable that says how long a trial takes; a hundredth of a second if absent."""


DEATHS = "FAKE_DEATHS"
"""Variable that names a folder with orders: see `_die_if_told`."""


FULL = "FAKE_FULL"
"""Variable that names a folder with orders: trials that do not fit on a device, as often as a file
says. The file `begun` there tells which trials began, whether alone, and in which process."""
MODULES = "FAKE_MODULES"
"""Variable that names a file for the modules that a worker has imported by its first trial."""
UNMAPPABLE = "FAKE_UNMAPPABLE"
"""Variable that is set where no seeds can be one program."""


def run(job: Any, report: Any) -> Any:
    """Ends a trial soon, with a score made of its configuration and its seed; and the members of a
    job one after the other."""
    from harness.trial import Failure, Group

    if not job.members:
        return _run(job, report)
    if UNMAPPABLE in os.environ:
        return Group(Failure("code", "no program for all of them"))
    for one in job.each:
        result = _run(one, lambda info, one=one: report({**info, "number": one.number}))
        report({"number": one.number, "result": result})
    return Group()


def _run(job: Any, report: Any) -> Any:
    from harness.training.outcome import begun

    _tell_modules()
    trial = begun(job, time.time())
    _die_if_told(job)
    full = _full(job)
    if full is not None:
        return dataclasses.replace(trial, status="failed", failure=full)
    time.sleep(float(os.environ.get(SECONDS, "0.01")))
    score = (
        zlib.crc32(repr((trial.space, trial.config, trial.training, trial.seed)).encode()) / 2**32
    )
    curve = []
    for epoch in range(job.initial_epoch + 1, job.epochs + 1):
        report({"epoch": epoch, "epochs": job.epochs, "score": score})
        curve.append({"epoch": epoch, "seconds": 0.01, "val_accuracy": score})
    metrics = {"val_accuracy": score}
    if job.phase == "confirm":
        metrics["test_accuracy"] = score
    return dataclasses.replace(
        trial, epochs=len(curve), score=score, metrics=metrics, curve=tuple(curve)
    )


def _tell_modules() -> None:
    """Writes down what this worker has imported, where it was asked to."""
    path = os.environ.get(MODULES)
    if path is not None:
        Path(path).write_text("\n".join(sorted(sys.modules)))


def _die_if_told(job: Any) -> None:
    """Kills this worker as often as a file in the folder that `FAKE_DEATHS` names says."""
    folder = os.environ.get(DEATHS)
    if folder is None:
        return
    order = Path(folder, f"{job.space}.{job.phase}.{job.number}")
    if order.is_file() and (left := int(order.read_text())) > 0:
        order.write_text(str(left - 1))
        os.kill(os.getpid(), signal.SIGKILL)


def _full(job: Any) -> Any:
    """Why the memory of a device does not hold a trial, if it was told not to."""
    from harness.trial import Failure

    folder = os.environ.get(FULL)
    if folder is None:
        return None
    name = f"{job.space}.{job.phase}.{job.number}"
    with Path(folder, "begun").open("a") as file:
        file.write(f"{name} {int(job.alone)} {os.getpid()}\n")
    order = Path(folder, name)
    if not order.is_file() or (left := int(order.read_text())) == 0:
        return None
    order.write_text(str(left - 1))
    return Failure("device_memory", "the device is full")


def nothing() -> None:
    """Stands for the import of a framework."""


@click.command()
@click.argument("question", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True)
@click.option("--workers", default=1)
@click.option("--tracking", default="none")
@click.option("--address", help="Of a Ray cluster.")
def main(question: Path, output: Path, workers: int, tracking: str, address: str | None) -> None:
    """Runs a sweep as `harness run` does, over trials that take a moment."""
    from harness.driver.options import Options
    from harness.driver.run import run_sweep
    from harness.engines.ray.share import ClusterOptions
    from harness.spec import HarnessError
    from harness.sweep.load import load_sweep
    from harness.system import stdio
    from tests.faults import fake  # workers import the functions by this name

    stdio.outlast_readers()
    cluster = None if address is None else ClusterOptions(address)
    options = Options(output=output, workers=workers, tracking=tracking, cluster=cluster)
    try:
        asked = load_sweep(str(question), {})
        code = run_sweep(asked, options, fake.run, fake.nothing, rehearse=False)
    except HarnessError as error:
        click.echo(f"harness: {error}", err=True)
        sys.exit(2)
    sys.exit(code)


if __name__ == "__main__":
    main()
