"""What the constructors of all kinds are made of: a task from defaults, splits from examples."""

import difflib
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from harness.kinds import presets
from harness.spec import DataSpec, HarnessError, Kind, Prepared, Split, Task

SPLITS = ("train", "val", "test")
"""What every task has; others are further test splits."""
SHARE = 0.1
"""Of the training examples, what is cut off for a split that a person does not give."""
SEED = 0
GIVEN = ("name", "kind", "prepare")
"""Fields of a task that are no parts: its constructor has them already."""
ELSEWHERE = {"training": "train", "validation": "val", "valid": "val", "dev": "val",
             "testing": "test"}  # fmt: skip
"""What other places call the three splits: as further test splits they would be mistakes."""


def make_task(
    kind: Kind,
    name: str,
    prepare: Callable[..., Any],
    build: Callable[..., Prepared],
    options: Mapping[str, Any],
    defaults: Mapping[str, Any],
    parts: Mapping[str, Any],
) -> Task:
    """A task from a kind's defaults, each of which a person may replace.

    Args:
        kind: of the task.
        name: of the task.
        prepare: the person's own function, from files to examples.
        build: a function of the kind's module, called as `build(files, task=name, prepare=prepare,
            **options)`; its partial becomes `Task.prepare`, of which `harness.kinds.author` gives
            the person's function back.
        options: of the kind, by name.
        defaults: fields of `Task` by name.
        parts: fields of `Task` that take the place of defaults.

    Raises:
        HarnessError: a part that is no field of a task, or a `prepare` that cannot be called.
    """
    if not callable(prepare):
        raise HarnessError(
            f"task {name!r}: expected a function of files as prepare, found {prepare!r:.80}"
        )
    known = [field.name for field in fields(Task) if field.name not in GIVEN]
    for part in parts:
        if part not in known:
            close = difflib.get_close_matches(part, [*known, *options], n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"
            raise HarnessError(f"task {name!r}: a task of kind {kind!r} has no {part!r}; {hint}")
    options, parts = presets.applied(kind, name, options, parts)
    return Task(
        name=name,
        kind=kind,
        prepare=functools.partial(build, task=name, prepare=prepare, **options),
        **{**defaults, **parts},
    )


def cut_splits(
    task: str,
    returned: Any,
    expected: str,
    columns: Sequence[str] | None = None,
    read: Callable[[str, Any], Any] | None = None,
    strata: Callable[[Any], Any] | None = None,
    in_order: bool = False,
    look_back: int = 0,
) -> dict[str, Any]:
    """The splits of what a person's `prepare` returned: `train`, `val`, `test`, further ones.

    Those of validation and test that are missing are cut off training, a tenth for each, always
    the same examples. Examples are a list, an array or a table, one row each, or a tuple of such
    columns; a text if cut in order.

    Args:
        task: its name, for the errors.
        returned: examples by split, or the training examples alone.
        expected: what examples are, for the errors: `a list of (text, label)`.
        columns: what the columns of examples are called; `None` where examples are rows.
        read: receives task and split, for errors, and the examples of a split that was returned;
            returns what is cut. An error names rows as the person counts them: nothing is cut off
            yet.
        strata: receives examples, as `read` returns them, and returns the class of each: what is
            cut off has the shares of the classes, and each class keeps an example in training.
        in_order: whether the end is cut off, as of texts and series, and not examples at random.
        look_back: steps of the split before with which one that is cut off in order begins.

    Raises:
        HarnessError: a split is missing, empty, too small to be cut, of another shape, or called
            as other places call it.
    """
    splits = _by_split(task, returned, expected)
    for name, examples in splits.items():
        where = f"task {task!r}, {name}"
        if isinstance(examples, str) and not in_order:
            raise HarnessError(f"{where}: expected {expected}, found a text")
        examples = _checked(where, examples, expected, columns)
        splits[name] = examples if read is None else read(where, examples)
    missing = [name for name in ("val", "test") if name not in splits]
    if missing:
        train = splits["train"]
        count = _count(train)
        held_out = max(1, round(SHARE * count))
        if count <= held_out * len(missing):
            raise HarnessError(
                f"task {task!r}, train: {_examples(count)}; expected more, of which to cut off "
                f"{' and '.join(missing)}"
            )
        if in_order:
            splits |= _cut_in_order(train, missing, held_out, look_back)
        else:
            classes = np.zeros(count) if strata is None else np.asarray(strata(train))
            splits |= _cut_at_random(task, train, missing, held_out, classes)
    return {name: splits[name] for name in dict.fromkeys((*SPLITS, *splits))}


def gathered(spec: DataSpec, splits: Mapping[str, Split], assets: Mapping[str, Any]) -> Prepared:
    """What `Task.prepare` returns, from the arrays of `train`, `val`, `test` and further splits."""
    further = {name: split for name, split in splits.items() if name not in SPLITS}
    train, val, test = (splits[name] for name in SPLITS)
    return Prepared(spec, train, val, test, assets, further)


def _by_split(task: str, returned: Any, expected: str) -> dict[str, Any]:
    if isinstance(returned, Prepared):
        raise HarnessError(
            f"task {task!r}: prepare returned a Prepared; expected {expected}, by split or for "
            "training alone (a Prepared is for harness.Task itself)"
        )
    if not isinstance(returned, Mapping):
        return {"train": returned}
    for name in returned:
        if name in ELSEWHERE:
            raise HarnessError(
                f"task {task!r}: prepare returned a split {name!r}; expected {ELSEWHERE[name]!r}"
            )
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            raise HarnessError(
                f"task {task!r}: prepare returned a split {name!r}; expected identifiers: train, "
                "val, test, and any other for further test splits"
            )
    if "train" not in returned:
        found = ", ".join(map(repr, returned)) or "none"
        raise HarnessError(
            f"task {task!r}: prepare returned the splits {found}; expected 'train' among them"
        )
    return dict(returned)


def _checked(where: str, examples: Any, expected: str, columns: Sequence[str] | None) -> Any:
    """Examples of a shape that can be cut, or an error."""
    if columns is not None:
        if not isinstance(examples, tuple | list) or len(examples) != len(columns):
            raise HarnessError(f"{where}: expected {expected}, found {_shape(examples)}")
        examples = tuple(
            _rows(f"{where}, {name}", column, expected)
            for name, column in zip(columns, examples, strict=True)
        )
        counts = [len(column) for column in examples]
        if len(set(counts)) > 1:
            found = " and ".join(f"{n:,} {name}" for n, name in zip(counts, columns, strict=True))
            raise HarnessError(f"{where}: {found}; expected as many of each")
    else:
        examples = _rows(where, examples, expected)
    if _count(examples) == 0:
        raise HarnessError(f"{where}: no examples; expected at least one")
    return examples


def _rows(where: str, examples: Any, expected: str) -> Any:
    if isinstance(examples, Mapping | bytes) or not hasattr(examples, "__iter__"):
        raise HarnessError(f"{where}: expected {expected}, found {_shape(examples)}")
    if getattr(examples, "shape", None) == ():
        raise HarnessError(f"{where}: expected {expected}, found {_shape(examples)}")
    if isinstance(examples, tuple) or not hasattr(examples, "__getitem__"):
        return list(examples)  # of a generator, too
    return examples


def _shape(examples: Any) -> str:
    """What a value is, in a few words."""
    shape = getattr(examples, "shape", None)
    if shape is not None:
        return f"{type(examples).__name__} of shape {tuple(shape)}"
    if isinstance(examples, tuple | list):
        return f"a {type(examples).__name__} of {len(examples):,}"
    if examples is None or isinstance(examples, int | float):
        return repr(examples)
    return f"a {type(examples).__name__}"


def _count(examples: Any) -> int:
    return len(examples[0]) if isinstance(examples, tuple) else len(examples)


def _examples(count: int) -> str:
    return f"{count:,} example{'s' if count != 1 else ''}"


def _cut_in_order(train: Any, missing: Sequence[str], held_out: int, look_back: int) -> Any:
    count = _count(train)
    edges = [count - held_out * place for place in range(len(missing), -1, -1)]
    if isinstance(train, str):  # between words
        edges = [_behind_space(train, edge) for edge in edges]
    splits = {"train": _chosen(train, slice(0, edges[0]))}
    for name, first, last in zip(missing, edges[:-1], edges[1:], strict=True):
        splits[name] = _chosen(train, slice(max(0, first - look_back), last))
    return splits


def _behind_space(text: str, place: int) -> int:
    """The first place from `place` on that stands behind a space; `place` if there is none."""
    found = re.compile(r"\s").search(text, max(0, place - 1))
    return found.end() if found and found.end() < len(text) else place


def _cut_at_random(
    task: str, train: Any, missing: Sequence[str], held_out: int, classes: np.ndarray
) -> Any:
    """Cuts evenly spaced places of the shuffled examples, ordered by class."""
    shuffled = np.random.default_rng(SEED).permutation(len(classes))
    _, numbers = np.unique(classes, return_inverse=True)
    order = shuffled[np.argsort(numbers[shuffled], kind="stable")]
    first = np.unique(numbers[order], return_index=True)[1]
    candidates = np.delete(order, first)  # one of each class stays
    total = held_out * len(missing)
    if total > len(candidates):
        raise HarnessError(
            f"task {task!r}, train: {_examples(len(classes))} of {len(first):,} classes; expected "
            f"more, of which to cut off {' and '.join(missing)}"
        )
    places = ((np.arange(total) + 0.5) * len(candidates) / total).astype("int64")
    cut = candidates[places]
    splits = {"train": _chosen(train, np.setdiff1d(np.arange(len(classes)), cut))}
    for number, name in enumerate(missing):
        splits[name] = _chosen(train, np.sort(cut[number :: len(missing)]))
    return splits


def _chosen(examples: Any, rows: Any) -> Any:
    """The examples of these numbers, or of a slice."""
    if isinstance(examples, tuple):
        return tuple(_chosen(column, rows) for column in examples)
    if hasattr(examples, "iloc"):  # of pandas
        return examples.iloc[rows]
    if isinstance(rows, slice) or isinstance(examples, np.ndarray):
        return examples[rows]
    return [examples[row] for row in rows]
