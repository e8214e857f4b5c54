"""The section of the report that shows what the confirmed models did."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from harness.analysis.cells import CellResults
from harness.analysis.exhibits import Bucket, EntityText, Exhibit, Exhibits, Guess
from harness.report.samples.classes import by_class
from harness.report.samples.names import channels_key, classes_key, tokens_key
from harness.report.text import figure_name, image, number
from harness.system.markdown import NOTHING, code, plain, table

LONGEST = 600
"""Characters of a text in the report; `harness describe` shows all of them."""


SamplesByTask: TypeAlias = Mapping[str, Mapping[str, Exhibit]]
"""What each architecture shows on each task, the best one first; those without are left out."""


def samples(tasks: Mapping[str, Sequence[CellResults]], exhibits: Exhibits) -> SamplesByTask:
    """The exhibits in the order of the leaderboards."""
    return {
        task: {c.space: exhibits[task, c.space] for c in group if (task, c.space) in exhibits}
        for task, group in tasks.items()
    }


def samples_section(samples: SamplesByTask) -> str:
    """What the models did; empty without an exhibit."""
    blocks = []
    for task, shown in samples.items():
        parts = [_signed(exhibit.signature for exhibit in shown.values())]
        if any(exhibit.forecasts for exhibit in shown.values()):
            parts.append(image("Forecasts of each architecture", figure_name("forecast", task)))
            parts.append(channels_key(shown))
        if any(exhibit.continuations for exhibit in shown.values()):
            parts.append(_continuations(shown))
        if any(exhibit.translations for exhibit in shown.values()):
            parts.append(_translations(shown))
        if any(exhibit.scores_by_length for exhibit in shown.values()):
            parts.append(_by_length(shown))
            parts.append(image("Score by length", figure_name("length", task)))
        if any(exhibit.attention for exhibit in shown.values()):
            parts.append(image("Where each architecture looks", figure_name("attention", task)))
            parts.append(tokens_key(shown))
        if any(exhibit.fill_mask for exhibit in shown.values()):
            parts.append(_masked_texts(shown))
        if any(exhibit.confusion for exhibit in shown.values()):
            what = "Which class each architecture takes for which"
            parts.append(image(what, figure_name("confusion", task)))
            parts.append(classes_key(shown))
            parts.append(by_class(shown))
        if any(exhibit.entities for exhibit in shown.values()):
            parts.append(_entities(shown))
        if any(parts):
            blocks += [f"### {code(task)}", *filter(None, parts)]
    if not blocks:
        return ""
    intro = "What the first confirmed model of each architecture does on the test split."
    return "\n\n".join([intro, *blocks])


def span(bucket: Bucket) -> str:
    """The lengths of a bucket: `4-9`, `12`, `15+`."""
    if bucket.last is None:
        return f"{bucket.first}+"
    return str(bucket.first) if bucket.last == bucket.first else f"{bucket.first}-{bucket.last}"


def _signed(signatures: Iterable[str]) -> str:
    """How scores are computed; empty where no architecture says it."""
    known = [code(text, in_table=False) for text in sorted(set(signatures)) if text]
    return f"Scored with {', '.join(known)}." if known else ""


def _continuations(shown: Mapping[str, Exhibit]) -> str:
    """One row a prompt and architecture; a prompt stands in its first row only."""
    prompts: dict[str, list[list[str]]] = {}
    for space, exhibit in shown.items():
        for text in exhibit.continuations:
            row = [code(space), code(text.greedy, LONGEST), code(text.nucleus, LONGEST)]
            prompts.setdefault(text.prompt, []).append(row)
    rows = _once({(code(prompt, LONGEST),): group for prompt, group in prompts.items()})
    return table(["after", "architecture", "likeliest", "drawn"], rows, left=4)


def _once(groups: Mapping[tuple[str, ...], Sequence[list[str]]]) -> list[list[str]]:
    """Rows that begin with what they share, which stands in the first of them only."""
    return [
        [*(shared if number == 0 else [""] * len(shared)), *row]
        for shared, group in groups.items()
        for number, row in enumerate(group)
    ]


def _masked_texts(shown: Mapping[str, Exhibit]) -> str:
    """One row a text and architecture, with the right guess in bold."""
    texts: dict[tuple[str, ...], list[list[str]]] = {}
    for space, exhibit in shown.items():
        for masked in exhibit.fill_mask:
            guesses = [_guess(guess, masked.truth) for guess in masked.guesses]
            shared = code(masked.text, LONGEST), code(masked.truth)
            texts.setdefault(shared, []).append([code(space), ", ".join(guesses) or NOTHING])
    return table(["text", "hidden", "architecture", "guesses"], _once(texts), left=4)


def _guess(guess: Guess, truth: str) -> str:
    written = code(guess.piece)
    if guess.piece == truth:
        written = f"**{written}**"
    percent = math.nan if guess.probability is None else 100 * guess.probability
    return f"{written} {number(percent, 1)} %"


def _entities(shown: Mapping[str, Exhibit]) -> str:
    """One row a text and architecture, with wrong entities in bold."""
    texts: dict[tuple[str, ...], list[list[str]]] = {}
    for space, exhibit in shown.items():
        for found in exhibit.entities:
            shared = code(found.text, LONGEST), ", ".join(map(code, found.truth)) or "none"
            row = [code(space), ", ".join(_found(found)) or "none"]
            texts.setdefault(shared, []).append(row)
    headers = ["text", "entities", "architecture", "found (in bold: wrong)"]
    return table(headers, _once(texts), left=4)


def _found(text: EntityText) -> Iterator[str]:
    """The entities a model found; one that is there once can be found once."""
    left = Counter(text.truth)
    for entity in text.prediction:
        yield code(entity) if left[entity] > 0 else f"**{code(entity)}**"
        left[entity] -= 1


def _translations(shown: Mapping[str, Exhibit]) -> str:
    """Below each sentence how a person translated it, and then each architecture."""
    sentences: dict[tuple[str, str], list[list[str]]] = {}
    for space, exhibit in shown.items():
        for text in exhibit.translations:
            row = [code(space), code(text.hypothesis, LONGEST)]
            sentences.setdefault((text.source, text.reference), []).append(row)
    rows = []
    for (source, reference), group in sentences.items():
        rows.append(["**source**", code(source, LONGEST)])
        rows.append(["reference", code(reference, LONGEST)])
        rows += group
    return table(["", "translation"], rows, left=2)


def _by_length(shown: Mapping[str, Exhibit]) -> str:
    """One row an architecture, one column a bucket of lengths."""
    known = {space: e.scores_by_length for space, e in shown.items() if e.scores_by_length}
    found = {
        space: {(b.first, math.inf if b.last is None else b.last, b.examples): b for b in s.buckets}
        for space, s in known.items()
    }
    columns = {key: b for buckets in found.values() for key, b in buckets.items()}
    order = sorted(columns)
    rows = [
        [code(space), *(_score(buckets.get(key)) for key in order)]
        for space, buckets in found.items()
    ]
    first = next(iter(known.values()))
    head = f"{plain(first.metric)} by {plain(first.unit)}"
    headers = [head, *(f"{span(columns[key])} ({columns[key].examples:,})" for key in order)]
    return table(headers, rows)


def _score(bucket: Bucket | None) -> str:
    return NOTHING if bucket is None or bucket.score is None else number(bucket.score)
