"""Sentences and their translations: checked, and as the arrays that models read."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.kinds import tables
from harness.kinds.fitting.translating import NEXT_TOKEN, SOURCE, TARGET, padded
from harness.kinds.text.subwords import END, START
from harness.spec import HarnessError, Split

Pairs = tuple[Sequence[str], Sequence[str]]
"""Source sentences, and their translations."""


def paired(where: str, source: Sequence[str], target: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of the lines of two files.

    Args:
        where: task and split, for the error.
        source: sentences.
        target: their translations.

    Raises:
        HarnessError: there are more of the one than of the other.
    """
    if len(source) != len(target):
        raise HarnessError(
            f"{where}: {len(source):,} source sentences and {len(target):,} translations; expected "
            "as many lines in both files"
        )
    return list(zip(source, target, strict=True))


def columns(where: str, rows: Sequence[Any]) -> Pairs:
    """Rows of two texts each as source sentences and translations.

    Raises:
        HarnessError: a row that is something else.
    """
    for number, row in enumerate(rows):
        if not isinstance(row, list | tuple | np.ndarray) or len(row) != 2:
            found = f"{len(row):,} entries" if isinstance(row, list | tuple) else f"{row!r:.40}"
            raise HarnessError(f"{where}, row {number}: found {found}; expected two texts")
        for name, text in zip((SOURCE, TARGET), row, strict=True):
            if not isinstance(text, str):
                raise HarnessError(
                    f"{where}, row {number}, {name}: found {text!r:.60}; expected a text"
                )
    return [row[0] for row in rows], [row[1] for row in rows]


def sentences(where: str, rows: Any) -> Pairs:
    """Rows of a sentence and its translation, or a data frame of them, as `columns`.

    Raises:
        HarnessError: a row that is something else, or has no word in one of both.
    """
    pairs = columns(where, tables.rows(rows))
    for name, side in zip((SOURCE, TARGET), pairs, strict=True):
        for number, text in enumerate(side):
            if not text.strip():
                raise HarnessError(
                    f"{where}, row {number}, {name}: found {text!r:.20}; expected a sentence"
                )
    return pairs


def checked(task: str, split: str, source: Sequence[str], target: Sequence[str]) -> Pairs:
    """Sentences with single spaces.

    Raises:
        HarnessError: as many of each are not there, or one is empty.
    """
    paired(f"task {task!r}, {split}", source, target)
    if not source:
        raise HarnessError(f"task {task!r}, {split}: no sentences; expected at least one")
    sides = []
    for name, lines in (("source", source), ("target", target)):
        cleaned = [" ".join(line.split()) for line in lines]
        if "" in cleaned:
            raise HarnessError(
                f"task {task!r}, {split}: line {cleaned.index('') + 1} of the {name} is empty; "
                "expected a sentence in every line"
            )
        sides.append(cleaned)
    return sides[0], sides[1]


def arrays(task: str, split: str, sides: Pairs, pieces: Sequence[Any], longest: int) -> Split:
    """Sentences as ids.

    Raises:
        HarnessError: a sentence that its vocabulary cannot write, or of too many pieces.
    """
    ids = [part.encode(list(side)) for part, side in zip(pieces, sides, strict=True)]
    for name, part, texts_, sentences in zip((SOURCE, TARGET), pieces, sides, ids, strict=True):
        for line, (text, sentence) in enumerate(zip(texts_, sentences, strict=True), start=1):
            if part.decode(sentence) != text:
                raise HarnessError(
                    f"task {task!r}, {split}: line {line} of the {name} cannot be written in the "
                    f"vocabulary: {text!r:.80} becomes {part.decode(sentence)!r:.80}"
                )
        lengths = [len(sentence) + 1 for sentence in sentences]
        if max(lengths) > longest:
            line = int(np.argmax(lengths))
            raise HarnessError(
                f"task {task!r}, {split}: line {line + 1} of the {name} has {lengths[line]} "
                f"pieces; expected at most {longest}, which is `longest` (it begins "
                f"{texts_[line]!r:.40})"
            )
    source = padded([[*sentence, END] for sentence in ids[0]], longest)
    target = padded([[START, *sentence] for sentence in ids[1]], longest)
    following = padded([[*sentence, END] for sentence in ids[1]], longest)
    return Split({SOURCE: source, TARGET: target}, {NEXT_TOKEN: following})
