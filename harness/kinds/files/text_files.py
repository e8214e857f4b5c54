"""Readers of text files: lines, columns, and words with a tag each."""

from collections.abc import Sequence
from pathlib import Path

from harness.spec import HarnessError

OUTSIDE = "O"
"""The tag of a word that belongs to nothing."""


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file, without a byte order mark and the empty one at the end.

    Raises:
        HarnessError: the file is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path.name}: expected UTF-8 ({error})") from None
    return text.removesuffix("\n").split("\n")


def read_columns(
    path: Path, least: int, separator: str = "\t", header: bool = False
) -> list[list[str]]:
    """The columns of each line of a UTF-8 file. Quotes are characters like any other.

    Args:
        path: of the file.
        least: how many there are at least.
        separator: what stands between them.
        header: whether the first line names them, and is left out.

    Raises:
        HarnessError: the file is not UTF-8, or a line has too few, named by its number from 1.
    """
    rows = [line.split(separator) for line in read_lines(path)]
    for number, row in enumerate(rows, start=1):
        if len(row) < least:
            raise HarnessError(
                f"{path.name}, line {number}: found {len(row)} columns; expected at least {least}"
            )
    return rows[1:] if header else rows


def read_conll(
    path: Path, columns: int, separator: str | None = None
) -> list[tuple[list[str], list[str]]]:
    """Sentences of a file with a word a line, its tag in the last column, blank lines between.

    Args:
        path: of the file.
        columns: how many there are; the first is the word.
        separator: between columns; any space if absent.

    Returns:
        Of each sentence its words and their tags, which are `O`, `B-...` or `I-...`.

    Raises:
        HarnessError: a line has another number of columns, or no tag in the last.
    """
    sentences: list[tuple[list[str], list[str]]] = [([], [])]
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            sentences.append(([], []))
            continue
        found = line.split(separator)
        where = f"{path.name}, line {number}"
        if len(found) != columns:
            raise HarnessError(f"{where}: found {len(found)} columns; expected {columns}")
        word, tag = found[0], found[-1].strip()
        if not is_tag(tag):
            raise HarnessError(f"{where}: found {tag!r}; expected a tag: O, B-... or I-...")
        words, tags = sentences[-1]
        words.append(word)
        tags.append(tag)
    return [sentence for sentence in sentences if sentence[0]]


def is_tag(value: object) -> bool:
    """Whether a value is a tag: `O`, `B-...` or `I-...`."""
    return isinstance(value, str) and (
        value == OUTSIDE or (value[:2] in ("B-", "I-") and len(value) > 2)
    )


def iob2(tags: Sequence[str]) -> list[str]:
    """Tags in IOB1, where `B-` only parts an entity from one of its type before it, in IOB2,
    where every entity begins with `B-`.

    Ramshaw and Marcus 1995; Tjong Kim Sang and Veenstra 1999.
    """
    converted = []
    before = OUTSIDE
    for tag in tags:
        begins = tag.startswith("I-") and before[2:] != tag[2:]
        converted.append(f"B-{tag[2:]}" if begins else tag)
        before = tag
    return converted
