"""Texts as ids: what is cut where, and that nothing but the vocabulary decides."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kinds.text import vocabulary as vocabularies
from harness.kinds.text.tokenizer import CHOICES, RESERVED, UNKNOWN, UNSPEAKABLE, Tokenizer, count
from harness.spec import HarnessError

PIECES = [*RESERVED, *("good", "bad", "film", "##s", "##ing", "a", "the", "was", ".", ",", "not"),
          "中", "don", "'", "t"]  # fmt: skip
HOSTILE = [
    *("", " ", "[CLS] good [SEP] [MASK] [PAD]", "a\tb\nc\r\nd", "zero\x00byte\x01", "\u200bgood"),
    *(
        "cafe\u0301 中 good中film",
        "\U0001f600 film",
        "a" * 300,
        "don't good_film x=1;y",
        "\u2028bad",
    ),
    *("\ufffd \ue000", "\xa0film\u3000bad", "good—film…", "\ufeffgood", "goods filming badness"),
]


def tokens(text, *options):
    tokenizer = Tokenizer(*options)
    (ids,) = tokenizer.encode([text])
    return [tokenizer.vocabulary[number] for number in ids]


@pytest.mark.parametrize(
    "kind, vocabulary, text, expected",
    [
        ("subword", PIECES, "goods, filming", "good ##s , film ##ing"),
        ("subword", PIECES, "the café was中.", "the [UNK] was 中 ."),
        ("subword", PIECES, "don't", "don ' t"),
        ("word", PIECES, "goods, not bad.", "[UNK] , not bad ."),
        ("word", PIECES, "don't", "don ' t"),
        ("character", [*RESERVED, "a", "t", "-"], "a-tA", "a - t [UNK]"),
    ],
)
def test_texts_are_cut_into_what_the_task_chose(kind, vocabulary, text, expected):
    assert tokens(text, vocabulary, kind) == expected.split()


def test_capital_letters_are_read_as_small_ones_where_asked_for():
    assert tokens("GOOD Film", PIECES, "subword", True) == ["good", "film"]
    assert tokens("GOOD", PIECES, "word", True) == ["good"]
    assert tokens("A", [*RESERVED, "a"], "character", True) == ["a"]
    assert tokens("GOOD", PIECES) == ["[UNK]"]


@pytest.mark.parametrize("kind", CHOICES)
def test_no_text_is_a_reserved_token(kind):
    texts = [*HOSTILE, *RESERVED, " ".join(RESERVED), "[ MASK ]"]
    learned = vocabularies.learned("t", texts, 400, kind)
    for ids in Tokenizer(learned, kind).encode(texts):
        assert not set(ids) & (set(range(len(RESERVED))) - {UNKNOWN})


@given(st.text(), st.sampled_from(CHOICES), st.booleans())
def test_any_text_has_ids_of_the_vocabulary(text, kind, lower_case):
    tokenizer = Tokenizer(PIECES, kind, lower_case)
    (ids,) = tokenizer.encode([text])
    assert all(0 <= number < len(PIECES) for number in ids)
    assert isinstance(tokenizer.decode(ids), str)


def test_half_a_character_is_read_as_no_known_one():
    """JSON can hold it, and a request with it must not end a server's answer."""
    text = json.loads('"good \\ud83d"')
    assert tokens(text, PIECES) == ["good", "[UNK]"]


def test_what_is_unspeakable_has_no_token():
    assert tokens(f"good {UNSPEAKABLE}", PIECES) == ["good", "[UNK]"]
    for kind in CHOICES:
        learned = vocabularies.learned("t", [f"ab{UNSPEAKABLE}cd {UNSPEAKABLE}"] * 3, 50, kind)
        assert UNSPEAKABLE not in "".join(learned)


@pytest.mark.parametrize(
    "kind, text",
    [
        ("character", "a  b\n\tc."),
        ("word", "a good film ."),
        ("subword", "the goods was filming , not bad"),
    ],
)
def test_ids_are_a_text_again(kind, text):
    vocabulary = PIECES if kind == "subword" else vocabularies.learned("t", [text], 50, kind)
    tokenizer = Tokenizer(vocabulary, kind)
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


def test_each_word_has_an_id():
    tokenizer = Tokenizer(PIECES)
    assert tokenizer.encode_words([["goods", "", "\x00"], [], ["."]]) == [
        [[5, 8], [UNKNOWN], [UNKNOWN]], [], [[13]],
    ]  # fmt: skip


def test_words_are_cut_as_tensorflow_text_does():
    """By which the shipped vocabularies were learned and encoders are pretrained."""
    import tensorflow as tf
    import tensorflow_text

    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(
            PIECES, tf.range(len(PIECES), dtype=tf.int64), tf.string, tf.int64
        ),
        num_oov_buckets=1,
    )
    theirs = tensorflow_text.BertTokenizer(table, lower_case=False)
    texts = [*HOSTILE, "the film was good .", "films , not good"]
    expected = theirs.tokenize(texts).merge_dims(-2, -1).to_list()
    assert Tokenizer(PIECES).encode(texts) == expected


# --- vocabularies -------------------------------------------------------------------


def test_words_are_counted_once_for_each_time_they_stand_in_a_text():
    counts = count(["a good, good film", "a\tfilm", "Good\x00film"], "word")
    assert counts == {"a": 2, "good": 2, ",": 1, "film": 3, "Good": 1}
    assert count(["aA b"], "character") == {"a": 1, "A": 1, " ": 1, "b": 1}
    assert count(["aA b"], "character", True) == {"a": 2, " ": 1, "b": 1}


def test_of_words_and_characters_the_commonest_are_learned():
    texts = ["b a b", "c b a d"]
    assert vocabularies.learned("t", texts, 7, "word") == [*RESERVED, "b", "a"]
    assert vocabularies.learned("t", texts, 99, "word")[5:] == ["b", "a", "c", "d"]
    assert vocabularies.learned("t", texts, 7, "character") == [*RESERVED, " ", "b"]


def test_pieces_are_learned_without_tensorflow_as_its_package_learns_them():
    code = """
import sys
from collections import Counter
from harness.kinds.text import vocabulary
text = "the goods was filming , not bad goods filmed badly " * 20
found = vocabulary.learned("t", [text], 50)
assert "tensorflow" not in sys.modules
del sys.modules["tensorflow_text.tools.wordpiece_vocab.wordpiece_tokenizer_learner_lib"]
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner
vocabulary._learner = lambda: learner
assert vocabulary.learned("t", [text], 50) == found and len(found) > 25, found
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_pieces_make_up_every_word_of_the_texts():
    texts = ["playing played plays", "singing sings sang", "a player sang"] * 5
    learned = vocabularies.learned("t", texts, 60)
    assert learned[: len(RESERVED)] == list(RESERVED)
    assert all(UNKNOWN not in ids for ids in Tokenizer(learned).encode(texts))


@pytest.mark.parametrize(
    "size, kind, message",
    [
        (20, "subword", "task 't': a vocabulary of 20 pieces; expected at least 25, for 10 chara"),
        (5, "word", "task 't': a vocabulary of 5 words; expected at least 6"),
        (5, "character", "task 't': a vocabulary of 5 characters; expected at least 6"),
    ],
)
def test_a_vocabulary_that_is_too_small_is_told(size, kind, message):
    with pytest.raises(HarnessError) as caught:
        vocabularies.learned("t", ["abcdefghij"], size, kind)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("texts", [[], [""], [" ", "\x00\n"]])
def test_texts_without_a_word_are_told(texts):
    with pytest.raises(HarnessError, match="'t', train: no word in its texts; expected some to"):
        vocabularies.learned("t", texts, 100)


@pytest.mark.parametrize(
    "vocabulary, message",
    [
        ("abc", "vocabulary: found 'abc'; expected a list of texts"),
        (["a", 3], "vocabulary, entry 2: found 3; expected a text"),
        (["a", ""], "vocabulary, entry 2: found ''; expected a text"),
        (["a", "b", "a"], "vocabulary: 'a' stands in it twice; expected each once"),
        (lambda files: None, "vocabulary: found None; expected a list of texts"),
    ],
)
def test_a_vocabulary_that_is_none_is_told(vocabulary, message):
    with pytest.raises(HarnessError, match=f"^task 't', {message}"):
        vocabularies.had("t", vocabulary, {}, [], "word", False)


def test_reserved_tokens_stand_first_whatever_a_list_says():
    given_ = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good"]
    had = vocabularies.had("t", given_, {}, [], "subword", False)
    assert had == [*RESERVED, "[unused1]", "good"]
    assert vocabularies.had("t", lambda files: PIECES, {}, [], "subword", False) == PIECES
