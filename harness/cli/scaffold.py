"""Starts a task or an architecture of one's own from a template."""

import importlib
import importlib.resources
import keyword
import symtable
from pathlib import Path

from harness import registry
from harness.spec import HarnessError
from harness.system.text import quoted


def write_new(noun: str, name: str) -> Path:
    """Writes a complete example of a task or a space under a new name.

    Raises:
        HarnessError: the name is taken, or cannot be that of a task or a space and of a variable.
    """
    package, known = (
        ("harness.tasks", registry.tasks())
        if noun == "task"
        else ("harness.search_spaces", registry.spaces())
    )
    if not (registry.allowed(name) and name.isidentifier()) or keyword.iskeyword(name):
        raise HarnessError(
            f"name {quoted(repr(name))}: expected a Python name of at most "
            f"{registry.LONGEST_NAME} plain letters, digits and '_', such as my_{noun}"
        )
    folder = Path(importlib.import_module(package).__path__[0])
    for other in (*known, *(path.stem for path in folder.iterdir())):
        if other.casefold() == name.casefold():  # the same file where cases are not told apart
            raise HarnessError(f"{noun} {other!r} exists already")
    template = importlib.resources.files("harness.cli") / "templates" / f"{noun}.py.txt"
    text = template.read_text(encoding="utf-8")
    if name in _used(text):
        raise HarnessError(f"name {name!r}: the example has another use for it; try my_{name}")
    path = folder / f"{name}.py"
    try:
        path.write_text(text.replace("NAME", name), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _used(text: str) -> set[str]:
    """Names that the text of a module gives to its own, and those that it takes from outside."""
    tables = [symtable.symtable(text, "example", "exec")]
    names: set[str] = set()
    for table in tables:
        tables += table.get_children()
        names.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    return names - {"NAME"}
