"""What preparing data of one's own has found: texts on both sides, images resized, steps filled
in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.journal.record import SweepRecord
from harness.report.text import listed
from harness.system.markdown import code
from harness.system.text import counted

WORTH_SAYING_FIRST = 0.01
"""Share of the test examples that are in training as well, from which on the report begins with
it."""


def first_of_all(record: SweepRecord) -> Iterator[str]:
    """What must be known before any score: test texts that training has seen."""
    for task, facts in _facts(record):
        for split, found in _duplicates(facts):
            seen = found["same"] + found["near"]
            if split not in ("train", "val") and seen > WORTH_SAYING_FIRST * found["of"]:
                yield (
                    f"On {code(task)}, {_share(seen, found['of'])} of the texts of {code(split)} "
                    f"are in training as well, {_kinds(found)}: scores are higher than they would "
                    "be on new texts."
                )


def notes(record: SweepRecord) -> list[str]:
    """What was done to data and found in it, a sentence each."""
    return [sentence for task, facts in _facts(record) for sentence in _of_a_task(task, facts)]


def _of_a_task(task: str, facts: Mapping[str, Any]) -> Iterator[str]:
    found = [
        f"{_share(part['same'] + part['near'], part['of'])} of {code(split)} ({_kinds(part)})"
        for split, part in _duplicates(facts)
        if part["same"] + part["near"]
    ]
    if found:
        yield f"{code(task)}: texts that are in training as well: {listed(found)}."
    elif any(True for _ in _duplicates(facts)):
        yield f"{code(task)}: no text of validation or test is in training as well."
    if resized := facts.get("resized"):
        height, width = resized["to"]
        yield (
            f"{code(task)}: {resized['images']:,} of {counted(resized['of'], 'image')} were "
            f"resized to {height} x {width} pixels (height x width), their aspect kept, the rest "
            "filled with black."
        )
    if filled := facts.get("filled"):
        yield f"{code(task)}: {counted(filled, 'step')} missing, filled in by straight lines."


def _facts(record: SweepRecord) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for task, event in record.data.items():
        if isinstance(event.get("facts"), Mapping):
            yield task, event["facts"]


def _duplicates(facts: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, int]]]:
    return list(facts.get("duplicates", {}).items())


def _kinds(found: Mapping[str, int]) -> str:
    return f"{found['same']:,} the same, {found['near']:,} nearly"


def _share(count: int, of: int) -> str:
    return f"{count:,} of {of:,} ({count / of:.1%})"
