"""Which code a task's data is made by: the modules and libraries that prepared it."""

import ast
import functools
import importlib.metadata
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.data.ingredients import (
    Ingredients,
    file_digest,
    folder_digest,
    installed_version,
    module_digest,
)
from harness.data.reads import INSTALLED, Reads, module_file

_PARTS = ("harness.kinds.", "harness.own.", "harness.tasks.")
"""How the names of those modules of the harness begin that data is made by, where they are used."""


def gathered(
    module: ModuleType, prepare: Callable[..., Any], before: Iterable[str], reads: Reads
) -> Ingredients:
    """What a task's data was made from, looked up in the process that has prepared it.

    Args:
        module: the one that defines the task.
        prepare: of the task.
        before: names of the modules that were there before that one was imported.
        reads: what was read meanwhile.
    """
    top = module.__name__.partition(".")[0]
    new = {name for name in set(sys.modules) - set(before) if _is_own(name, top)}
    modules, imported = _reachable({module.__name__, *_functions(prepare), *new}, top)
    return Ingredients(
        modules=_digests(((name, name) for name in sorted(modules)), module_digest),
        packages=_versions(name for name in imported if _is_library(name, top)),
        files=_digests(reads.files(), file_digest),
        folders=_digests(reads.folders(), folder_digest),
    )


def _digests(named: Iterable[tuple[str, Any]], of: Callable[[Any], str | None]) -> dict[str, str]:
    return {name: digest for name, thing in named if (digest := of(thing)) is not None}


def _functions(prepare: Any) -> Iterator[str]:
    """The modules of all functions that a task's `prepare` is made of."""
    if isinstance(prepare, functools.partial):
        for part in (prepare.func, *prepare.args, *prepare.keywords.values()):
            if callable(part):
                yield from _functions(part)
        return
    inner = inspect.unwrap(prepare)
    yield from (str(f.__module__) for f in (prepare, inner) if getattr(f, "__module__", None))


def _reachable(starts: Iterable[str], top: str) -> tuple[set[str], set[str]]:
    """Modules that are the author's own or of the kinds and that these import, one from the other;
    and the first parts of the names of all that they import."""
    found: set[str] = set()
    imported: set[str] = set()
    ahead = [*starts]
    while ahead:
        name = ahead.pop()
        if name in found or not (_is_own(name, top) or name.startswith(_PARTS)):
            continue
        found.add(name)
        names = _imports(name)
        imported |= {other.partition(".")[0] for other in names}
        ahead += names
    return found, imported


def _imports(name: str) -> set[str]:
    """The modules that the source of a module imports, anywhere in it, and that are imported."""
    path = module_file(name)
    if path is None or not path.endswith(".py"):
        return set()
    package = name if Path(path).stem == "__init__" else name.rpartition(".")[0]
    names: set[str] = set()
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):  # it has changed since it was imported
        return set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    parents = {".".join(n.split(".")[:i]) for n in names for i in range(1, n.count(".") + 1)}
    return {n for n in names | parents if n in sys.modules}


def _is_own(name: str, top: str) -> bool:
    """Whether a module is of the author of a task, whose modules' names begin with `top`."""
    return _owner(name, top) == "author"


def _is_library(name: str, top: str) -> bool:
    return _owner(name, top) == "library"


def _owner(name: str, top: str) -> str | None:
    """Whose a module is: `author`, `library`, or `None` for Python's and the harness's own."""
    file, first = module_file(name), name.partition(".")[0]
    if file is None or first in ("harness", "__main__", "__mp_main__"):
        return None
    path = Path(file)
    if any(part in INSTALLED for part in path.parts):
        same = first == top or _distributions(first) & _distributions(top)
        return "author" if same else "library"
    standard = any(path.is_relative_to(place) for place in _standard_library())
    return None if standard else "author"


@functools.cache
def _standard_library() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return paths["stdlib"], paths["platstdlib"]


@functools.cache
def _tops() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _distributions(top: str) -> set[str]:
    return set(_tops().get(top, ()))


def _versions(tops: Iterable[str]) -> dict[str, str]:
    names = {name for top in tops for name in _distributions(top)}
    return {name: version for name in sorted(names) if (version := installed_version(name))}
