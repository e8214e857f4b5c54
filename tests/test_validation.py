"""Data whose length varies: what is cut together must be as long."""

import numpy as np
import pytest

from harness import registry, validation
from harness.spec import DataSpec, HarnessError, Prepared, Split, TensorSpec

WORDS = TensorSpec((None,), "int32", 9, longest=6)


def tagged(marks, width=4, **fields):
    """Three sentences of four words and their marks."""
    task = registry.task("python_docs_code")
    tags = TensorSpec((None,), "int32", 9, **{"longest": 6, "aligned": marks, **fields})
    spec = DataSpec({"words": WORDS}, {"tags": tags}, task.kind)
    split = Split({"words": np.ones((3, 4), "int32")}, {"tags": np.zeros((3, width), "int32")})
    return task, Prepared(spec, split, split, split)


def test_what_is_aligned_may_hold_zeros_anywhere():
    validation.validate(*tagged("words"))


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
        validation.validate(*faulty)
    assert str(raised.value).startswith("task 'python_docs_code'")
    assert message in str(raised.value)
