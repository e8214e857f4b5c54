"""Translation tasks: pairs of sentences, loss, scores, baselines."""

import gzip
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import sacrebleu
from harness.tasks import translation

from harness import registry
from harness.data import cache
from harness.kinds import translation as _translation
from harness.kinds.fitting import translating
from harness.kinds.fitting.losses import TokenAccuracy, TokenCrossentropy
from harness.kinds.text import alignment, bleu, subwords
from harness.spec import HarnessError, Training

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
    return _translation.prepared(**arguments)


def pairs(source, target):
    return {"train": (source, target), "val": (source, target), "test": (source, target)}


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
            "task 'tiny', train: line 4 of the source has 14 pieces; expected at most 4",
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


def test_multi30k_reads_its_files(tmp_path):
    files = {}
    for name in translation.MULTI30K_SPLITS.values():
        for language, lines in (("en", ENGLISH), ("de", GERMAN)):
            path = tmp_path / f"{name}.{language}.gz"
            path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
            files[path.name] = path
    data = translation.multi30k_de_en.prepare(files)
    assert set(data.further) == {"flickr_2017", "mscoco_2017"}
    assert translating.texts(data.test.x["source"], data.assets["source_vocabulary"]) == GERMAN

    files["val.en.gz"].write_bytes(b"no gzip")
    with pytest.raises(HarnessError, match=r"multi30k_de_en.*val\.en\.gz: not a gzip file"):
        translation.multi30k_de_en.prepare(files)


def test_numbers_of_the_test_are_never_trained_on():
    data = cache.load(translation.number_words)
    seen = {
        split: set(
            translating.texts(
                np.asarray(getattr(data, split).x["source"]), data.assets["source_vocabulary"]
            )
        )
        for split in ("train", "val", "test")
    }
    assert {split: len(numbers) for split, numbers in seen.items()} == translation.NUMBERS
    assert not seen["train"] & seen["test"]
    assert not seen["val"] & seen["test"]


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
    task = registry.task("number_words")
    scores = task.baseline(tiny())
    assert scores["exact_match"] == 0
    assert 0 < scores["token_accuracy"] < 1
    assert scores["bleu_dictionary"] >= scores["bleu"]


def test_compile_arguments_smooth_labels_where_training_asks():
    arguments = _translation.compile_args(tiny().spec, Training(label_smoothing=0.1))
    assert arguments["loss"].label_smoothing == 0.1
    assert [metric.name for metric in arguments["metrics"]] == ["token_accuracy"]
