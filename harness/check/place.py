"""Where in a person's own code something stands: `mine.py:12`."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import cause, registry
from harness.kinds import author
from harness.spec import SearchSpace, Task


def of_function(function: Callable[..., Any], noun: Task | SearchSpace) -> str:
    """Where a function of a task or an architecture begins.

    Where it is the harness's own or a library's, it is not at fault: then where `noun` is defined.
    """
    code = getattr(author(function), "__code__", None)
    if code is not None and cause.own_file(code.co_filename):
        return f"{cause.short(Path(code.co_filename))}:{code.co_firstlineno}"
    return of_noun(noun)


def of_noun(noun: Task | SearchSpace) -> str:
    """Where a registered task or architecture is given its name, or the file that it is in; empty
    for one that was made up."""
    try:
        module = sys.modules.get(registry.origin(noun).module)
    except KeyError:
        return ""
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return ""
    names = {name for name, value in vars(module).items() if value is noun}
    try:
        body = ast.parse(Path(file).read_bytes()).body
    except (OSError, ValueError, SyntaxError):  # it has changed since it was imported
        body = []
    for statement in body:
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        if any(isinstance(target, ast.Name) and target.id in names for target in targets):
            return f"{cause.short(Path(file))}:{statement.lineno}"
    return cause.short(Path(file))
