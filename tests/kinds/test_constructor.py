"""What the constructors of all kinds are made of."""

import functools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from harness import kinds
from harness.kinds.constructor import cut_splits, make_task
from harness.spec import HarnessError, Objective, Prepared

PAIRS = "a list of (text, label)"
COLUMNS = ("images", "labels")
DEFAULTS = {
    "objective": Objective("accuracy", "max"),
    "compile_args": dict,
    "score": max,
    "baseline": dict,
}


def build(files, task, prepare, longest):
    return task, prepare(files), longest


build.__module__ = "harness.kinds.somewhere"


def read(files):
    return files["file"]


def cut(returned, expected="examples", **options):
    return cut_splits("t", returned, expected, **options)


def refusal(returned, expected="examples", **options):
    with pytest.raises(HarnessError) as error:
        cut(returned, expected, **options)
    return str(error.value)


# --- kinds ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_each_kind_has_a_module(kind):
    assert kinds.of(kind).__name__ == f"harness.kinds.{kind}"


def test_a_kind_without_a_module_is_named():
    with pytest.raises(HarnessError, match="'summarization'; expected one of image_class"):
        kinds.of("summarization")


def test_importing_a_kind_loads_no_framework():
    modules = " ".join(f"import harness.kinds.{kind};" for kind in kinds.KINDS)
    code = f"import sys; {modules} print(*{{'keras', 'tensorflow', 'jax'}} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


# --- tasks ----------------------------------------------------------------------


def test_a_task_is_made_of_defaults_and_parts():
    made = make_task(
        "translation", "t", read, build, {"longest": 5}, DEFAULTS, {"score": min, "licence": "MIT"}
    )
    assert (made.name, made.kind, made.score, made.licence) == ("t", "translation", min, "MIT")
    assert made.baseline is dict
    assert made.prepare({"file": 3}) == ("t", 3, 5)


def test_the_author_of_a_task_is_found():
    partial = functools.partial(functools.partial(read), {"file": 1})
    wrapped = functools.wraps(read)(lambda files: read(files))
    for prepare in (read, partial, wrapped, functools.partial(wrapped)):
        made = make_task("translation", "t", prepare, build, {"longest": 5}, DEFAULTS, {})
        assert kinds.author(made.prepare) is read
        assert kinds.author(prepare) is read


def test_a_partial_of_ones_own_may_have_an_argument_called_prepare():
    own = functools.partial(read, prepare=len)
    assert kinds.author(own) is read


@pytest.mark.parametrize(
    "part, hint",
    [
        ("scor", "did you mean 'score'?"),
        ("longst", "did you mean 'longest'?"),
        ("kind", "expected one of"),
        ("xyz", "expected one of objective, compile_args"),
    ],
)
def test_an_unknown_part_is_named(part, hint):
    with pytest.raises(HarnessError) as error:
        make_task("translation", "t", read, build, {"longest": 5}, DEFAULTS, {part: 1})
    assert f"task 't': a task of kind 'translation' has no {part!r}" in str(error.value)
    assert hint in str(error.value)


def test_prepare_must_be_a_function():
    with pytest.raises(HarnessError, match="expected a function of files as prepare, found 'a'"):
        make_task("translation", "t", "a", build, {}, DEFAULTS, {})


# --- splits ---------------------------------------------------------------------


def test_splits_that_are_given_stay():
    given = {"train": ["a", "b"], "later": ["e"], "test": ["d"], "val": ["c"]}
    assert cut(given) == given
    assert list(cut(given)) == ["train", "val", "test", "later"]


@pytest.mark.parametrize(
    "convert", [list, tuple, np.array, pd.Series, lambda numbers: (n for n in numbers)]
)
def test_missing_splits_are_a_tenth_each_of_training(convert):
    splits = cut(convert(range(50)))
    assert [len(part) for part in splits.values()] == [40, 5, 5]
    assert sorted(n for part in splits.values() for n in part) == list(range(50))
    for part in splits.values():
        assert list(part) == sorted(part)
    again = cut(list(range(50)))
    assert all(list(again[name]) == list(part) for name, part in splits.items())


def test_only_what_is_missing_is_cut():
    splits = cut({"train": list(range(20)), "test": [100]})
    assert (len(splits["train"]), len(splits["val"]), splits["test"]) == (18, 2, [100])


def test_columns_are_cut_together():
    images, labels = np.arange(40)[:, None], [str(n) for n in range(40)]
    for part in cut((images, labels), columns=COLUMNS).values():
        assert [str(n) for n in part[0][:, 0]] == part[1]


def test_what_is_cut_off_has_the_shares_of_the_classes():
    labels = np.array([0] * 80 + [1] * 20)
    splits = cut(labels, strata=lambda part: part)
    for name in ("val", "test"):
        assert np.bincount(splits[name]).tolist() == [8, 2]


def test_each_class_keeps_an_example_in_training():
    labels = ["a"] * 9 + ["b", "c", "d"]
    assert set(cut(labels, strata=lambda part: part)["train"]) == {"a", "b", "c", "d"}


def test_series_and_texts_are_cut_in_order():
    splits = cut(np.arange(20), in_order=True, look_back=3)
    assert splits["val"].tolist() == [13, 14, 15, 16, 17]
    assert splits["test"].tolist() == [15, 16, 17, 18, 19]
    table = cut(pd.DataFrame({"a": range(20)}), in_order=True)
    assert [part["a"].tolist()[0] for part in table.values()] == [0, 16, 18]
    kept = cut({"train": list(range(10)), "val": [99]}, in_order=True)
    assert kept == {"train": list(range(9)), "val": [99], "test": [9]}


def test_a_text_is_cut_between_words():
    text = "one two three four five six seven eight nine ten\n" * 5
    splits = cut(text, in_order=True)
    assert "".join(splits.values()) == text
    assert all(part[-1].isspace() for part in (splits["train"], splits["val"]))


@pytest.mark.parametrize(
    "returned, said",
    [
        (None, "task 't', train: expected a list of (text, label), found None"),
        ("a text", "task 't', train: expected a list of (text, label), found a text"),
        (7, "task 't', train: expected a list of (text, label), found 7"),
        (np.array(7), "expected a list of (text, label), found ndarray of shape ()"),
        ([], "task 't', train: no examples; expected at least one"),
        ({"train": [1], "val": [], "test": [1]}, "task 't', val: no examples"),
        ({"train": [1], "val": [1], "test": [1], "later": []}, "task 't', later: no examples"),
        ({"val": [1]}, "prepare returned the splits 'val'; expected 'train' among them"),
        ({}, "prepare returned the splits none; expected 'train' among them"),
        ({"train": [1], "validation": [1]}, "a split 'validation'; expected 'val'"),
        ({"train": [1], "2016": [1]}, "a split '2016'; expected identifiers"),
        ([1, 2], "task 't', train: 2 examples; expected more, of which to cut off val and test"),
        ({"train": [1], "val": [1]}, "1 example; expected more, of which to cut off test"),
    ],
)
def test_what_cannot_be_splits_is_one_line(returned, said):
    assert said in refusal(returned, PAIRS)


@pytest.mark.parametrize(
    "returned, said",
    [
        (np.zeros((3, 2)), "expected (images, labels), found ndarray of shape (3, 2)"),
        (([1], [2], [3]), "expected (images, labels), found a tuple of 3"),
        (([1, 2], [1]), "task 't', train: 2 images and 1 labels; expected as many of each"),
        (([1, 2], 1), "task 't', train, labels: expected (images, labels), found 1"),
        (([], []), "task 't', train: no examples"),
    ],
)
def test_columns_of_another_shape_are_one_line(returned, said):
    assert said in refusal(returned, "(images, labels)", columns=COLUMNS)


def test_a_class_for_each_example_leaves_nothing_to_cut():
    said = refusal(list(range(12)), strata=lambda part: part)
    assert said.startswith("task 't', train: 12 examples of 12 classes; expected more")


def test_a_whole_prepared_belongs_to_a_task():
    prepared = Prepared(*[None] * 4)  # type: ignore[arg-type]
    assert "a Prepared is for harness.Task itself" in refusal(prepared)
