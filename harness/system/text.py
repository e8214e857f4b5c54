"""Words for a terminal: text from data as one line, numbers of things."""

_JOINERS = "\u200c\u200d"
"""Parts of words in Persian, Hindi and others, which say whether letters are joined."""


def one_line(text: str) -> str:
    """The text with every run of white space, line breaks included, as one space.

    What cannot be printed, such as the control characters that a terminal obeys, becomes �.
    """
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() or c in _JOINERS else "�" for c in line)


def quoted(text: str, longest: int = 200) -> str:
    """The text as one line of bounded length, for messages that repeat what they were given."""
    line = one_line(text)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def counted(count: int, noun: str) -> str:
    """`1 seed`, `3 seeds`, `1,000 seeds`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
