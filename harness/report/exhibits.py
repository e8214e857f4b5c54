"""What the confirmed models did, for a person to look at: texts, forecasts, attention.

A task's `exhibit` returns a JSON object, which the worker leaves as
`exhibits/<task>.<space>.json` in the sweep's folder. The report knows these keys, and ignores
any other:

- `continuations`: a list of `{"prompt", "greedy", "nucleus"}`, texts: how a language model went
  on, taking the likeliest token each time and drawing from the likeliest ones. A table.
- `forecasts`: a list of `{"channel", "past", "truth", "forecast", "baseline"}`, a name and four
  lists of numbers, of which the last three are equally long. The figure `forecast-<task>`.
- `translations`: a list of `{"source", "reference", "hypothesis"}`, texts. A table.
- `attention`: a list of `{"source", "target", "weights"}`: tokens, tokens, and for each token of
  the target the weight of each token of the source. The figure `attention-<task>`.
- `scores_by_length`: `{"metric", "unit", "buckets"}`, of which each is `{"first", "last",
  "examples", "score"}`; `last` may be null. A table and the figure `length-<task>`.
- `signature`: a text, how the scores are computed, such as that of sacreBLEU. A line.

A null in place of a number of a forecast, a weight or a score stands for one that is not finite.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import pydantic

from harness.spec import HarnessError
from harness.training import exhibit_path


@dataclass(frozen=True)
class Continuation:
    """A prompt of a language model, and how it went on."""

    prompt: str
    greedy: str
    nucleus: str


@dataclass(frozen=True)
class Forecast:
    """One window of a series: what was known, what came, and what was forecast."""

    channel: str
    past: tuple[float | None, ...]
    truth: tuple[float | None, ...]
    forecast: tuple[float | None, ...]
    baseline: tuple[float | None, ...]


@dataclass(frozen=True)
class Translation:
    """A sentence, how a person translated it, and how a model did."""

    source: str
    reference: str
    hypothesis: str


@dataclass(frozen=True)
class AttentionMap:
    """Where a model looked in the source while it wrote each token of the target."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: tuple[tuple[float | None, ...], ...]
    """A row for each token of the target, a column for each of the source."""


@dataclass(frozen=True)
class Bucket:
    """Examples whose length is from `first` to `last`, and their score."""

    first: int
    last: int | None
    """`None` for no end."""
    examples: int
    score: float | None


@dataclass(frozen=True)
class LengthScores:
    """How a score depends on the length of an example."""

    metric: str
    unit: str
    """What length counts, such as `words of the source`."""
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True)
class Exhibit:
    """All that one architecture shows on one task."""

    continuations: tuple[Continuation, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    translations: tuple[Translation, ...] = ()
    attention: tuple[AttentionMap, ...] = ()
    scores_by_length: LengthScores | None = None
    signature: str = ""


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
    for reason in _faults(exhibit):
        raise _malformed(path, reason)
    return exhibit


def _faults(exhibit: Exhibit) -> Iterator[str]:
    """What types alone do not tell."""
    for number, window in enumerate(exhibit.forecasts):
        lengths = [len(line) for line in (window.truth, window.forecast, window.baseline)]
        if len(set(lengths)) > 1 or not lengths[0]:
            yield (
                f"forecasts.{number}: truth, forecast and baseline have {lengths} values, "
                "expected equally many, and at least one"
            )
    for number, shown in enumerate(exhibit.attention):
        shape = [len(row) for row in shown.weights]
        if not shown.source or not shown.target:
            yield f"attention.{number}: expected tokens of the source and of the target"
        elif shape != [len(shown.source)] * len(shown.target):
            yield (
                f"attention.{number}: weights have rows of {shape}, expected {len(shown.target)} "
                f"rows of {len(shown.source)}"
            )
    if exhibit.scores_by_length is not None and not exhibit.scores_by_length.buckets:
        yield "scores_by_length: expected a bucket"


def _malformed(path: Path, fault: str) -> HarnessError:
    return HarnessError(
        f"{path}: not an exhibit that can be shown ({fault}); "
        "without the file the report leaves it out"
    )
