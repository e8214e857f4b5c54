"""The section of the report that shows what the confirmed models did."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from harness.report.cells import Cell
from harness.report.exhibits import Bucket, Exhibit, Exhibits
from harness.report.words import NOTHING, code, number, plain, table

FigureKind: TypeAlias = Literal["forecast", "attention", "length"]
LONGEST = 600
"""Characters of a text in the report; `harness describe` shows all of them."""


def figure_name(kind: FigureKind, task: str) -> str:
    """Name of a figure of a task, without its ending."""
    return f"{kind}-{task}"


def looking(tasks: Mapping[str, Sequence[Cell]], exhibits: Exhibits) -> str:
    """The section that shows what the models did; empty without an exhibit."""
    blocks = []
    for task, group in tasks.items():
        shown = {c.space: exhibits[task, c.space] for c in group if (task, c.space) in exhibits}
        parts = [_signed(exhibit.signature for exhibit in shown.values())]
        if any(exhibit.forecasts for exhibit in shown.values()):
            parts.append(_image("Forecasts of each architecture", figure_name("forecast", task)))
        if any(exhibit.continuations for exhibit in shown.values()):
            parts.append(_continuations(shown))
        if any(exhibit.translations for exhibit in shown.values()):
            parts.append(_translations(shown))
        if any(exhibit.scores_by_length for exhibit in shown.values()):
            parts.append(_by_length(shown))
            parts.append(_image("Score by length", figure_name("length", task)))
        if any(exhibit.attention for exhibit in shown.values()):
            parts.append(_image("Where each architecture looks", figure_name("attention", task)))
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


def _image(what: str, name: str) -> str:
    return f"![{what}]({name}.png)"


def _continuations(shown: Mapping[str, Exhibit]) -> str:
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
