"""`harness predict` and `harness export`: a sweep's model in use."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness.system import atomic_files
from harness.winner import fitted as models
from harness.winner import inputs as raw
from harness.winner.export import Format
from harness.winner.export import export as written
from harness.winner.predictions import as_csv, predictions


def predict(path: str, names: Sequence[str], file: Path | None) -> None:
    """Prints what a sweep's model says of new data, or writes it to a file.

    Raises:
        HarnessError: there is no such model, or the input is not what it takes.
    """
    fitted = models.find(path)
    found = raw.read(fitted, names, sys.stdin.read)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    click.echo(f"{fitted.task} x {fitted.space}: {fitted.file}", err=True)
    text = as_csv(predictions(fitted, found))
    if file is None:
        click.echo(text, nl=False)
    else:
        atomic_files.write(file, text.encode())


def export(path: str, format: Format, file: Path | None) -> None:
    """Writes a sweep's model in another format, and says how near its outputs are.

    Raises:
        HarnessError: there is no such model, or the format cannot hold it.
    """
    fitted = models.find(path)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    place, apart = written(fitted, format, file)
    click.echo(f"wrote {place}: {fitted.task} x {fitted.space}, outputs within {apart:.2g}")
