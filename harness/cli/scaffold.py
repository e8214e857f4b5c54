"""Starts a task or an architecture of one's own: one file from a template, and a sweep for it."""

import importlib
import importlib.resources
import json
import keyword
import symtable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness import registry
from harness.journal.folder import ARTIFACTS
from harness.kinds import KINDS
from harness.spec import HarnessError, Kind
from harness.system.text import quoted

Noun = Literal["task", "space"]


@dataclass(frozen=True)
class _Companions:
    """What a sweep of about a minute on two cores takes beside something new of a kind."""

    spaces: tuple[str, ...]
    """Architectures for a new task, the simple one first."""
    budget: Mapping[str, float]
    task: str
    """One for a new architecture; it needs no download."""
    task_budget: Mapping[str, float]
    """What differs on it."""


_FIVE, _FOUR = {"trials": 2, "epochs": 5}, {"trials": 2, "epochs": 4}
_KINDS: dict[Kind, _Companions] = {
    "image_classification": _Companions(("mlp", "cnn"), _FIVE, "digits", {}),
    "language_modeling": _Companions(
        ("simple_rnn", "gru"), {"trials": 2, "epochs": 1}, "python_docs",
        {"trials": 1, "train_fraction": 0.2},
    ),
    "masked_language_modeling": _Companions(("bert",), _FIVE, "python_docs_mlm",
                                            {"epochs": 1, "train_fraction": 0.2}),
    "sentence_similarity": _Companions(("text_cnn", "lstm"), _FOUR, "number_closeness", {}),
    "sequence_regression": _Companions(("simple_rnn", "gru"), _FIVE, "adding_short", {}),
    "text_classification": _Companions(("text_cnn", "lstm"), _FOUR, "python_docs_topics", {}),
    "time_series_forecasting": _Companions(("simple_rnn", "tcn"), _FIVE, "mackey_glass", {}),
    "token_classification": _Companions(("text_cnn", "lstm"), _FOUR, "python_docs_code", {}),
    "translation": _Companions(("seq2seq", "attention_seq2seq"), {"trials": 1, "epochs": 2},
                               "number_words", {"epochs": 1}),
}  # fmt: skip
_SPACES: dict[Kind, str] = {
    "language_modeling": "sequence",
    "time_series_forecasting": "sequence",
    "sequence_regression": "sequence",
    "text_classification": "text",
    "token_classification": "text",
    "sentence_similarity": "text",
}
"""Templates of architectures that several kinds share; others are called like their kind."""


@dataclass(frozen=True)
class Started:
    """What was written."""

    file: Path
    sweep: Path
    shipped: bool
    """Whether the file is in a folder of the harness itself, where no sweep need name it."""


def write_new(noun: Noun, name: str, kind: str | None, folder: Path) -> Started:
    """Writes a complete example of a task or a space under a new name, and a sweep file for it.

    Args:
        noun: what is begun.
        name: of the task or the space, of its variable and of both files.
        kind: of the task, or of the tasks that the space is for.
        folder: where the files go; made if need be. The sweep of a file in a folder of the harness
            goes to the current folder.

    Raises:
        HarnessError: there is no such kind; the name is taken, or cannot be that of a task or a
            space, of a variable or of a sweep; there is such a file; or it cannot be written.
    """
    known_kind = _kind(kind)
    _check_name(noun, name)
    shipped = any(_same(folder, Path(place)) for place in _folders(noun))
    sweeps = Path() if shipped else folder
    started = Started(folder / f"{name}.py", sweeps / f"{name}.toml", shipped)
    _check_free(noun, name, (folder, sweeps))
    example = _template(noun, known_kind)
    if name in _used(example):
        raise HarnessError(f"name {name!r}: the example has another use for it; try my_{name}")
    text = example.replace("NAME", name).replace("KIND", known_kind)
    question = _question(noun, name, known_kind, () if shipped else (started.file.name,))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"--to {folder}: cannot be made ({error.strerror})") from None
    _write(started.file, text)
    try:
        _write(started.sweep, question)
    except HarnessError:
        started.file.unlink()
        raise
    return started


def _kind(kind: str | None) -> Kind:
    if kind is None:
        raise HarnessError(f"--kind: missing; expected one of {', '.join(KINDS)}")
    if kind not in KINDS:
        raise HarnessError(f"--kind {quoted(kind)}: {registry.suggestion(kind, KINDS)}")
    return next(known for known in KINDS if known == kind)


def _check_name(noun: Noun, name: str) -> None:
    if not (registry.allowed(name) and name.isidentifier()) or keyword.iskeyword(name):
        raise HarnessError(
            f"name {quoted(repr(name))}: expected a Python name of at most "
            f"{registry.LONGEST_NAME} plain letters, digits and '_', such as my_{noun}"
        )
    if name.lower() == ARTIFACTS:
        raise HarnessError(f"name {name!r}: no sweep can be called so; try my_{name}")
    known = registry.tasks() if noun == "task" else registry.spaces()
    for other in known:
        if other.casefold() == name.casefold():  # the same file where cases are not told apart
            raise HarnessError(f"{noun} {other!r} exists already")


def _check_free(noun: Noun, name: str, folders: tuple[Path, ...]) -> None:
    """Nothing is written over, nor beside what would be the same file elsewhere."""
    for folder in dict.fromkeys(folders):
        if folder.exists() and not folder.is_dir():
            raise HarnessError(f"--to {folder}: expected a folder")
        for path in folder.iterdir() if folder.exists() else ():
            if path.name.casefold() in (f"{name}.py".casefold(), f"{name}.toml".casefold()):
                raise HarnessError(f"{path} exists already; expected another name for the {noun}")


def _template(noun: Noun, kind: Kind) -> str:
    folder = importlib.resources.files("harness.cli") / "templates" / f"{noun}s"
    file = _SPACES.get(kind, kind) if noun == "space" else kind
    return (folder / f"{file}.py.txt").read_text(encoding="utf-8")


def _question(noun: Noun, name: str, kind: Kind, plugins: tuple[str, ...]) -> str:
    """The text of a sweep file."""
    beside = _KINDS[kind]
    task = name if noun == "task" else beside.task
    spaces = beside.spaces if noun == "task" else (name, beside.spaces[0])
    budget = beside.budget if noun == "task" else {**beside.budget, **beside.task_budget}
    named = f"plugins = {_array(plugins)}  # relative to this file\n" if plugins else ""
    limits = "".join(f"{limit} = {value:g}\n" for limit, value in budget.items())
    return (
        "# About a minute on two cores\n"
        f'name = "{name}"\n{named}tasks = {_array((task,))}\n'
        f'spaces = {_array(spaces)}  # or "all": every architecture that fits\n'
        "seeds = 2\n\n"
        f"[budget]  # for each architecture\n{limits}"
    )


def _array(names: tuple[str, ...]) -> str:
    return json.dumps(list(names))


def _folders(noun: Noun) -> list[str]:
    """Where the harness itself has what is of this noun."""
    package = "harness.tasks" if noun == "task" else "harness.search_spaces"
    return list(importlib.import_module(package).__path__)


def _same(folder: Path, other: Path) -> bool:
    return folder.resolve() == other.resolve()


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written ({error.strerror})") from None


def _used(text: str) -> set[str]:
    """Names that the text of a module gives to its own, and those that it takes from outside."""
    tables = [symtable.symtable(text, "example", "exec")]
    names: set[str] = set()
    for table in tables:
        tables += table.get_children()
        names.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    return names - {"NAME"}
