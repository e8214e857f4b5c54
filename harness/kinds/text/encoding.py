"""The asset `encoding`: how raw texts become what a model reads, `tokens` and `segments`.

Whoever has the assets of a task's prepared data cuts texts as the task did, without TensorFlow.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pydantic

from harness.kinds.text.packing import Sides, packed
from harness.kinds.text.tokenizer import (
    CLASSIFICATION,
    MASK,
    PADDING,
    RESERVED,
    SEPARATOR,
    UNKNOWN,
    Tokenizer,
    Tokens,
)
from harness.spec import DataSpec, HarnessError

TOKENS = "tokens"
"""The input: ids, filled up with 0 at the end."""
SEGMENTS = "segments"
"""The input: 1 where a token belongs to a second text."""
CHARACTERS = "characters"
"""The input, where a task has it: the letters of each word, see `spelled`."""
BYTES = 256
"""Values that a letter has: 0 for none, or a byte of UTF-8 plus 1; no text has the largest."""
VOCABULARY = "vocabulary"
"""The asset: the tokens in the order of their ids."""
ENCODING = "encoding"
"""The asset: how texts become these ids."""
TEXT, PAIR = "text", "text_pair"
"""What a raw input is made of."""
LONGEST_WORD = 12
"""Pieces that are read of a word that has a tag; of longer ones, which are web addresses, the
others are left out."""


def _reserved() -> dict[str, int]:
    return {
        "padding": PADDING,
        "unknown": UNKNOWN,
        "classification": CLASSIFICATION,
        "separator": SEPARATOR,
        "mask": MASK,
    }


@dataclass(frozen=True)
class Encoding:
    """How a task's texts are read; as JSON, its asset `encoding`.

    An example is `[CLS] text [SEP]`, or `[CLS] text [SEP] other [SEP]` for pairs, filled up with
    `[PAD]` (Devlin et al. 2019).
    """

    type: Tokens
    """What texts are cut into."""
    longest: int
    """Most ids of an example, the reserved ones included; longer ones are cut."""
    columns: tuple[str, ...] | None
    """What a raw input is made of: `text`, or `text` and `text_pair`. `None` where either will
    do."""
    lower_case: bool = False
    """Whether capital letters are read as small ones."""
    longest_word: int | None = None
    """Most ids of a word, of which the others are left out, where texts are lists of words."""
    characters: int = 0
    """Letters that are read of each word beside its ids; 0 where there is no such input."""
    inputs: tuple[str, ...] = (TOKENS, SEGMENTS)
    """Arrays that come of it, by name."""
    reserved: Mapping[str, int] = field(default_factory=_reserved)
    """Ids that stand for no text."""

    def asset(self) -> dict[str, Any]:
        """As JSON values."""
        content = asdict(self)
        if not self.characters:
            del content["characters"]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in content.items()}

    def tokenizer(self, vocabulary: Sequence[str]) -> Tokenizer:
        """What cuts texts so."""
        return _tokenizer(tuple(vocabulary), self.type, self.lower_case)


@functools.lru_cache(maxsize=8)
def _tokenizer(vocabulary: tuple[str, ...], tokens: Tokens, lower_case: bool) -> Tokenizer:
    return Tokenizer(vocabulary, tokens, lower_case)


def of(spec: DataSpec, assets: Mapping[str, Any]) -> Encoding:
    """The encoding of a task.

    Models that were saved before there was this asset read WordPiece.

    Raises:
        HarnessError: the task reads no texts, or its assets are damaged.
    """
    vocabulary, tokens = assets.get(VOCABULARY), spec.inputs.get(TOKENS)
    if (
        tokens is None
        or not isinstance(vocabulary, list)
        or tuple(vocabulary[: len(RESERVED)]) != RESERVED
    ):
        raise HarnessError(
            f"no texts are read by this model of kind {spec.kind!r}: expected an input {TOKENS!r} "
            f"and a {VOCABULARY} that begins with {' '.join(RESERVED)} among its assets"
        )
    content = assets.get(ENCODING)
    if content is None:
        longest_word = LONGEST_WORD if spec.kind == "token_classification" else None
        return Encoding(
            "subword",
            tokens.longest or tokens.shape[0] or 0,
            columns=None,
            longest_word=longest_word,
        )
    try:
        return pydantic.TypeAdapter(Encoding).validate_python(content)
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise HarnessError(f"asset {ENCODING!r}, {where}: {fault['msg']}") from None


# --- from raw inputs ----------------------------------------------------------------


def encode(raw: Any, spec: DataSpec, assets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Texts, or pairs of them, as a model reads them.

    Args:
        raw: a list of texts, of pairs of texts, or, where the task tags words, of lists of words
            (a text stands for its words between spaces).
        spec: of the task.
        assets: of the task.

    Returns:
        `tokens` and `segments`, int32 of shape (examples, longest), and `characters`, see
        `spelled`, where the task has them.

    Raises:
        HarnessError: an input that is something else, named by its number from 0.
    """
    encoding = of(spec, assets)
    tokenizer = encoding.tokenizer(assets[VOCABULARY])
    if encoding.longest_word is not None:
        cut = sentences(raw)
        ids = word_ids(tokenizer, cut, encoding.longest_word)
        x = arrays((joined(ids), None), encoding.longest)
        if encoding.characters:
            x[CHARACTERS] = spelled(cut, ids, encoding.longest, encoding.characters)
        return x
    texts, others = columns(raw, encoding.columns)
    sides = tokenizer.encode(texts), None if others is None else tokenizer.encode(others)
    return arrays(sides, encoding.longest)


def columns(raw: Any, expected: Sequence[str] | None) -> tuple[list[str], list[str] | None]:
    """Texts, and the other text of each pair if they are pairs.

    Args:
        raw: texts, or pairs of texts.
        expected: the names of the parts of each, `None` if there may be one or two.
    """
    rows: list[Any] = [(row,) if isinstance(row, str) else row for row in _listed(raw)]
    pairs = len(expected) > 1 if expected else bool(rows) and _width(rows[0]) == 2
    wanted = "a pair of texts" if pairs else "a text"
    for number, row in enumerate(rows):
        if _width(row) != 1 + pairs or not all(isinstance(part, str) for part in row):
            found = row[0] if _width(row) == 1 else row
            raise HarnessError(f"input {number}: found {found!r:.60}; expected {wanted}")
    first = [row[0] for row in rows]
    return first, [row[1] for row in rows] if pairs else None


def _listed(raw: Any) -> list[Any]:
    if isinstance(raw, str) or not hasattr(raw, "__iter__"):
        raise HarnessError(f"found {raw!r:.60}; expected a list of inputs")
    return list(raw)


def _width(row: Any) -> int:
    return len(row) if isinstance(row, tuple | list | np.ndarray) else 0


def sentences(raw: Any) -> list[list[str]]:
    """The words of each raw input; see `words`."""
    return [words(f"input {number}", row) for number, row in enumerate(_listed(raw))]


def words(where: str, sentence: Any) -> list[str]:
    """The words of a sentence, which is a list of words or a text with spaces between them.

    Raises:
        HarnessError: it is something else; `where` is named.
    """
    if isinstance(sentence, str):
        return sentence.split()
    if not isinstance(sentence, Sequence | np.ndarray):
        raise HarnessError(f"{where}: found {sentence!r:.60}; expected a list of words")
    for word in sentence:
        if not isinstance(word, str):
            raise HarnessError(f"{where}: found {word!r:.60} among its words; expected a text")
    return list(sentence)


def word_ids(
    tokenizer: Tokenizer, sentences: Sequence[Sequence[str]], longest_word: int | None
) -> list[list[list[int]]]:
    """The ids of each word of each sentence, at least one and at most so many a word."""
    return [
        [word[:longest_word] for word in sentence] for sentence in tokenizer.encode_words(sentences)
    ]


def joined(sentences: Sequence[Sequence[Sequence[int]]]) -> list[list[int]]:
    """The ids of the words of each sentence in a row."""
    return [[number for word in sentence for number in word] for sentence in sentences]


# --- to arrays ----------------------------------------------------------------------


def arrays(sides: Sides, longest: int) -> dict[str, np.ndarray]:
    """`tokens` and `segments` by name, as of `packed`."""
    return dict(zip((TOKENS, SEGMENTS), packed(*sides, longest), strict=True))


def spelled(
    sentences: Sequence[Sequence[str]],
    ids: Sequence[Sequence[Sequence[int]]],
    longest: int,
    most: int,
) -> np.ndarray:
    """The letters of words, which say how one is written that no vocabulary has.

    They are bytes of UTF-8, so that no alphabet is to be learned (Gillick et al. 2016,
    arXiv:1512.00103).

    Args:
        sentences: words.
        ids: of each word.
        longest: ids of an example.
        most: bytes that are read of a word, from its front.

    Returns:
        uint8 of shape (examples, longest, most): at the first id of each word, its bytes, 1 added
        to each; else 0.
    """
    found = np.zeros((len(sentences), longest, most), "uint8")
    for row, (words, numbers) in enumerate(zip(sentences, ids, strict=True)):
        place = 1  # behind [CLS]
        for word, own in zip(words, numbers, strict=True):
            if place < longest - 1:  # before [SEP]
                letters = np.frombuffer(word.encode("utf-8", "replace")[:most], "uint8")
                found[row, place, : len(letters)] = letters + 1
            place += len(own)
    return found
