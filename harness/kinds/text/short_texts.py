"""What every task on short texts shares: texts as pieces, and what an encoder reads.

Such a task has two inputs, `tokens` and `segments`, as `wordpiece.packed` returns them, and the
asset `vocabulary`: that of the task it can start from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.kinds.text.wordpiece import CLASSIFICATION, PADDING, SEPARATOR, Pieces, packed
from harness.spec import HarnessError, Split, TensorSpec

TOKENS, SEGMENTS, VOCABULARY = "tokens", "segments", "vocabulary"

Texts = tuple[Sequence[str], Sequence[str] | None]
"""Texts, and the other text of each pair if there are pairs."""
Ids = tuple[Sequence[Sequence[int]], Sequence[Sequence[int]] | None]
"""The same as pieces."""


# --- reading ----------------------------------------------------------------------


def lines(task: str, split: str, path: Path) -> list[str]:
    """The lines of a UTF-8 file, without a byte order mark and the empty one at the end.

    Raises:
        HarnessError: the file is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise HarnessError(
            f"task {task!r}, {split}: {path.name}: expected UTF-8 ({error})"
        ) from None
    return text.removesuffix("\n").split("\n")


def columns(task: str, split: str, number: int, line: str, least: int) -> list[str]:
    """The columns of a line, between tabs.

    Raises:
        HarnessError: there are too few.
    """
    found = line.split("\t")
    if len(found) < least:
        raise HarnessError(
            f"task {task!r}, {split}, line {number}: found {len(found)} columns; "
            f"expected at least {least}"
        )
    return found


# --- pieces -----------------------------------------------------------------------


def encoded(pieces: Pieces, texts: Texts) -> Ids:
    """Texts or pairs of them as ids."""
    first, second = texts
    return pieces.encode(first), None if second is None else pieces.encode(second)


def inputs(
    ids: Mapping[str, Ids], vocabulary: Sequence[str], longest: int
) -> tuple[dict[str, TensorSpec], dict[str, dict[str, np.ndarray]]]:
    """What the model reads of each split, as long as the longest example of all.

    Args:
        ids: of the texts, by split.
        vocabulary: the pieces.
        longest: most ids of an example, the reserved ones included; longer ones are cut.

    Returns:
        The specification of `tokens` and `segments`, and their arrays by split.
    """
    length = min(longest, max(max(example_lengths(part)) for part in ids.values()))
    specs = {
        TOKENS: TensorSpec(
            (None,), "int32", size=len(vocabulary), longest=length, vocabulary="pieces"
        ),
        SEGMENTS: TensorSpec((None,), "int32", size=2, longest=length, aligned=TOKENS),
    }
    arrays = {
        split: dict(zip((TOKENS, SEGMENTS), packed(*part, length), strict=True))
        for split, part in ids.items()
    }
    return specs, arrays


def example_lengths(ids: Ids) -> list[int]:
    """Ids of each example, the reserved ones included."""
    first, second = ids
    if second is None:
        return [len(a) + 2 for a in first]
    return [len(a) + len(b) + 3 for a, b in zip(first, second, strict=True)]


def reserved(ids: Iterable[int]) -> bool:
    """Whether nothing is left of ids but what `packed` adds."""
    return all(number in (PADDING, CLASSIFICATION, SEPARATOR) for number in ids)


# --- words, for the baselines that count them -------------------------------------


def as_words(split: Split) -> list[str]:
    """The ids of each example as words, between spaces; those of a second text are marked."""
    return [
        " ".join(f"{'b' if segment else ''}{number}" for number, segment in row)
        for row in _real(split)
    ]


def as_pairs(split: Split) -> tuple[list[str], list[str]]:
    """The same for pairs, each text by itself and unmarked."""
    sides: tuple[list[str], list[str]] = [], []
    for row in map(list, _real(split)):
        for side, texts in enumerate(sides):
            texts.append(" ".join(str(number) for number, segment in row if segment == side))
    return sides


def _real(split: Split) -> Iterator[list[tuple[int, int]]]:
    """Ids and segments of each example, the reserved ones left out."""
    tokens, segments = np.asarray(split.x[TOKENS]), np.asarray(split.x[SEGMENTS])
    for ids, parts in zip(tokens.tolist(), segments.tolist(), strict=True):
        yield [pair for pair in zip(ids, parts, strict=True) if not reserved(pair[:1])]
