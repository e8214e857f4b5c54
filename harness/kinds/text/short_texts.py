"""What every task on short texts shares: examples read, and prepared for a model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds import tables
from harness.kinds.presets import PRESET
from harness.kinds.text import encoding as encodings
from harness.kinds.text import preset_reading
from harness.kinds.text import vocabulary as vocabularies
from harness.kinds.text.encoding import (
    ENCODING,
    PAIR,
    SEGMENTS,
    TEXT,
    TOKENS,
    VOCABULARY,
    Encoding,
)
from harness.kinds.text.packing import Sides
from harness.kinds.text.tokenizer import Tokens
from harness.kinds.text.vocabulary import Vocabulary
from harness.spec import HarnessError, Kind, Preset, TensorSpec

Texts = tuple[Sequence[str], Sequence[str] | None]
"""Texts, and the other text of each pair if there are pairs."""
PARTS = ("text", "other text")
"""What the texts of a row are called."""


# --- examples ---------------------------------------------------------------------


def rows(where: str, examples: Any, widths: Sequence[int], expected: str) -> list[tuple[Any, ...]]:
    """Examples as tuples, all of one length.

    Args:
        where: task and split, for the errors.
        examples: a list of tuples or lists, or a data frame.
        widths: how long they may be.
        expected: what they are, for the errors.

    Raises:
        HarnessError: one of another kind or length, named by its row, counted from 0.
    """
    examples = tables.rows(examples)
    if _are_columns(examples, widths):
        lengths = " and ".join(f"{len(column):,}" for column in examples)
        raise HarnessError(
            f"{where}: found columns of {lengths} values; expected a list of {expected}, as "
            "list(zip(...)) makes of columns as long as each other"
        )
    found: list[tuple[Any, ...]] = []
    for number, row in enumerate(examples):
        if not isinstance(row, tuple | list | np.ndarray) or len(row) not in widths:
            raise HarnessError(f"{where}, row {number}: found {row!r:.60}; expected {expected}")
        if found and len(row) != len(found[0]):
            raise HarnessError(
                f"{where}, row {number}: found {len(row)} values; expected {len(found[0])}, as in "
                "row 0"
            )
        found.append(tuple(row))
    return found


def _are_columns(examples: Any, widths: Sequence[int]) -> bool:
    """Whether these are columns, the first of texts alone, and no rows."""
    return len(examples) in widths and all(
        isinstance(part, list | np.ndarray) and len(part) > max(widths) for part in examples
    )


def check_texts(where: str, found: Sequence[tuple[Any, ...]], pairs: bool) -> None:
    """Checks that rows begin with texts.

    Raises:
        HarnessError: one is missing or is none, named by its row and its place there; or there is
            no word in all of them.
    """
    words = False
    for number, row in enumerate(found):
        for part, value in zip(PARTS[: 1 + pairs], row, strict=False):
            if not isinstance(value, str):
                raise HarnessError(
                    f"{where}, row {number}, {part}: found {value!r:.60}; expected a text"
                )
            words = words or (not value.isspace() and value != "")
    if not words:
        raise no_words(where)


def no_words(where: str) -> HarnessError:
    """What is raised where a split's texts hold no word."""
    return HarnessError(f"{where}: no word in its texts; expected some")


def texts_of(found: Sequence[tuple[Any, ...]], pairs: bool) -> Texts:
    """The texts that rows begin with."""
    return [row[0] for row in found], [row[1] for row in found] if pairs else None


def same_width(task: str, data: Mapping[str, Sequence[tuple[Any, ...]]]) -> int:
    """How many values the rows of all splits have.

    Raises:
        HarnessError: the splits have different ones.
    """
    width = len(data["train"][0])
    for split, found in data.items():
        if len(found[0]) != width:
            raise HarnessError(
                f"task {task!r}, {split}: examples of {len(found[0])} values; expected {width}, "
                "as in training"
            )
    return width


# --- arrays -----------------------------------------------------------------------


def inputs(
    task: str,
    files: Mapping[str, Path],
    texts: Mapping[str, Texts],
    tokens: Tokens,
    vocabulary: Vocabulary,
    longest: int,
    lower_case: bool,
    kind: Kind,
    preset: Preset | None = None,
) -> tuple[dict[str, TensorSpec], dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """What a model reads of each split's texts.

    Args:
        task: its name, for the errors.
        files: path of each source by name.
        texts: by split; a vocabulary is learned on `train`.
        tokens, vocabulary, longest, lower_case: options of the kind's constructor.
        kind: of the task.
        preset: where it starts, by which its texts are then read.

    Returns:
        The specification of `tokens` and `segments`, as long as the longest example of all; their
        arrays by split; the assets `vocabulary` and `encoding`.
    """
    pairs = texts["train"][1] is not None
    columns = (TEXT, PAIR) if pairs else (TEXT,)
    further: dict[str, Any] = {}
    if preset is not None:
        known, lower_case, found = preset_reading.reading(task, preset, kind, longest, pairs)
        further = {PRESET: found}
    else:
        known = vocabularies.had(
            task, vocabulary, files, (text for side in texts["train"] if side for text in side),
            tokens, lower_case,
        )  # fmt: skip
    encoding = Encoding(tokens, longest, columns, lower_case)
    cut = encoding.tokenizer(known).encode
    ids: dict[str, Sides] = {
        split: (cut(first), None if second is None else cut(second))
        for split, (first, second) in texts.items()
    }
    specs, x, assets = packed_inputs(ids, known, encoding)
    return specs, x, {**assets, **further}


def packed_inputs(
    ids: Mapping[str, Sides], vocabulary: Sequence[str], encoding: Encoding
) -> tuple[dict[str, TensorSpec], dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """The same, of texts that are ids already; see `inputs`."""
    longest = max(max(example_lengths(part)) for part in ids.values())
    encoding = replace(encoding, longest=min(encoding.longest, longest))
    specs = {
        TOKENS: TensorSpec(
            (None,), "int32", size=len(vocabulary), longest=encoding.longest, vocabulary="pieces"
        ),
        SEGMENTS: TensorSpec((None,), "int32", size=2, longest=encoding.longest, aligned=TOKENS),
    }
    arrays = {split: encodings.arrays(part, encoding.longest) for split, part in ids.items()}
    return specs, arrays, {VOCABULARY: list(vocabulary), ENCODING: encoding.asset()}


def example_lengths(ids: Sides) -> list[int]:
    """Ids of each example, the reserved ones included."""
    first, second = ids
    if second is None:
        return [len(a) + 2 for a in first]
    return [len(a) + len(b) + 3 for a, b in zip(first, second, strict=True)]
