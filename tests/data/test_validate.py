"""Data whose length varies: what is cut together must be as long."""

import numpy as np
import pytest

from harness import registry
from harness.data.validate import validate
from harness.spec import DataSpec, HarnessError, Prepared, Split, TensorSpec, Windows

WORDS = TensorSpec((None,), "int32", 9, longest=6)


def tagged(marks, width=4, **fields):
    """Three sentences of four words and their marks."""
    task = registry.task("python_docs_code")
    tags = TensorSpec((None,), "int32", 9, **{"longest": 6, "aligned": marks, **fields})
    spec = DataSpec({"words": WORDS}, {"tags": tags}, task.kind)
    split = Split({"words": np.ones((3, 4), "int32")}, {"tags": np.zeros((3, width), "int32")})
    return task, Prepared(spec, split, split, split)


def test_what_is_aligned_may_hold_zeros_anywhere():
    validate(*tagged("words"))


@pytest.mark.parametrize(
    "faulty, message",
    [
        (tagged("words", width=3), "train: expected 'tags' to be as long as 'words', found "
         "lengths 3 and 4"),
        (tagged("verbs"), "expected 'tags' and what it is aligned with to have lengths that vary"),
        (tagged("tags"), "expected 'tags' and what it is aligned with to have lengths that vary"),
        (tagged("words", longest=None), "to have lengths that vary, found aligned='words'"),
        (tagged("words", longest=3), "expected a length of at most 3, found 4"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_together_is_one_clear_line(faulty, message):
    with pytest.raises(HarnessError) as raised:
        validate(*faulty)
    assert str(raised.value).startswith("task 'python_docs_code'")
    assert message in str(raised.value)


# --- what a plugin may return by mistake -------------------------------------------

NUMBERS = TensorSpec((2,), "float32")
LABELS = TensorSpec((), "int32", size=3)


def plain(**changes):
    """Sound data of three examples, but for what is changed."""
    task = registry.task("digits")
    parts = {"inputs": {"x": NUMBERS}, "outputs": {"y": LABELS}, "kind": task.kind,
             "x": np.zeros((3, 2), "float32"), "y": np.zeros(3, "int32"), "weight": None,
             "assets": {}, "further": {}, **changes}  # fmt: skip
    spec = DataSpec(parts["inputs"], parts["outputs"], parts["kind"])
    split = Split({"x": parts["x"]}, {"y": parts["y"]}, parts["weight"])
    split = parts.get("split", split)
    return task, Prepared(spec, split, split, split, parts["assets"], parts["further"])


def windows(series=None, starts=(0, 1, 2), length=2, kind="int64"):
    series = np.zeros(9, "float32") if series is None else series
    return plain(x=Windows(series, np.array(starts, kind), length))


def test_sound_data_is_accepted():
    validate(*plain(weight=np.ones(3, "float32"), assets={"names": ["a"]}))
    validate(*windows())


@pytest.mark.parametrize(
    "faulty, message",
    [
        ((registry.task("digits"), {"x": 1}), "expected prepare to return Prepared, found {'x'"),
        (plain(kind="translation"), "expected data of kind 'image_classification', found 'tra"),
        (plain(inputs={}), "expected inputs in its specification, found none"),
        (plain(outputs={}), "expected outputs in its specification, found none"),
        (plain(inputs={"a b": NUMBERS}), "expected an identifier in inputs, found 'a b'"),
        (plain(outputs={"../y": LABELS}), "expected an identifier in outputs, found '../y'"),
        (plain(inputs={"z": NUMBERS}), "train, x: expected arrays ['z'], found ['x']"),
        (
            (registry.task("digits"), (np.zeros((9, 2)), np.zeros(9))),
            "expected prepare to return Prepared, found a tuple of 2, arrays among them",
        ),
        (plain(split=[1, 2]), "train: expected a Split, found [1, 2]"),
        (plain(further={"later": None}), "later: expected a Split, found None"),
        (plain(further={"a/b": None}), "another identifier for a further split, found 'a/b'"),
        (plain(assets={"a": {1, 2}}), "expected assets of JSON values"),
        (plain(assets={"a": float("nan")}), "expected assets of JSON values"),
        (plain(x=[[0, 0]] * 3), "x['x']: expected a NumPy array of numbers, found [[0, 0]"),
        (
            plain(x=np.array([["a", "b"]] * 3)),
            "expected a NumPy array of numbers, found an array of type <U1 and shape (3, 2)",
        ),
        (plain(x=np.array([[None] * 2] * 3)), "x['x']: expected a NumPy array of numbers"),
        (plain(y=np.int32(1)), "expected a NumPy array of numbers"),
        (plain(y=np.array(1, "int32")), "expected 3 examples, found shape ()"),
        (plain(y=np.array([0, 1, -1], "int32")), "from 0 to 2, found -1 to 1 (first in row 2)"),
        (plain(weight=np.array([1, -1, 1], "float32")), "weight: expected no negative weight"),
        (plain(weight=np.ones(2, "float32")), "weight: expected 3 examples, found shape (2,)"),
        (plain(weight=np.full(3, np.inf, "float32")), "weight: expected finite values"),
        (windows(series=[0.0] * 9), "expected a NumPy array as series, found [0.0"),
        (windows(series=np.array(["a"] * 9)), "expected a NumPy array as series"),
        (windows(kind="int32"), "expected starts of type int64, one a window, found int32"),
        (windows(starts=[[0], [1], [2]]), "expected starts of type int64, one a window"),
        (windows(length=0), "expected windows of 1 step or more, found 0"),
        (windows(starts=[0, 1, 8]), "windows within a series of 9 steps, found steps 0 to 9"),
        (windows(starts=[-1, 0, 1]), "windows within a series of 9 steps, found steps -1 to 2"),
    ],
)  # fmt: skip
def test_unsound_data_is_one_clear_line(faulty, message):
    with pytest.raises(HarnessError) as raised:
        validate(*faulty)
    assert str(raised.value).startswith("task 'digits'")
    assert message in str(raised.value)


# --- pixels -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "low, high, message",
    [
        (0, 1, None),
        (0, 16, "train, x['x']: expected images of floats 0 to 1 or of uint8 0 to 255, found "
         "floats from 0 to 16"),
        (-1, 1, "found floats from -1 to 1"),
    ],
)  # fmt: skip
def test_images_of_floats_are_0_to_1(low, high, message):
    pixels = np.linspace(low, high, 48, dtype="float32").reshape(3, 4, 4, 1)
    faulty = plain(inputs={"x": TensorSpec((4, 4, 1), "float32")}, x=pixels)
    if message is None:
        validate(*faulty)
        return
    with pytest.raises(HarnessError) as raised:
        validate(*faulty)
    assert message in str(raised.value)
