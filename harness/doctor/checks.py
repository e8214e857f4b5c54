"""All checks but those of packages, in their order; none of them can end the others."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import rich.console
import rich.progress

from harness import registry
from harness.data import download
from harness.doctor import backends, cluster, data, machine, mlflow_store, plugins
from harness.doctor.finding import Finding, gigabytes, guarded
from harness.engines.ray.share import ClusterOptions
from harness.spec import Task
from harness.tracking import default_uri

_LONG_SECONDS = 2.0
"""Reading that takes longer is announced where no progress bar can be shown."""


def examine(
    output: Path,
    data_dir: Path | None,
    tracking: str | None,
    console: rich.console.Console,
    cluster_options: ClusterOptions | None = None,
) -> Iterator[Finding]:
    """What is found, the quick checks first.

    Args:
        output: Folder that results would go to.
        data_dir: Directory that source files would be looked for in.
        tracking: MLflow tracking URI, `none`, or absent for a database in the output folder.
        console: Where it is said what takes long.
        cluster_options: The cluster that trials would run on, if it is one.
    """
    # MLflow takes seconds to load, in which everything else is looked at.
    with mlflow_store.looking(tracking or default_uri(output)) as look:
        with _busy(console, "loading tasks and search spaces"):
            loaded = list(guarded(plugins.NAME, plugins.registered))
        yield from loaded
        yield from guarded("cores", machine.cores)
        yield from guarded("memory", machine.memory)
        yield from _folder("output", lambda: output, "choose another with --output")
        yield from _folder("cache", download.cache_root, "choose another with HARNESS_CACHE=FOLDER")
        # A file that ends the process it is loaded in would end this one as well.
        sound = all(finding.level != "error" for finding in loaded)
        tasks = tuple(registry.tasks().values()) if sound else ()
        yield from guarded(data.PREPARED, partial(_data, tasks, data_dir, console))
        with _busy(console, "waiting for MLflow"):
            found = list(guarded(mlflow_store.NAME, look))
        yield from found
    for name in backends.installed():
        title = backends.TITLES[name]
        with _busy(console, f"asking {title} for its devices"):
            found = list(guarded(title, partial(backends.backend, name)))
        yield from found
    if cluster_options is not None:
        with _busy(console, "asking the nodes of the cluster"):
            found = list(guarded(cluster.NAME, partial(cluster.cluster, cluster_options)))
        yield from found


def _folder(name: str, place: Callable[[], Path], remedy: str) -> Iterator[Finding]:
    """Whether a folder can be written, and whether there is room."""
    folder, disk = f"{name} folder", f"{name} disk"
    yield from guarded(folder, lambda: machine.writable(folder, place(), remedy))
    yield from guarded(disk, lambda: machine.space(disk, place()))


def _data(
    tasks: Sequence[Task], data_dir: Path | None, console: rich.console.Console
) -> Iterator[Finding]:
    found = data.stored(download.cache_root(), tasks, data_dir)
    with _progress(console, found.size()) as advance:
        yield from guarded(data.PREPARED, lambda: data.prepared(found, advance))
        yield from guarded(data.DOWNLOADS, lambda: data.downloads(found, advance))
        if data_dir is not None:
            yield from guarded(data.LOCAL, partial(data.local, found, data_dir, advance))


# --- what takes long ----------------------------------------------------------------


def _busy(console: rich.console.Console, text: str) -> contextlib.AbstractContextManager[object]:
    """Says on a terminal what is waited for."""
    return console.status(text) if console.is_terminal else contextlib.nullcontext()


@contextlib.contextmanager
def _progress(console: rich.console.Console, size: int) -> Iterator[data.Advance]:
    """A progress bar on a terminal; elsewhere one line, if the reading takes long."""
    if console.is_terminal:
        columns = (
            rich.progress.TextColumn("reading cached data"),
            rich.progress.BarColumn(),
            rich.progress.DownloadColumn(),
            rich.progress.TimeRemainingColumn(),
        )
        with rich.progress.Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=size)
            yield lambda count: bar.advance(task, count)
        return
    seconds = size / _speed()
    if seconds > _LONG_SECONDS:
        text = f"reading {gigabytes(size)} of cached data, {seconds:.0f} s or more"
        console.print(text, markup=False, soft_wrap=True)
    yield lambda count: None


def _speed() -> float:
    """Bytes that this processor hashes in a second; a disk may be slower."""
    block = bytes(2**24)
    began = time.perf_counter()
    hashlib.sha256(block)
    return len(block) / (time.perf_counter() - began)
