"""Which examples are for training, for validation and for the test: as files say, or cut here.

What is cut is the same each time (a seed), has the shares of the classes, keeps all rows of a group
on one side, or is the latest where a column of times is named.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.own.description import Cut
from harness.own.places import WHOLE, standard_split
from harness.spec import HarnessError
from harness.system.text import counted

_TRIES = 20
"""Ways to part groups at random, of which the one is taken whose size is nearest."""
FEWEST = 2
"""Examples of a class: one in training, one to be judged."""


@dataclass(frozen=True)
class Rows:
    """The examples of a file or a split, and all by which they may be split."""

    examples: Sequence[Any]
    places: Sequence[str]
    """Where each stands, for errors: `reviews.csv, row 7`."""
    label: Sequence[Hashable] | None = None
    """The class of each, where there are classes."""
    label_place: str = ""
    """Where labels stand: `, column 'label'`."""
    group: Sequence[str] | None = None
    time: Sequence[Any] | None = None
    split: Sequence[str] | None = None
    texts: Sequence[str] | None = None
    """What is compared between splits, if it can be."""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def chosen(self, rows: Sequence[int]) -> "Rows":
        """The rows of these numbers."""

        def of(column: Sequence[Any] | None) -> list[Any] | None:
            return None if column is None else [column[row] for row in rows]

        return replace(
            self, examples=of(self.examples) or [], places=of(self.places) or [],
            label=of(self.label), group=of(self.group), time=of(self.time),
            split=of(self.split), texts=of(self.texts),
        )  # fmt: skip


def divided(parts: Mapping[str, Rows], cut: Cut) -> dict[str, Rows]:
    """Rows by split: `train`, `val`, `test` and those that files name beside them.

    Args:
        parts: rows of each split that files name; or of `WHOLE`, to be cut.
        cut: how.

    Raises:
        HarnessError: there is nothing to cut off, a class has a single example, a label occurs in
            no training example, or a column says something else than splits.
    """
    if WHOLE in parts:
        whole = parts[WHOLE]
        parts = _by_column(whole) if whole.split is not None else {"train": whole}
    found = dict(parts)
    missing = [name for name in ("val", "test") if name not in found]
    if missing:
        shares = {name: getattr(cut, name) for name in missing}
        found = {**_cut(found["train"], shares, cut), **{k: v for k, v in found.items()
                                                        if k != "train"}}  # fmt: skip
    _check_labels(found)
    return {name: found[name] for name in dict.fromkeys(("train", "val", "test", *found))}


def _by_column(rows: Rows) -> dict[str, Rows]:
    assert rows.split is not None
    numbers: dict[str, list[int]] = {}
    for row, value in enumerate(rows.split):
        name = standard_split(value)
        if name is None:
            raise HarnessError(
                f"{rows.places[row]}: split {value!r:.40}; expected train, val or test"
            )
        numbers.setdefault(name, []).append(row)
    if "train" not in numbers:
        raise HarnessError(f"{rows.places[0]}: no row is of the split train; expected some")
    return {name: rows.chosen(found) for name, found in numbers.items()}


def _cut(rows: Rows, shares: Mapping[str, float], cut: Cut) -> dict[str, Rows]:
    count = len(rows.examples)
    held_out = {name: max(1, round(share * count)) for name, share in shares.items()}
    later = cut.fold * held_out["test"] if cut.time is not None and cut.fold else 0
    if sum(held_out.values()) + later >= count:
        splits = f" {cut.fold + 1} times" if later else ""
        raise HarnessError(
            f"{rows.places[0]}: {counted(count, 'example')} in all; expected more, of which to "
            f"cut off {' and '.join(shares)}{splits}"
        )
    if cut.time is None and rows.group is None:
        _check_classes(rows)
    if cut.time is not None:
        numbers = latest(rows.time or (), held_out, later)
    elif rows.group is not None:
        numbers = _whole_groups(rows, held_out, cut)
    else:
        numbers = _at_random(rows, held_out, cut.randomness)
    return {name: rows.chosen(found) for name, found in numbers.items()}


def _check_classes(rows: Rows) -> None:
    """Refuses a class of one example, which could be learned or judged, not both."""
    if rows.label is None:
        return
    for label, count in Counter(rows.label).items():
        if count < FEWEST and len(set(rows.label)) > 1:
            place = rows.places[list(rows.label).index(label)]
            raise HarnessError(
                f"{place}{rows.label_place}: the only example of class {label!r}; expected "
                f"{FEWEST} or more of each"
            )


def _at_random(rows: Rows, held_out: Mapping[str, int], seed: int) -> dict[str, list[int]]:
    """Evenly spaced places of the shuffled rows, ordered by class; each class keeps one."""
    count = len(rows.examples)
    shuffled = np.random.default_rng(seed).permutation(count)
    _, classes = np.unique(np.asarray(rows.label or [0] * count), return_inverse=True)
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    first = np.unique(classes[order], return_index=True)[1]
    candidates = np.delete(order, first)
    total = sum(held_out.values())
    if total > len(candidates):
        raise HarnessError(
            f"{rows.places[0]}: {count:,} examples of {len(first):,} classes; expected more, of "
            f"which to cut off {' and '.join(held_out)}"
        )
    places = ((np.arange(total) + 0.5) * len(candidates) / total).astype("int64")
    cut = np.random.default_rng(seed + 1).permutation(candidates[places])
    found = {"train": np.setdiff1d(np.arange(count), cut).tolist()}
    edges = np.cumsum(list(held_out.values()))
    for name, part in zip(held_out, np.split(_spread(cut, rows), edges[:-1]), strict=True):
        found[name] = np.sort(part).tolist()
    return found


def _spread(cut: np.ndarray, rows: Rows) -> np.ndarray:
    """What is cut off, so that each piece of it has the shares of the classes."""
    if rows.label is None:
        return cut
    counts: Counter[Hashable] = Counter()
    total = Counter(rows.label[row] for row in cut)
    keys = []
    for row in cut.tolist():
        label = rows.label[row]
        keys.append((counts[label] + 0.5) / total[label])
        counts[label] += 1
    return cut[np.argsort(keys, kind="stable")]


def latest(
    times: Sequence[Any], held_out: Mapping[str, int], later: int = 0
) -> dict[str, list[int]]:
    """The latest rows for the test, those before them for validation; rows of one time are on one
    side. So many of the very latest are left out."""
    order = sorted(range(len(times)), key=lambda row: times[row])[: len(times) - later]
    found: dict[str, list[int]] = {}
    end = len(order)
    for name in sorted(held_out, key=("train", "val", "test").index, reverse=True):
        start = max(1, end - held_out[name])
        while start > 1 and times[order[start]] == times[order[start - 1]]:
            start -= 1
        found[name] = sorted(order[start:end])
        end = start
    return {"train": sorted(order[:end]), **found}


def _whole_groups(rows: Rows, held_out: Mapping[str, int], cut: Cut) -> dict[str, list[int]]:
    """Whole groups, by scikit-learn: with about the shares of the classes where there are any."""
    from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

    groups = np.asarray(rows.group)
    labels = np.asarray(rows.label if rows.label is not None else [0] * len(groups))
    left = np.arange(len(groups))
    found: dict[str, list[int]] = {}
    for name, wanted in sorted(held_out.items()):
        pieces = max(2, round(len(left) / wanted))
        known = len(set(groups[left]))
        if known <= len(held_out) - len(found):
            raise HarnessError(
                f"{rows.places[0]}: {known} groups; expected more, of which to cut off "
                f"{' and '.join(held_out)}"
            )
        pieces = min(pieces, known)
        folds: Any = (
            StratifiedGroupKFold(pieces, shuffle=True, random_state=cut.randomness)
            if rows.label is not None and min(Counter(labels[left]).values()) >= pieces
            else GroupShuffleSplit(_TRIES, test_size=1 / pieces, random_state=cut.randomness)
        )
        kept, taken = min(
            folds.split(left, labels[left], groups[left]),
            key=lambda fold: abs(len(fold[1]) - wanted) if len(fold[1]) else len(left),
        )
        found[name] = left[taken].tolist()
        left = left[kept]
    return {"train": left.tolist(), **found}


def _check_labels(parts: Mapping[str, Rows]) -> None:
    """Refuses labels that occur in no training example."""
    train = parts["train"]
    if train.label is None:
        return
    known = set(train.label)
    if len(known) < 2:
        raise HarnessError(
            f"{train.places[0].partition(',')[0]}{train.label_place}: one class alone, "
            f"{next(iter(known))!r}; expected two or more"
        )
    for name, rows in parts.items():
        for row, label in enumerate(rows.label or ()):
            if label not in known:
                raise HarnessError(
                    f"{rows.places[row]}{rows.label_place}: label {label!r} is of {name} alone; "
                    "expected one that occurs in training"
                )
