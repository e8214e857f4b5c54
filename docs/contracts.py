"""Shows the docstrings of `harness.kinds` as they are meant: terms with what they stand for."""

import re
import textwrap

import griffe

_TERM = re.compile(r"^(\S.*[^\s.])\n((?:    .*(?:\n|$))+)", re.MULTILINE)
_NAME = re.compile(r"^(?=`\w+`: )", re.MULTILINE)


class Contracts(griffe.Extension):
    """Makes Markdown of the docstrings of modules."""

    def on_module(self, *, mod: griffe.Module, **_: object) -> None:
        """Rewrites one, where the module is that of a kind."""
        if mod.docstring and mod.path.startswith("harness.kinds."):
            mod.docstring.value = markdown(mod.docstring.value)


def markdown(docstring: str) -> str:
    """A docstring with its terms as a definition list, and its example as code.

    A term is a line of its own with indented lines right below it. These are a list where each
    begins with a name: between backticks and before a colon, or in a column of its own.
    """
    terms, example, code = docstring.partition("\nExample:\n")
    text = _TERM.sub(lambda found: _definition(found[1], textwrap.dedent(found[2])), terms)
    if example:
        text += f"\n\n**Example**\n\n```python\n{textwrap.dedent(code).strip()}\n```\n"
    return text


def _definition(term: str, lines: str) -> str:
    if re.match(r"\w+(, \w+)*  +\S", lines):
        lines = re.sub(r"\n +", " ", lines)
        lines = re.sub(r"^(\w+(?:, \w+)*)(  +|$)", _item, lines, flags=re.MULTILINE)
    elif len(_NAME.findall(lines)) > 1:
        lines = _NAME.sub("\n- ", re.sub(r"\n(?!`\w+`: )", " ", lines))
    return f"\n{term}\n:   {textwrap.indent(lines.strip(), '    ').strip()}\n\n"


def _item(found: re.Match[str]) -> str:
    names = ", ".join(f"`{name}`" for name in found[1].split(", "))
    return f"- {names}{': ' if found[2] else ''}"
