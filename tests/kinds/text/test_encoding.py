"""The asset `encoding`: raw texts as arrays, in any process that has a task's assets."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kinds.text import encoding as encodings
from harness.kinds.text.encoding import Encoding, encode
from harness.kinds.text.packing import packed
from harness.kinds.text.tokenizer import RESERVED
from harness.spec import DataSpec, HarnessError, TensorSpec

VOCABULARY = [*RESERVED, "good", "bad", "film", "##s", "a"]
SPEC = DataSpec(
    {
        "tokens": TensorSpec((None,), "int32", size=len(VOCABULARY), longest=8),
        "segments": TensorSpec((None,), "int32", size=2, longest=8, aligned="tokens"),
    },
    {"label": TensorSpec((), "int32", size=2)},
    "text_classification",
)


def assets(**fields):
    encoding = Encoding(**{"type": "subword", "longest": 8, "columns": ("text",), **fields})
    return {"vocabulary": VOCABULARY, "encoding": json.loads(json.dumps(encoding.asset()))}


def test_texts_stand_between_reserved_ids():
    x = encode(["a films", ""], SPEC, assets())
    assert x["tokens"].tolist() == [[2, 9, 7, 8, 3, 0, 0, 0], [2, 3, 0, 0, 0, 0, 0, 0]]
    assert not x["segments"].any()
    assert x["tokens"].dtype == x["segments"].dtype == np.int32


def test_the_other_text_of_a_pair_is_marked():
    x = encode([("good", "bad film")], SPEC, assets(columns=("text", "text_pair")))
    assert x["tokens"].tolist() == [[2, 5, 3, 6, 7, 3, 0, 0]]
    assert x["segments"].tolist() == [[0, 0, 0, 1, 1, 1, 0, 0]]


def test_words_are_read_up_to_so_many_ids_each():
    given_ = assets(longest_word=1)
    x = encode([["films", "good"], "films good"], SPEC, given_)
    assert x["tokens"].tolist() == [[2, 7, 5, 3, 0, 0, 0, 0]] * 2


def test_of_models_saved_before_wordpiece_is_assumed():
    known = {"vocabulary": VOCABULARY}
    single, pair = (encode(raw, SPEC, known)["tokens"] for raw in (["films"], [("films", "a")]))
    assert single.tolist() == [[2, 7, 8, 3, 0, 0, 0, 0]]
    assert pair.tolist() == [[2, 7, 8, 3, 9, 3, 0, 0]]


@pytest.mark.parametrize(
    "raw, fields, message",
    [
        (["a", None], {}, "input 1: found None; expected a text"),
        ([float("nan")], {}, "input 0: found nan; expected a text"),
        ([("a", "b")], {}, r"input 0: found \('a', 'b'\); expected a text"),
        (["a"], {"columns": ("text", "text_pair")}, "input 0: found 'a'; expected a pair of texts"),
        ([("a", None)], {"columns": ("text", "text_pair")}, "input 0: .*expected a pair of texts"),
        ("a text", {}, "found 'a text'; expected a list of inputs"),
        (None, {}, "found None; expected a list of inputs"),
        ([["a", None]], {"longest_word": 3}, "input 0: found None among its words; expected a t"),
        ([3], {"longest_word": 3}, "input 0: found 3; expected a list of words"),
    ],
)
def test_what_is_no_text_is_refused_by_its_number(raw, fields, message):
    with pytest.raises(HarnessError, match=f"^{message}"):
        encode(raw, SPEC, assets(**fields))


def test_a_model_that_reads_no_texts_says_so():
    for known in ({}, {"vocabulary": ["a", "b"]}, {"vocabulary": 3}):
        with pytest.raises(HarnessError, match="no texts are read by this model of kind 'text_c"):
            encode(["a"], SPEC, known)


def test_an_encoding_that_is_damaged_is_named():
    damaged = assets()
    damaged["encoding"]["longest"] = "long"
    with pytest.raises(HarnessError, match="asset 'encoding', longest: Input should be a valid"):
        encode(["a"], SPEC, damaged)


def test_the_asset_is_the_encoding_again():
    encoding = Encoding("character", 9, ("text", "text_pair"), lower_case=True, longest_word=4)
    content = json.loads(json.dumps(encoding.asset()))
    assert encodings.of(SPEC, {"vocabulary": VOCABULARY, "encoding": content}) == encoding
    assert content["reserved"] == {
        "padding": 0, "unknown": 1, "classification": 2, "separator": 3, "mask": 4
    }  # fmt: skip


ids = st.lists(st.integers(5, 9), max_size=12)


@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=4), st.integers(4, 20))
def test_of_a_pair_that_is_too_long_the_longer_text_is_cut(pairs, longest):
    tokens, segments = packed([a for a, _ in pairs], [b for _, b in pairs], longest)
    for (a, b), row, parts in zip(pairs, tokens, segments, strict=True):
        assert (row != 0).sum() == min(longest, len(a) + len(b) + 3)
        first, second = (row[(parts == side) & (row > 4)].tolist() for side in (0, 1))
        assert (first, second) == (a[: len(first)], b[: len(second)])
        if len(first) < len(a):
            assert len(first) >= len(second) - 1
        if len(second) < len(b):
            assert len(second) >= len(first) - 1


@given(st.lists(ids, min_size=1, max_size=4), st.integers(4, 20))
def test_of_a_text_that_is_too_long_the_end_is_cut(texts, longest):
    tokens, segments = packed(texts, None, longest)
    assert not segments.any()
    for text, row in zip(texts, tokens, strict=True):
        expected = [2, *text[: longest - 2], 3]
        assert row.tolist() == expected + [0] * (longest - len(expected))


def test_texts_are_cut_without_a_framework():
    script = f"""
import sys
from harness.kinds import text_classification
from harness.spec import DataSpec, TensorSpec
spec = {SPEC!r}
print(text_classification.encode(["a films"], spec, {assets()!r})["tokens"].tolist())
heavy = {{"keras", "tensorflow", "tensorflow_text", "jax", "torch"}} & set(sys.modules)
sys.exit(f"imported {{sorted(heavy)}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[[2, 9, 7, 8, 3, 0, 0, 0]]"
