"""What the confirmed models did, for a person to look at: texts and forecasts.

A task's `exhibit` returns a JSON object, which the worker leaves as
`exhibits/<task>.<space>.json` in the sweep's folder. The report knows these keys, and ignores
any other:

- `continuations`: a list of `{"prompt", "greedy", "nucleus"}`, texts: how a language model went
  on, taking the likeliest token each time and drawing from the likeliest ones. A table.
- `forecasts`: a list of `{"channel", "past", "truth", "forecast", "baseline"}`, a name and four
  lists of numbers, of which the last three are equally long. The figure `forecast-<task>`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import pydantic

from harness.report.cells import Cell
from harness.report.words import code, table
from harness.spec import HarnessError
from harness.training import exhibit_path

LONGEST = 600
"""Characters of a text in the report; `harness describe` shows all of them."""


@dataclass(frozen=True)
class Continuation:
    """A prompt of a language model, and how it went on."""

    prompt: str
    greedy: str
    nucleus: str


@dataclass(frozen=True)
class Forecast:
    """One window of a series: what was known, what came, and what was forecast.

    `None` stands for a number that is not finite.
    """

    channel: str
    past: tuple[float | None, ...]
    truth: tuple[float | None, ...]
    forecast: tuple[float | None, ...]
    baseline: tuple[float | None, ...]


@dataclass(frozen=True)
class Exhibit:
    """All that one architecture shows on one task."""

    continuations: tuple[Continuation, ...] = ()
    forecasts: tuple[Forecast, ...] = ()


Exhibits: TypeAlias = Mapping[tuple[str, str], Exhibit]
"""By task and space; cells without an exhibit are left out."""
NO_EXHIBITS: Exhibits = MappingProxyType({})


def read_exhibits(folder: Path, cells: Iterable[tuple[str, str]]) -> Exhibits:
    """The exhibits of these cells (task, space) of a sweep's folder.

    Raises:
        HarnessError: a file cannot be read, or is not as described above.
    """
    found = {cell: _read(folder / exhibit_path(*cell)) for cell in cells}
    return {cell: exhibit for cell, exhibit in found.items() if exhibit is not None}


def figure_name(task: str) -> str:
    """Name of the figure of a task's forecasts, without its ending."""
    return f"forecast-{task}"


def looking(tasks: Mapping[str, Sequence[Cell]], exhibits: Exhibits) -> str:
    """The section of the report that shows what the models did; empty without an exhibit."""
    blocks = []
    for task, group in tasks.items():
        shown = {c.space: exhibits[task, c.space] for c in group if (task, c.space) in exhibits}
        parts = []
        if any(exhibit.forecasts for exhibit in shown.values()):
            parts.append(f"![Forecasts of each architecture]({figure_name(task)}.png)")
        if any(exhibit.continuations for exhibit in shown.values()):
            parts.append(_texts(shown))
        if parts:
            blocks += [f"### {code(task)}", *parts]
    if not blocks:
        return ""
    intro = "What the first confirmed model of each architecture does on the test split."
    return "\n\n".join([intro, *blocks])


def _texts(shown: Mapping[str, Exhibit]) -> str:
    """One row a prompt and architecture; a prompt stands in its first row only."""
    prompts: dict[str, list[list[str]]] = {}
    for space, exhibit in shown.items():
        for text in exhibit.continuations:
            row = [code(space), code(text.greedy, LONGEST), code(text.nucleus, LONGEST)]
            prompts.setdefault(text.prompt, []).append(row)
    rows = [
        [code(prompt, LONGEST) if number == 0 else "", *row]
        for prompt, group in prompts.items()
        for number, row in enumerate(group)
    ]
    return table(["after", "architecture", "likeliest", "drawn"], rows, left=4)


def _read(path: Path) -> Exhibit | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        exhibit = pydantic.TypeAdapter(Exhibit).validate_json(content, strict=True)
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise _malformed(path, f"{where}: {fault['msg']}" if where else fault["msg"]) from None
    for number, window in enumerate(exhibit.forecasts):
        lengths = [len(line) for line in (window.truth, window.forecast, window.baseline)]
        if len(set(lengths)) > 1 or not lengths[0]:
            raise _malformed(
                path,
                f"forecasts.{number}: truth, forecast and baseline have {lengths} values, "
                "expected equally many, and at least one",
            )
    return exhibit


def _malformed(path: Path, fault: str) -> HarnessError:
    return HarnessError(
        f"{path}: not an exhibit that can be shown ({fault}); "
        "without the file the report leaves it out"
    )
