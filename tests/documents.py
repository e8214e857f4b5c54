"""Reads the documents: their code blocks, commands and tables."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "pages"
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(PAGES.rglob("*.md")),
    ROOT / "benchmarks/README.md",
]
_BLOCK = re.compile(r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```",
                    re.DOTALL | re.MULTILINE)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: Path
    language: str
    title: str | None
    """Name of the file that the block is, where it is a complete one."""
    text: str

    def __str__(self) -> str:
        return f"{self.document.stem}-{self.title}"


def blocks(document: Path) -> list[Block]:
    """All fenced blocks, in order."""
    found = _BLOCK.finditer(document.read_text(encoding="utf-8"))
    return [Block(document, m["language"], m["title"], m["text"]) for m in found]


def files(language: str) -> list[Block]:
    """The blocks of all pages that are complete files."""
    return [block for page in DOCUMENTS for block in blocks(page)
            if block.language == language and block.title]  # fmt: skip


def commands(document: Path) -> Iterator[list[str]]:
    """Words of each `harness ...` in code blocks without a language and between backticks."""
    text = document.read_text(encoding="utf-8")
    lines = [line for block in blocks(document) if not block.language
             for line in re.split(r"\n|&&", block.text)]  # fmt: skip
    prose = _BLOCK.sub("", text)
    lines += re.findall(r"`(harness [^`\n]+)`", prose)
    for line in lines:
        if line.strip().startswith("harness "):
            yield shlex.split(line.split(" #")[0])[1:]


def tables(document: Path) -> Iterator[list[dict[str, str]]]:
    """Rows of each table, by the heads of its columns."""
    text = _BLOCK.sub("", document.read_text(encoding="utf-8"))
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line.strip()[1:-1]) for line in table.splitlines()]
        head, _, *rows = [[cell.strip() for cell in line] for line in lines]
        yield [dict(zip(head, row, strict=True)) for row in rows]
