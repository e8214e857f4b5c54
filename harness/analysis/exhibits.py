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
- `fill_mask`: a list of `{"text", "truth", "guesses"}`: a text in which `[MASK]` hides a token,
  that token, and a list of `{"piece", "probability"}`, the likeliest first. A table.
- `confusion`: `{"classes", "counts"}`: names, and for each true class a row of how many of its
  examples were predicted as each class. The figure `confusion-<task>`.
- `entities`: a list of `{"text", "truth", "prediction"}`: a text and two lists of texts, the
  entities in it and those a model found. A table.
- `signature`: a text, how the scores are computed, such as that of sacreBLEU. A line.

A null in place of a number of a forecast, a weight, a probability or a score stands for one that
is not finite.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import pydantic

from harness.journal.folder import exhibit_path
from harness.spec import HarnessError

MASK = "[MASK]"
"""What hides a token of a text."""


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
class Guess:
    """A token that a model takes for the hidden one, and how sure it is."""

    piece: str
    probability: float | None


@dataclass(frozen=True)
class MaskedText:
    """A text with a hidden token, and what a model takes it for."""

    text: str
    truth: str
    guesses: tuple[Guess, ...]
    """The likeliest first."""


@dataclass(frozen=True)
class Confusion:
    """How often each true class was predicted as each class."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """A row for each true class, a column for each predicted one."""


@dataclass(frozen=True)
class EntityText:
    """A text, the entities in it, and those a model found."""

    text: str
    truth: tuple[str, ...]
    prediction: tuple[str, ...]


@dataclass(frozen=True)
class Exhibit:
    """All that one architecture shows on one task."""

    continuations: tuple[Continuation, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    translations: tuple[Translation, ...] = ()
    attention: tuple[AttentionMap, ...] = ()
    scores_by_length: LengthScores | None = None
    fill_mask: tuple[MaskedText, ...] = ()
    confusion: Confusion | None = None
    entities: tuple[EntityText, ...] = ()
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
    for number, masked in enumerate(exhibit.fill_mask):
        if MASK not in masked.text:
            yield f"fill_mask.{number}.text: expected {MASK} in it"
    if exhibit.confusion is not None:
        yield from _confusion_faults(exhibit.confusion)


def _confusion_faults(confusion: Confusion) -> Iterator[str]:
    classes, shape = len(confusion.classes), [len(row) for row in confusion.counts]
    if not classes:
        yield "confusion: expected a class"
    elif shape != [classes] * classes:
        yield f"confusion: counts have rows of {shape}, expected {classes} rows of {classes}"
    elif min(map(min, confusion.counts)) < 0:
        yield "confusion: expected counts of 0 or more"


def _malformed(path: Path, fault: str) -> HarnessError:
    return HarnessError(
        f"{path}: not an exhibit that can be shown ({fault}); "
        "without the file the report leaves it out"
    )
