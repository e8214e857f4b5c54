"""A sweep asked from Python: written as a file, run by the command line's own code."""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomli_w

from harness import registry
from harness.journal.folder import JOURNAL
from harness.kinds import presets
from harness.own import file as data_file
from harness.own import guess
from harness.own.description import STARTED, parse
from harness.python import values
from harness.python.answer import Answer, load
from harness.python.progress import Progress
from harness.spec import HarnessError, Preset
from harness.sweep.load import load_sweep
from harness.system import atomic_files, isolation
from harness.system.signals import EXIT_INTERRUPTED

BAD_INPUT = 2
"""Exit code of `harness run` where something is refused."""
BUDGET = ("trials", "epochs", "seconds", "flops", "patience", "train_fraction", "max_parameters",
          "max_flops", "max_latency_ms",
          "trial_seconds", "memory_gb")  # fmt: skip
"""What may be given of the budget by name."""
USUAL = {"trials": 6, "epochs": 10}


def compare(
    x: Any,
    y: Any = None,
    *,
    spaces: Sequence[str] | str = "all",
    kind: str | None = None,
    minutes: float | None = None,
    name: str = "mine",
    seeds: int | Literal["auto"] = 3,
    output: str | Path = "results",
    data: Mapping[str, Any] | None = None,
    fresh: bool = False,
    workers: int | None = None,
    tracking: str | None = "none",
    progress: bool | None = None,
    **budget: Any,
) -> Answer:
    """Which architecture is best for some data: searches, confirms on seeds, and tells.

    The sweep file `NAME.toml` and the data lie in the output folder; asked again, it carries on.

    Args:
        x: images of shape (n, height, width) or (n, height, width, channels); a list of texts, or
            of pairs of texts; a DataFrame; a series of shape (steps,) or (steps, channels); or the
            path of a file or a folder.
        y: labels (strings, integers, whole floats or one-hot rows), grades or translations; of a
            DataFrame the name of its column of labels. `None` where `x` holds all.
        spaces: architectures, or `all` that fit.
        kind: of the task, where it is not clear.
        minutes: for all of it, divided so that every architecture gets the same; in place of
            `trials`.
        name: of the sweep and its task.
        seeds: confirmation runs of each winner; `auto` adds some where a verdict is not clear.
        output: folder of the answers.
        data: further keys of the `[data.NAME]` table, such as `test`, `group` or `class_weight`.
        fresh: whether what an earlier run has left is discarded.
        workers: processes; one a core if absent.
        tracking: an MLflow tracking URI.
        progress: `True` for a bar, `False` for not a word; a bar in a notebook and on a terminal,
            lines elsewhere, if absent.
        budget: `trials`, `epochs`, `seconds` and others of `harness.sweep.question.Budget`.

    Raises:
        HarnessError: something of it is refused, in one line.
    """
    for key in budget:
        if key not in BUDGET:
            raise HarnessError(f"compare: no {key!r}; expected some of {', '.join(BUDGET)}")
    if not isinstance(name, str) or not registry.allowed(name):
        raise HarnessError(f"compare: name {name!r:.60}; expected letters, digits, '_' and '-', at "
                           f"most {registry.LONGEST_NAME}")  # fmt: skip
    if not isinstance(spaces, str | list | tuple):
        raise HarnessError(f"compare: spaces {spaces!r:.60}; expected 'all' or a list of names")
    folder = Path(output).absolute()
    say = _silent if progress is False else print
    table = values.written(x, y, kind, folder / f"{name}_data", say)
    here = Path(table["files"])
    if here.is_relative_to(folder):
        table["files"] = here.relative_to(folder).as_posix()
    table = {**({"kind": kind} if kind else {}), **table, **(data or {})}
    if STARTED in table:  # relative to the current folder, as all paths of Python are
        table[STARTED] = presets.located("compare", Preset(table[STARTED])).name
    table = dict(guess.completed(name, table, folder, "compare"))
    parse(name, table, "compare")
    say(f"{name}: {values.known_columns(table)}")
    usual = {key: value for key, value in USUAL.items() if minutes is None or key != "trials"}
    fields = {
        "name": name,
        "tasks": [name],
        "spaces": spaces if isinstance(spaces, str) else list(spaces),
        "seeds": seeds,
        **({} if minutes is None else {"minutes": minutes}),
        "budget": {**usual, **budget},
        data_file.KEY: {name: table},
    }
    file = folder / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write(file, tomli_w.dumps(fields).encode())
    return run(
        file, output=folder, fresh=fresh, workers=workers, tracking=tracking, progress=progress
    )


def _silent(line: str) -> None:
    """Says nothing of it."""


def run(
    sweep: str | Path,
    *,
    output: str | Path = "results",
    fresh: bool = False,
    workers: int | None = None,
    tracking: str | None = None,
    progress: bool | None = None,
) -> Answer:
    """Runs a sweep, a shipped name or a sweep file, or carries on with it.

    It runs in processes of its own, as from a terminal: what this one has imported, and a notebook
    that is interrupted, are none of its business. Interrupted, it keeps what is done, and so does
    the answer.

    Args:
        sweep: as of `harness run`.
        output: as of its option `--output`.
        fresh: as of `--fresh`.
        workers: as of `--workers`.
        tracking: as of `--tracking`.
        progress: as of `compare`.

    Raises:
        HarnessError: something of it is refused, in one line.
    """
    asked = load_sweep(str(sweep))
    words = ["run", str(sweep), "--output", str(output)]
    words += ["--fresh"] if fresh else []
    words += ["--workers", str(workers)] if workers is not None else []
    words += ["--tracking", tracking] if tracking is not None else []
    folder = Path(output) / asked.name
    with Progress(folder, asked, progress) as shown:
        code, said = _called(words, shown.line)
    if code == BAD_INPUT:
        refused = [line for line in said if line.startswith("harness: ")]
        raise HarnessError("\n".join(refused or said[-1:]).removeprefix("harness: "))
    if code not in (0, 1, EXIT_INTERRUPTED):
        raise HarnessError(f"{sweep}: it ended with exit code {code}: {' '.join(said[-1:])}")
    if code == EXIT_INTERRUPTED and not (folder / JOURNAL).is_file():
        raise KeyboardInterrupt  # before there was anything to keep
    return load(folder)


def _called(words: Sequence[str], show: Callable[[str], None]) -> tuple[int, list[str]]:
    """Runs the command line, shows what it says as it says it; returns its exit code and lines.

    Ctrl-C ends it when its running trials have ended, a second one at once: it is handed on here,
    as a terminal or a notebook would send it to some of the processes and not to others.
    """
    said: list[str] = []
    with subprocess.Popen(
        [*isolation.PYTHON, "-u", "-m", "harness", *words],
        env=isolation.variables(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace", **_APART,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while True:
            try:
                for line in process.stdout:
                    said.append(line.rstrip("\n"))
                    show(said[-1])
                return process.wait(), said
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)


_APART: Mapping[str, Any] = {} if sys.platform == "win32" else {"process_group": 0}
"""Of a process that gets no signal that is sent to this one and to what it has started."""
