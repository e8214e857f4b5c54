"""Labels, answers and the exhibit of tasks that give each example one class."""

import numpy as np
import pandas as pd
import pytest

from harness.kinds.classification import decode, exhibit, number_labels
from harness.spec import DataSpec, HarnessError, Prepared, Score, Split, TensorSpec


def spec(size=3):
    return DataSpec(
        {"image": TensorSpec((2, 2, 1), "uint8")},
        {"label": TensorSpec((), "uint8", size=size)},
        "image_classification",
    )


@pytest.mark.parametrize(
    "labels, classes, numbers, names",
    [
        (["b", "a", "b"], None, [1, 0, 1], ["a", "b"]),
        (np.array(["b", "a", "b"]), None, [1, 0, 1], ["a", "b"]),
        (pd.Series(["b", "a", "b"]), None, [1, 0, 1], ["a", "b"]),
        (["b", "a"], ["b", "c", "a"], [0, 2], ["b", "c", "a"]),
        ([1, 2, 1], None, [0, 1, 0], ["1", "2"]),
        (np.array([10, 2, 9]), None, [2, 0, 1], ["2", "9", "10"]),
        ([np.int64(1), 0], ["no", "yes"], [1, 0], ["no", "yes"]),
        (np.array([True, False]), None, [1, 0], ["False", "True"]),
        (["0", "1"], {"1": "good", "0": "bad"}, [0, 1], ["bad", "good"]),
        ([-1, 1], {1: "good", -1: "bad"}, [0, 1], ["bad", "good"]),
    ],
)
def test_labels_become_numbers(labels, classes, numbers, names):
    found, found_names = number_labels("t", {"train": labels, "val": labels[:1]}, classes)
    assert found["train"].tolist() == numbers
    assert found["val"].tolist() == numbers[:1]
    assert found_names == names


@pytest.mark.parametrize(
    "train, val, classes, said",
    [
        (["a", "b"], ["a", "c"], None,
         "task 't', val, row 1: label 'c' does not occur in training; expected one of a, b"),
        ([0, 1], [2], ["no", "yes"], "task 't', val, row 0: label 2 is no class; expected 0 to 1"),
        ([1, 2], [1], ["no", "yes"], "task 't', train, row 1: label 2 is no class"),
        (["no"], ["maybe"], ["no", "yes"], "label 'maybe' is no class; expected one of no, yes"),
        (["0", "1"], ["0"], {"0": "bad", "2": "good"}, "label '1' is no class"),
        ([0, 1.0], [0], None,
         "train, row 1: label 1.0; expected a string or an integer, as all of them"),
        (["a", None], ["a"], None, "train, row 1: label None; expected a string, as all of them"),
        (pd.Series(["a", np.nan]), ["a"], None, "train, row 1: label nan; expected a string"),
        ([1, "a"], [1], None, "train, row 1: label 'a'; expected a string or an integer"),
        (np.eye(3), [1], None, "labels of shape (3, 3); expected one an example (of one-hot"),
        ([1, 1], [1], None, "task 't': expected two classes or more, found 1"),
        ([0, 1], [1], ["a", "a"], "task 't': two classes are called 'a'"),
        ([*range(1, 40)], [40], None, "one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 29 others"),
    ],
)  # fmt: skip
def test_labels_that_are_none_are_one_line(train, val, classes, said):
    with pytest.raises(HarnessError) as error:
        number_labels("t", {"train": train, "val": val}, classes)
    assert said in str(error.value)


def test_an_answer_is_a_name_with_probabilities():
    logits = np.log([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]])
    first, second = decode({"label": logits}, spec(), {"classes": ["a", "b", "c"]})
    assert (first["label"], second["label"]) == ("b", "a")
    assert first["probability"] == pytest.approx(0.5)
    assert first["probabilities"] == pytest.approx({"a": 0.2, "b": 0.5, "c": 0.3})


def test_classes_without_names_are_numbers():
    (answer,) = decode({"label": np.array([[0.0, 2.0, 1.0]])}, spec(), {})
    assert answer["label"] == "1"


def test_the_exhibit_counts_what_is_taken_for_what():
    part = Split({"image": np.zeros((3, 2, 2, 1), "uint8")}, {"label": np.array([0, 1, 1])})
    prepared = Prepared(spec(), part, part, part, {"classes": ["a", "b", "c"]})
    shown = exhibit(None, prepared, Score({}, {"prediction": np.array([0, 1, 2])}))
    assert shown["confusion"]["counts"] == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
