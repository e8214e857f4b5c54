"""What a confirmed model did, as plain text for a terminal, which obeys nothing in it."""

import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from harness.analysis.exhibits import AttentionMap, Confusion, EntityText, Exhibit, Forecast, Guess
from harness.report.samples.section import span
from harness.report.text import number
from harness.system.markdown import NOTHING
from harness.system.text import counted, one_line

WIDTH = 88
"""Columns that long texts are wrapped to."""
PLOT = 48
"""Columns of a forecast that is drawn with blocks."""
CLASSES = 20
"""Classes whose mistakes are shown; the worst of more."""
MOST = 3
"""Mistaken classes, and tokens looked at, that are named in one line."""
LEAST = 0.01
"""Weight below which a token is not named."""
BLOCKS = "▁▂▃▄▅▆▇█"


def blocks(exhibit: Exhibit) -> Iterator[str]:
    """All of an exhibit that text can show, a block of lines for each part."""
    if exhibit.scores_by_length is not None:
        scores = exhibit.scores_by_length
        lengths = (
            (span(b), f"{_known(b.score)} ({counted(b.examples, 'example')})")
            for b in scores.buckets
        )
        yield one_line(f"{scores.metric} by {scores.unit}") + "\n" + rows(lengths)
    if exhibit.confusion is not None:
        yield _confusion(exhibit.confusion)
    for number_, window in enumerate(exhibit.forecasts, start=1):
        yield _forecast(number_, window)
    yield from _texts(exhibit)
    for number_, found in enumerate(exhibit.entities, start=1):
        yield _entities(number_, found)
    for number_, shown in enumerate(exhibit.attention, start=1):
        yield _attention(number_, shown)


def rows(named: Iterable[tuple[str, str]]) -> str:
    """Names and values below each other, each in one line."""
    lines = [(one_line(name), one_line(value)) for name, value in named]
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"  {name:{width}}  {value}" for name, value in lines)


def plot(values: Sequence[float | None], low: float, high: float, width: int = PLOT) -> str:
    """A line of blocks from the lowest, `low`, to the highest, `high`; a gap where none is known.

    Of more values than columns each column shows the mean of its own.
    """
    line = np.array([math.nan if value is None else value for value in values])
    parts = np.array_split(line, min(width, len(line)))
    known = [part[np.isfinite(part)] for part in parts]
    means = [float(part.mean()) if part.size else math.nan for part in known]
    size = high - low
    return "".join(
        " "
        if math.isnan(mean)
        else BLOCKS[round((len(BLOCKS) - 1) * (mean - low) / size) if size > 0 else 0]
        for mean in means
    )


def _forecast(number_: int, window: Forecast) -> str:
    """What came and what was forecast, on one scale."""
    lines = {"truth": window.truth, "forecast": window.forecast, "baseline": window.baseline}
    known = [v for line in lines.values() for v in line if v is not None and math.isfinite(v)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    head = f"{one_line(window.channel) or NOTHING}, {counted(len(window.truth), 'step')}"
    # Not by `rows`, which would take away a gap at the beginning.
    named = ((name, _line(line, window.truth, low, high)) for name, line in lines.items())
    drawn = (f"  {name:8}  {text}" for name, text in named)
    return "\n".join([f"forecast {number_}: {head}, {number(low)} to {number(high)}", *drawn])


def _line(
    line: Sequence[float | None], truth: Sequence[float | None], low: float, high: float
) -> str:
    drawn = plot(line, low, high)
    if line is truth:
        return drawn
    errors = [
        abs(a - b) for a, b in zip(line, truth, strict=True) if a is not None and b is not None
    ]
    error = number(math.fsum(errors) / len(errors)) if errors else NOTHING
    return f"{drawn}  mean error {error}"


def _confusion(confusion: Confusion) -> str:
    """How many of each class were right, and what the others were taken for."""
    counts = confusion.counts
    order = list(range(len(counts)))
    right = [_share(row[i], sum(row)) for i, row in enumerate(counts)]
    title = "confusion"
    if len(order) > CLASSES:
        title += f": the {CLASSES} worst of {len(order)} classes"
        # Classes without an example are no mistake.
        order = sorted(order, key=lambda i: (math.isnan(right[i]), right[i]))[:CLASSES]
    named = []
    for i in order:
        wrong = [(count, j) for j, count in enumerate(counts[i]) if count and j != i]
        wrong.sort(key=lambda pair: (-pair[0], pair[1]))
        taken = ", ".join(f"{confusion.classes[j]} {count:,}" for count, j in wrong[:MOST])
        text = f"{number(100 * right[i], 1)} % of {sum(counts[i]):,} right"
        named.append((confusion.classes[i], f"{text}; else {taken}" if taken else text))
    return title + "\n" + rows(named)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _attention(number_: int, shown: AttentionMap) -> str:
    """Which tokens of the source each token of the target looks at most."""
    named = []
    for token, weights in zip(shown.target, shown.weights, strict=True):
        known = [(weight, i) for i, weight in enumerate(weights) if weight is not None]
        known.sort(key=lambda pair: (-pair[0], pair[1]))
        most = [
            f"{shown.source[i]} {number(100 * weight, 0)} %"
            for weight, i in known[:MOST]
            if weight >= LEAST
        ]
        named.append((token, ", ".join(most) or NOTHING))
    return f"attention {number_}: what is looked at most\n" + rows(named)


def _entities(number_: int, found: EntityText) -> str:
    """The entities of a text: found, wrong and missed; one that is there once can be found once."""
    truth, prediction = Counter(found.truth), Counter(found.prediction)
    parts = {
        "text": found.text,
        "found": _names(truth & prediction),
        "wrong": _names(prediction - truth),
        "missed": _names(truth - prediction),
    }
    return _block(f"entities {number_}", {name: text for name, text in parts.items() if text})


def _names(entities: Counter[str]) -> str:
    return ", ".join(one_line(name) for name in entities.elements())


def _texts(exhibit: Exhibit) -> Iterator[str]:
    """What a model wrote, in full; line breaks are kept."""
    for number_, text in enumerate(exhibit.continuations, start=1):
        named = {"prompt": text.prompt, "likeliest": text.greedy, "drawn": text.nucleus}
        yield _block(f"continuation {number_}", named)
    for number_, pair in enumerate(exhibit.translations, start=1):
        named = {
            "source": pair.source,
            "reference": pair.reference,
            "translation": pair.hypothesis,
        }
        yield _block(f"translation {number_}", named)
    for number_, masked in enumerate(exhibit.fill_mask, start=1):
        guesses = ", ".join(_guess(guess, masked.truth) for guess in masked.guesses)
        named = {"text": masked.text, "hidden": masked.truth, "guesses": guesses}
        yield _block(f"hidden token {number_}", named)


def _guess(guess: Guess, truth: str) -> str:
    percent = math.nan if guess.probability is None else 100 * guess.probability
    text = f"{one_line(guess.piece)} {number(percent, 1)} %"
    return f"{text} (right)" if guess.piece == truth else text


def _known(score: float | None) -> str:
    return NOTHING if score is None else number(score)


def _block(title: str, named: Mapping[str, str]) -> str:
    return "\n".join([title, *(f"  {name}\n{_wrapped(text)}" for name, text in named.items())])


def _wrapped(text: str) -> str:
    indent = "    "
    lines = [
        "\n".join(
            textwrap.wrap(one_line(line), WIDTH, initial_indent=indent, subsequent_indent=indent)
        )
        for line in text.splitlines()
    ]
    return "\n".join(lines) or indent + NOTHING
