"""`harness doctor`: would a sweep run here, and if not, what is to be done?

Each check is a function that looks at one thing and returns findings; none of them changes
anything that stays, and none imports a framework into this process.

    versions.py                packages, by their metadata
    plugins.py                 task and search space files
    machine.py                 cores, memory, disk, write access
    data.py                    the data cache and a data directory
    mlflow_store.py            MLflow
    cluster.py                 the nodes of a Ray cluster
    backends.py                TensorFlow, JAX, Torch and their devices
    child.py                   processes that may crash or hang
    checks.py                  all but the packages, in their order
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich.box
import rich.console
import rich.table
import rich.text

from harness.doctor import versions
from harness.doctor.finding import Finding, Level, guarded
from harness.system.text import counted, one_line

if TYPE_CHECKING:  # it cannot be loaded where a package is missing
    from harness.engines.ray.share import ClusterOptions

__all__ = ["Finding", "diagnose", "examine"]

EXIT_WELL = 0
EXIT_ILL = 1
_STYLES: dict[Level, str] = {"ok": "green", "warning": "yellow", "error": "bold red"}


def diagnose(
    output: Path,
    data_dir: Path | None = None,
    tracking: str | None = None,
    console: rich.console.Console | None = None,
    cluster: "ClusterOptions | None" = None,
) -> int:
    """Prints what was found: a table on a terminal, elsewhere a line for each finding.

    Args:
        output: Folder that results would go to.
        data_dir: Directory that source files would be looked for in.
        tracking: MLflow tracking URI, `none`, or absent for a database in the output folder.
        console: Where it is printed.
        cluster: The Ray cluster that trials would run on, if it is one.

    Returns:
        The exit code: 1 when a sweep would fail, else 0.
    """
    console = console or rich.console.Console(highlight=False)
    found = []
    for finding in guarded("doctor", lambda: examine(output, data_dir, tracking, console, cluster)):
        found.append(finding)
        if not console.is_terminal:  # who waits for a log sees each as it comes
            _say(console, _line(finding))
    if console.is_terminal:
        console.print(_table(found))
    errors, warnings = (sum(f.level == level for f in found) for level in ("error", "warning"))
    verdict = "a sweep would fail" if errors else "a sweep would run"
    _say(console, f"{verdict}: {counted(errors, 'error')}, {counted(warnings, 'warning')}")
    return EXIT_ILL if errors else EXIT_WELL


def examine(
    output: Path,
    data_dir: Path | None,
    tracking: str | None,
    console: rich.console.Console,
    cluster: "ClusterOptions | None" = None,
) -> Iterator[Finding]:
    """Every finding, each as soon as it is there; arguments as of `diagnose`."""
    yield from guarded("Python", versions.python)
    yield from guarded("packages", versions.packages)
    # The rest cannot even be loaded where a package is missing, which has been said by now.
    from harness.doctor import checks

    yield from checks.examine(output, data_dir, tracking, console, cluster)


def _line(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return one_line(f"{finding.level}: {finding.name}: {finding.message}{remedy}")


def _table(found: Sequence[Finding]) -> rich.table.Table:
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("remedy", overflow="fold")
    for finding in found:
        table.add_row(
            rich.text.Text(one_line(finding.name)),
            rich.text.Text(finding.level, _STYLES[finding.level]),
            rich.text.Text(one_line(finding.message)),
            rich.text.Text(one_line(finding.remedy)),
        )
    return table


def _say(console: rich.console.Console, text: str) -> None:
    console.print(rich.text.Text(text), soft_wrap=True)
