"""Splits that do not lie: seeded, with the shares of the classes, whole groups, the latest last."""

from collections import Counter

import numpy as np
import pytest

from harness.own import duplicates
from harness.own.description import Cut
from harness.own.places import WHOLE
from harness.own.splits import Rows, divided
from harness.spec import HarnessError


def made(count=100, **by):
    return Rows(list(range(count)), [f"a.csv, row {n + 1}" for n in range(count)], **by)


def test_what_is_cut_off_has_the_shares_asked_for_and_is_the_same_each_time():
    labels = ["rare" if n % 20 == 0 else "common" for n in range(200)]
    rows = made(200, label=labels)
    found = divided({WHOLE: rows}, Cut(val=0.1, test=0.2))
    assert {name: len(part.examples) for name, part in found.items()} == {
        "train": 140, "val": 20, "test": 40,
    }  # fmt: skip
    assert sorted(n for part in found.values() for n in part.examples) == list(range(200))
    assert Counter(found["test"].label) == {"rare": 2, "common": 38}
    assert Counter(found["val"].label) == {"rare": 1, "common": 19}
    again = divided({WHOLE: rows}, Cut(val=0.1, test=0.2))
    assert again["test"].examples == found["test"].examples
    other = divided({WHOLE: rows}, Cut(val=0.1, test=0.2, seed=1))
    assert other["test"].examples != found["test"].examples


@pytest.mark.parametrize("labelled", [False, True])
def test_a_group_is_on_one_side(labelled):
    groups = [f"patient {n % 30}" for n in range(300)]
    labels = [n % 30 % 2 for n in range(300)] if labelled else None
    found = divided({WHOLE: made(300, group=groups, label=labels)}, Cut(val=0.1, test=0.2))
    sides = {name: set(part.group) for name, part in found.items()}
    assert not sides["train"] & sides["test"]
    assert not sides["train"] & sides["val"]
    assert not sides["val"] & sides["test"]
    assert 45 <= len(found["test"].examples) <= 75
    assert 20 <= len(found["val"].examples) <= 45


def test_the_latest_rows_are_the_test_and_those_of_one_time_stay_together():
    times = [n // 7 for n in range(100)]
    order = np.random.default_rng(0).permutation(100)
    found = divided({WHOLE: made(time=[times[n] for n in order])}, Cut(time="when"))
    latest = {name: (min(part.time), max(part.time)) for name, part in found.items()}
    assert latest["train"][1] < latest["val"][0] <= latest["val"][1] < latest["test"][0]


def test_splits_that_are_given_are_kept():
    given = {"train": made(20), "test": made(5), "other": made(3)}
    found = divided(given, Cut())
    assert len(found["test"].examples) == 5
    assert len(found["other"].examples) == 3
    assert len(found["val"].examples) == 2
    assert len(found["train"].examples) == 18


def test_a_column_says_the_split_of_each_row():
    column = ["training"] * 8 + ["dev"] * 2 + ["test"] * 3
    found = divided({WHOLE: made(13, split=column)}, Cut(split="fold"))
    assert found["val"].examples == [8, 9]
    assert found["test"].examples == [10, 11, 12]


LONG = "the quick brown fox jumps over the lazy dog while nobody looks at what it does there"


def test_texts_on_both_sides_are_counted():
    texts = {
        "train": [LONG, "Hello, world", "something else"],
        "val": ["another thing"],
        "test": ["hello world!", LONG.replace("there", "here"), LONG.upper(), "quite different"],
    }
    assert duplicates.counted(texts) == {
        "val": {"same": 0, "near": 0, "of": 1},
        "test": {"same": 2, "near": 1, "of": 4},
    }


def test_nearly_the_same_is_by_the_jaccard_index_of_three_words_in_a_row():
    random = np.random.default_rng(0)
    words = [f"w{n}" for n in range(1000)]
    train = [" ".join(random.choice(words, 40)) for _ in range(300)]

    def with_others(text, places):
        parts = text.split()
        return " ".join("new" if n in places else part for n, part in enumerate(parts))

    near = [with_others(text, {39}) for text in train]  # 37 of 39 shingles in common
    apart = [with_others(text, {5, 15, 25}) for text in train]  # 29 of 47
    found = duplicates.counted({"train": train, "val": near, "test": apart})
    assert found["val"]["near"] == 300
    assert found["test"]["near"] == 0


@pytest.mark.parametrize("by", [{}, {"label": [n % 3 for n in range(300)]},
                                {"group": [f"g{n % 30}" for n in range(300)]}])  # fmt: skip
def test_each_fold_is_cut_with_another_seed(by):
    parts = [divided({WHOLE: made(300, **by)}, Cut(fold=fold)) for fold in range(3)]
    tests = [tuple(part["test"].examples) for part in parts]
    assert len(set(tests)) == 3
    assert tests[0] == tuple(divided({WHOLE: made(300, **by)}, Cut())["test"].examples)


def test_folds_in_order_of_time_have_tests_that_follow_each_other():
    rows = made(time=list(range(100)))
    parts = [divided({WHOLE: rows}, Cut(time="when", fold=fold)) for fold in range(3)]
    assert [(min(p["test"].time), max(p["test"].time)) for p in parts] == [
        (90, 99), (80, 89), (70, 79),
    ]  # fmt: skip
    assert all(max(p["train"].time) < min(p["val"].time) < min(p["test"].time) for p in parts)
    assert len(parts[2]["train"].examples) == 60
    with pytest.raises(HarnessError, match=r"100 examples in all; expected more.*10 times"):
        divided({WHOLE: rows}, Cut(time="when", fold=9))
