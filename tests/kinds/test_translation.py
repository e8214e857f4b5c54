"""Translation tasks: pairs of sentences, loss, scores, baselines."""

import importlib.util
import json
import math
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import sacrebleu

from harness import kinds
from harness.data.validate import validate
from harness.kinds import translation
from harness.kinds.fitting import translating, translation_scores
from harness.kinds.fitting.losses import TokenAccuracy, TokenCrossentropy
from harness.kinds.text import alignment, bleu, scripts, subwords
from harness.spec import HarnessError, Objective, Training

ENGLISH = ["a dog runs", "a cat sits", "the dog sits", "the cat runs", "a dog sits  down"]
GERMAN = ["ein hund läuft", "eine katze sitzt", "der hund sitzt", "die katze läuft",
          "ein hund setzt sich"]  # fmt: skip


def tiny(**changes):
    """A task of a few sentences."""
    arguments = {
        "task": "tiny",
        "pairs": {
            "train": (ENGLISH, GERMAN),
            "val": (ENGLISH[:2], GERMAN[:2]),
            "test": (ENGLISH[2:], GERMAN[2:]),
            "later": (["the dög runs"], ["der hund läuft"]),
        },
        "vocabulary": 320,
        "longest": 40,
        **changes,
    }
    return translation.prepared(**arguments)


def pairs(source, target):
    return {"train": (source, target), "val": (source, target), "test": (source, target)}


# --- the constructor ------------------------------------------------------------


ROWS = [(english, german) for english, german in zip(ENGLISH, GERMAN, strict=True)] * 4
CHINESE = {
    "one": "一个",
    "red": "红色的",
    "dog": "狗",
    "cat": "猫",
    "runs": "在跑",
    "sleeps": "在睡觉",
}
IN_CHINESE = [
    (" ".join(words), "".join(CHINESE[word] for word in words))
    for words in (["one", "red", animal, does] for animal in ("dog", "cat")
                  for does in ("runs", "sleeps"))
] * 5  # fmt: skip


def made(rows, **options):
    return translation.task(
        "t", lambda files: rows, **{"vocabulary": 320, "longest": 40, **options}
    )


def test_a_task_is_made_of_pairs():
    def prepare(files):
        return ROWS

    task = translation.task("t", prepare)
    assert (task.kind, task.objective) == ("translation", Objective("token_accuracy", "max"))
    assert task.measure == Objective("bleu", "max")
    assert kinds.author(task.prepare) is prepare
    prepared = task.prepare({})
    validate(task, prepared)
    assert [len(part) for part in (prepared.train, prepared.val, prepared.test)] == [16, 2, 2]
    assert set(prepared.assets) == {"source_vocabulary", "target_vocabulary", "longest"}


@pytest.mark.parametrize(
    "rows, said",
    [
        ([*ROWS, ("a dog",)], "row 20: found 1 entries; expected two texts"),
        ([*ROWS, "a dog"], "row 20: found 'a dog'; expected two texts"),
        ([*ROWS, ("a dog", None)], "row 20, target: found None; expected a text"),
        ((ENGLISH, GERMAN), "row 0: found 5 entries; expected two texts"),
        ("a text", "expected a list of (source, translation), found a text"),
        ([*ROWS[:4], ("a dog", " ")], "row 4, target: found ' '; expected a sentence"),
        (pd.DataFrame([*ROWS, (None, "a")]), "row 20, source: found nan; expected a text"),
    ],
)
def test_what_are_no_pairs_is_one_line(rows, said):
    with pytest.raises(HarnessError) as error:
        made(rows).prepare({})
    assert said in str(error.value)


def test_the_lines_of_two_files_are_paired():
    assert translation.paired("t", ["a"], ["b"]) == [("a", "b")]
    with pytest.raises(HarnessError, match="t, val: 2 source sentences and 1 translations; expec"):
        translation.paired("t, val", ["a", "b"], ["c"])


def test_an_unknown_part_names_the_option_that_was_meant():
    with pytest.raises(HarnessError, match="'bleu_tokeniser'; did you mean 'bleu_tokenizer'"):
        made(ROWS, bleu_tokeniser="zh")


# --- BLEU of languages without spaces -------------------------------------------


@pytest.mark.parametrize(
    "sentence, language, choice",
    [
        ("一个红色的狗在跑。", "Chinese", "expected bleu_tokenizer='zh' or 'char'"),
        (
            "私は東京で寿司を食べました。",
            "Japanese",
            "expected bleu_tokenizer='ja-mecab' or 'char'",
        ),
        ("สวัสดีชาวโลก", "Thai", "expected bleu_tokenizer='char'"),
        ("Das Wort 狗 heißt Hund.", None, None),
        ("나는 서울에 산다.", None, None),  # Korean has spaces
    ],
)
def test_a_language_without_spaces_needs_a_tokenizer_of_its_own(sentence, language, choice):
    assert scripts.unspaced([sentence]) == language
    rows = [(f"{word} text", sentence) for word in ("one", "two", "three", "four")]
    task = made({"train": rows, "val": rows, "test": rows})
    if language is None:
        task.prepare({})
        return
    with pytest.raises(HarnessError) as error:
        task.prepare({})
    assert f"'t', train: its translations are mostly {language}, without spaces" in str(error.value)
    assert str(error.value).endswith(choice)


@pytest.mark.parametrize("tokenizer", ["zh", "char"])
def test_sentences_like_their_references_have_the_highest_bleu(tokenizer):
    prepared = made(IN_CHINESE, bleu_tokenizer=tokenizer, by_bytes=False).prepare({})
    assert prepared.assets["bleu_tokenizer"] == tokenizer
    references = [target for _, target in IN_CHINESE]
    assert bleu.text_scores(references, references, tokenizer)["bleu"] == pytest.approx(100)
    assert math.isnan(bleu.text_scores(references, references)["bleu"])
    assert f"tok:{tokenizer}|" in bleu.signature(tokenizer)
    # Of a dictionary each character is a word.
    scores = translation.baseline(prepared)
    assert scores["word_by_word_dictionary"].metrics["bleu"] > scores["bleu"]


def test_each_translation_is_judged_by_its_own_reference():
    """sacrebleu#220: of references in another shape all but the first are left out."""
    scores = bleu.text_scores([GERMAN[0], *ENGLISH[1:]], GERMAN)
    assert 0 < scores["bleu"] < 50
    with pytest.raises(ValueError, match="longer"):
        bleu.text_scores(GERMAN[:1], GERMAN)


def test_the_tokenizer_of_a_task_is_that_of_its_score_and_its_exhibit(monkeypatch):
    prepared = made(IN_CHINESE, bleu_tokenizer="zh").prepare({})
    vocabulary = prepared.assets["target_vocabulary"]
    size = prepared.spec.outputs["next_token"].size

    class ByHeart:
        """A model that knows the test; what it writes token by token does not matter here."""

        def predict_on_batch(self, batch):
            return {"next_token": np.eye(size)[batch["target"]]}

    references = translating.texts(np.asarray(prepared.test.y["next_token"]), vocabulary)
    monkeypatch.setattr(translation_scores, "translations", lambda *args: references)
    monkeypatch.setattr(translation_scores, "attention_maps", lambda *args: [])
    score = translation.score(ByHeart(), prepared.test, prepared.assets)
    assert score.metrics["bleu"] == pytest.approx(100)
    shown = translation.exhibit(ByHeart(), prepared, score)
    assert "tok:zh|" in shown["signature"]
    assert shown["scores_by_length"]["unit"] == "words of the source"
    assert shown["scores_by_length"]["buckets"][0]["score"] == pytest.approx(100)


def test_sources_without_spaces_are_counted_by_characters():
    sources = [target for _, target in IN_CHINESE]
    shown = bleu.by_length(sources, ENGLISH * 4, ENGLISH * 4)
    assert shown["unit"] == "characters of the source"
    assert shown["buckets"][0]["first"] == min(map(len, sources))


@pytest.mark.parametrize(
    "tokenizer, said",
    [
        ("chinese", "bleu_tokenizer='chinese'; expected one of none, zh, 13a"),
        ("ja-mecab", "bleu_tokenizer='ja-mecab' cannot be had"),
    ],
)
def test_a_tokenizer_that_cannot_be_had_is_one_line(tokenizer, said):
    if tokenizer == "ja-mecab" and importlib.util.find_spec("MeCab") is not None:
        pytest.skip("MeCab is installed")
    with pytest.raises(HarnessError) as error:
        made(IN_CHINESE, bleu_tokenizer=tokenizer).prepare({})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


# --- answers --------------------------------------------------------------------


def test_sentences_are_read_as_in_training():
    data = tiny()
    encoded = translation.encode(ENGLISH, data.spec, data.assets)
    np.testing.assert_array_equal(encoded["source"], data.train.x["source"])
    assert encoded["target"].tolist() == [[subwords.START]] * 5
    both = translation.encode(list(zip(ENGLISH, GERMAN, strict=True)), data.spec, data.assets)
    np.testing.assert_array_equal(both["target"], data.train.x["target"])
    with pytest.raises(HarnessError, match="input, row 1: found 'b'; expected two texts"):
        translation.encode([("a", "b"), "b"], data.spec, data.assets)


def test_the_likeliest_tokens_are_a_text():
    data = tiny()
    size = data.spec.outputs["next_token"].size
    outputs = {"next_token": np.eye(size)[data.test.y["next_token"]]}
    assert translation.decode(outputs, data.spec, data.assets) == GERMAN[2:]


# --- data -----------------------------------------------------------------------


def test_pieces_give_back_the_text_they_were_made_from():
    data = tiny()
    for split, lines in (("train", ENGLISH), ("test", ENGLISH[2:])):
        ids = getattr(data, split).x["source"]
        expected = [" ".join(line.split()) for line in lines]
        assert translating.texts(ids, data.assets["source_vocabulary"]) == expected
    assert translating.texts(data.train.y["next_token"], data.assets["target_vocabulary"]) == GERMAN


def test_a_character_that_training_never_saw_is_written_in_bytes():
    data = tiny()
    ids = data.further["later"].x["source"]
    assert translating.texts(ids, data.assets["source_vocabulary"]) == ["the dög runs"]
    assert subwords.UNKNOWN not in ids


def test_the_target_is_one_step_behind_what_follows():
    data = tiny()
    target, following = data.train.x["target"], data.train.y["next_token"]
    assert (target[:, 0] == subwords.START).all()
    for behind, ahead in zip(target, following, strict=True):
        length = (ahead != 0).sum()
        assert ahead[length - 1] == subwords.END
        assert (behind != 0).sum() == length
        np.testing.assert_array_equal(behind[1:length], ahead[: length - 1])
    source = data.train.x["source"]
    assert all(row[(row != 0).sum() - 1] == subwords.END for row in source)


def test_a_vocabulary_is_learned_on_training_text_alone():
    one, other = tiny(), tiny(pairs={**pairs(ENGLISH, GERMAN), "val": (["zzz qqq"], ["xxx yyy"])})
    assert one.assets["source_vocabulary"] == other.assets["source_vocabulary"]
    assert one.assets["target_vocabulary"] == other.assets["target_vocabulary"]


def test_languages_share_a_vocabulary_where_the_task_says_so():
    data = tiny(joint=True)
    assert data.assets["source_vocabulary"] == data.assets["target_vocabulary"]
    assert data.spec.inputs["source"].size == data.spec.inputs["target"].size


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"pairs": pairs(ENGLISH, GERMAN[1:])},
            "task 'tiny', train: 5 source sentences and 4 translations; "
            "expected as many lines in both files",
        ),
        (
            {"pairs": pairs([*ENGLISH[:4], "  "], GERMAN)},
            "task 'tiny', train: line 5 of the source is empty; expected a sentence in every line",
        ),
        (
            {"pairs": pairs(ENGLISH, ["", *GERMAN[1:]])},
            "task 'tiny', train: line 1 of the target is empty; expected a sentence in every line",
        ),
        (
            {"vocabulary": 20},
            "task 'tiny', source: a vocabulary of 20 pieces is smaller than the alphabet; "
            "expected at least 275, for 14 characters",
        ),
        (
            {"longest": 4},
            "task 'tiny', train: line 4 of the source has 14 pieces; expected at most 4, which is "
            "`longest`",
        ),
        (
            {"by_bytes": False},
            "task 'tiny', later: line 1 of the source cannot be written in the vocabulary: "
            "'the dög runs' becomes 'the d ⁇ g runs'",
        ),
        ({"pairs": pairs([], [])}, "task 'tiny', train: no sentences; expected at least one"),
    ],
)  # fmt: skip
def test_bad_sentences_are_told_by_task_and_number(changes, message):
    with pytest.raises(HarnessError) as caught:
        tiny(**changes)
    assert str(caught.value).startswith(message)


# --- loss and scores ------------------------------------------------------------


def test_loss_and_accuracy_leave_padding_out():
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 5, 7)).astype("float32")
    tokens = np.array([[3, 4, 2, 0, 0], [5, 2, 0, 0, 0]], "int32")
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    own = [log_probabilities[i, t, tokens[i, t]] for i, n in ((0, 3), (1, 2)) for t in range(n)]
    assert float(TokenCrossentropy()(tokens, logits)) == pytest.approx(-np.mean(own), rel=1e-5)

    even = [log_probabilities[i, t].mean() for i, n in ((0, 3), (1, 2)) for t in range(n)]
    smoothed = -0.9 * np.mean(own) - 0.1 * np.mean(even)
    loss = TokenCrossentropy(label_smoothing=0.1)
    assert float(loss(tokens, logits)) == pytest.approx(smoothed, rel=1e-5)

    right = [logits[i, t].argmax() == tokens[i, t] for i, n in ((0, 3), (1, 2)) for t in range(n)]
    accuracy = TokenAccuracy()
    accuracy.update_state(tokens, logits)
    assert float(accuracy.result()) == pytest.approx(np.mean(right))


def test_tokens_count_alike_however_they_are_batched():
    """Batches are cut to their own lengths, which must not be seen in the accuracy."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, 9, 40)
    tokens = np.array([[*random.integers(1, 5, n), *[0] * (8 - n)] for n in lengths], "int32")
    logits = random.normal(size=(40, 8, 5)).astype("float32")
    right = (logits.argmax(-1) == tokens)[tokens != 0].mean()
    for size in (40, 7):
        accuracy = TokenAccuracy()
        order = np.argsort(lengths)
        for first in range(0, 40, size):
            chosen = order[first : first + size]
            width = lengths[chosen].max()
            accuracy.update_state(tokens[chosen, :width], logits[chosen, :width])
        assert float(accuracy.result()) == pytest.approx(right)


def test_more_padding_changes_no_loss():
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 8, 7)).astype("float32")
    tokens = np.array([[3, 4, 2], [5, 2, 0]], "int32")
    wide = np.pad(tokens, ((0, 0), (0, 5)))
    loss = TokenCrossentropy(0.1)
    assert float(loss(tokens, logits[:, :3])) == pytest.approx(float(loss(wide, logits)), rel=1e-5)


def test_the_loss_is_rebuilt_from_its_configuration():
    loss = TokenCrossentropy(0.1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (again.label_smoothing, again.padding) == (0.1, 0)


def test_bleu_is_that_of_the_sacrebleu_command(tmp_path):
    references = [f"{line} ." for line in GERMAN]
    hypotheses = [*references[:3], "eine katze läuft .", "ein hund sitzt sich"]
    (tmp_path / "reference.txt").write_text("\n".join(references) + "\n")
    (tmp_path / "hypothesis.txt").write_text("\n".join(hypotheses) + "\n")
    command = [sys.executable, "-m", "sacrebleu", str(tmp_path / "reference.txt"), "-i",
               str(tmp_path / "hypothesis.txt"), "-m", "bleu", "chrf", "-b", "-w", "2"]  # fmt: skip
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ours = bleu.text_scores(hypotheses, references)
    assert [round(ours["bleu"], 2), round(ours["chrf"], 2)] == told
    assert ours["exact_match"] == 3 / 5
    assert "version:" + sacrebleu.__version__ in bleu.signature()


def test_bleu_by_length_covers_every_sentence_once():
    sources = ["a " * n for n in (1, 2, 2, 3, 5, 8, 9, 9, 30)]
    shown = bleu.by_length(sources, sources, sources)
    assert sum(bucket["examples"] for bucket in shown["buckets"]) == len(sources)
    assert shown["buckets"][-1]["last"] is None
    same = bleu.by_length(["a b"] * 3, ["x"] * 3, ["x"] * 3)["buckets"]
    assert [(bucket["first"], bucket["last"], bucket["examples"]) for bucket in same] == [
        (2, None, 3)
    ]


# --- baselines ------------------------------------------------------------------


def test_ibm_model_1_finds_the_words_that_go_together():
    # The example of Brown et al.'s successors: only co-occurrence tells the words apart.
    known = alignment.dictionary(
        ["the house", "the book", "a book", "a house"],
        ["das haus", "das buch", "ein buch", "ein haus"],
    )
    assert known == {"the": "das", "house": "haus", "book": "buch", "a": "ein"}
    assert alignment.word_by_word("the book, a zebra.", known) == "das buch, ein zebra."


def test_baselines_copy_the_source_and_use_a_dictionary():
    scores = translation.baseline(tiny())
    assert scores["exact_match"] == 0
    assert 0 < scores["token_accuracy"] < 1
    assert scores["word_by_word_dictionary"].metrics["bleu"] >= scores["bleu"]


def test_compile_arguments_smooth_labels_where_training_asks():
    arguments = translation.compile_args(tiny().spec, Training(label_smoothing=0.1))
    assert arguments["loss"].label_smoothing == 0.1
    assert [metric.name for metric in arguments["metrics"]] == ["token_accuracy"]


def test_bleu_of_sentences_without_four_words_is_unknown_and_not_nothing():
    found = bleu.text_scores(["ja", "nein"], ["ja", "doch nicht so"])
    assert math.isnan(found["bleu"])
    assert found["exact_match"] == 0.5
    assert bleu.text_scores(["ja", "nein"], ["ja", "doch nicht so"], "char")["bleu"] > 0
    assert bleu.text_scores(["das ist so gut"], ["das ist so gut"])["bleu"] == pytest.approx(100)
