"""Shipped tasks on short texts: what is read of their files, and what their scores say."""

import keras
import numpy as np
import pytest
from harness.tasks import (
    pretraining_texts,
    sentence_similarity,
    text_classification,
    token_classification,
)
from scipy import stats
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import confusion_matrix
from sklearn.metrics import f1_score as label_f1

from harness import kinds, registry
from harness.data.validate import validate
from harness.kinds.files.text_files import iob2
from harness.kinds.fitting.tag_f1 import TagF1
from harness.kinds.rivals.texts import written as written_texts
from harness.kinds.text import tags, tokenizer
from harness.kinds.token_classification import LONGEST_WORD
from harness.spec import HarnessError, Training

VOCABULARY = [*tokenizer.RESERVED, "good", "bad", "film", "a", "Par", "##is", "Rome", "in", ".",
              "John", "##s", "lives"]  # fmt: skip


class Fixed:
    """A model that answers what it was told, whatever it is asked."""

    def __init__(self, **outputs):
        self.outputs = outputs

    def predict(self, x, **options):
        return self.outputs


@pytest.fixture
def own_vocabulary(monkeypatch):
    """The vocabulary above in the place of the one learned on WikiText-2."""
    monkeypatch.setattr(pretraining_texts, "wikitext_vocabulary", lambda path: VOCABULARY)


def written(folder, contents):
    """Files by name, and one that stands for WikiText-2."""
    files = {"train.txt": folder / "train.txt"}
    for name, content in contents.items():
        files[name] = folder / name
        files[name].write_text(content, encoding="utf-8")
    return files


def prepared(kind, data, longest, **options):
    """The data of a task of a few examples."""
    task = kinds.of(kind).task(
        "tiny", lambda files: data, vocabulary=VOCABULARY, longest=longest, **options
    )
    return task.prepare({})


def classified(**changes):
    """A text classification task of a few sentences."""
    data = {
        "train": [("a good film", "1"), ("a bad film .", "0"), ("good good", "1")],
        "val": [("good", "1")],
        "test": [("bad", "0"), ("good film", "1")],
        **changes,
    }
    return prepared("text_classification", data, 12, classes={"0": "no", "1": "yes"})


def sentence(text):
    """A sentence written as `word/TAG word/TAG`."""
    words, tags = zip(*(word.split("/") for word in text.split(" ")), strict=True)
    return list(words), list(tags)


TAGGED = {
    "train": [sentence("John/B-PER lives/O in/O Paris/B-LOC ./O"), sentence("Johns/B-PER a/I-PER")],
    "val": [sentence("Paris/B-LOC")],
    "test": [sentence("Johns/B-PER in/O Paris/B-LOC Rome/B-LOC"), sentence("a/O film/O")],
}


def tagged(longest=16, **changes):
    return prepared("token_classification", {**TAGGED, **changes}, longest)


# --- text classification --------------------------------------------------------


def test_texts_are_as_long_as_the_longest_of_all_splits():
    data = classified()
    tokens = data.train.x["tokens"]
    assert tokens.shape[1] == data.spec.inputs["tokens"].longest == 6
    assert data.val.x["tokens"].shape[1] == 6
    assert tokens[1].tolist() == [2, *(VOCABULARY.index(p) for p in ("a", "bad", "film", ".")), 3]
    assert data.assets["classes"] == ["no", "yes"]
    assert data.train.y["label"].tolist() == [1, 0, 1]


def test_sst2_reads_its_files_and_shares_of_them(tmp_path, own_vocabulary):
    lines = [f"{n % 2} {'good' if n % 2 else 'bad'} film" for n in range(40)]
    files = written(
        tmp_path,
        {
            "stsa.binary.train": "\n".join(lines) + "\n",
            "stsa.binary.dev": "1 good\n0 bad\n",
            "stsa.binary.test": "0 a bad film\n",
        },
    )
    task = registry.task("sst2")
    data = task.prepare(files)
    validate(task, data)
    assert data.assets["vocabulary"] == VOCABULARY
    assert (len(data.train), len(data.val), len(data.test)) == (40, 2, 1)
    tenth = registry.task("sst2_10").prepare(files)
    assert np.bincount(tenth.train.y["label"]).tolist() == [2, 2]
    assert len(tenth.test) == 1

    files["stsa.binary.dev"].write_text("1 good\n0\n")
    with pytest.raises(HarnessError, match=r"^stsa\.binary\.dev, line 2: found '0'; expected a"):
        task.prepare(files)


def test_phrases_of_sst2_that_are_asked_about_are_not_trained_on(tmp_path, own_vocabulary):
    files = written(
        tmp_path,
        {
            "train.tsv": "sentence\tlabel\na good film \t1\nbad \t0\ngood \t1\na bad \t0\n",
            "stsa.binary.dev": "1 good\n",
            "stsa.binary.test": "0 bad\n",
        },
    )
    data = registry.task("sst2_phrases").prepare(files)
    assert written_texts(data.train, data)[0] == ["a good film", "a bad"]


def test_mrpc_keeps_pairs_apart(tmp_path, own_vocabulary, monkeypatch):
    monkeypatch.setattr(text_classification, "MRPC_VALIDATION", 4)
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    rows = "".join(f'{n % 2}\t1\t2\ta "good film\tbad\n' for n in range(10))
    files = written(
        tmp_path,
        {"msr_paraphrase_train.txt": "\ufeff" + header + rows,
         "msr_paraphrase_test.txt": "\ufeff" + header + rows},
    )  # fmt: skip
    task = registry.task("mrpc")
    data = task.prepare(files)
    assert (len(data.train), len(data.val)) == (6, 4)
    row, segments = data.train.x["tokens"][0], data.train.x["segments"][0]
    assert row[segments == 1].tolist() == [VOCABULARY.index("bad"), tokenizer.SEPARATOR]
    assert written_texts(data.train, data)[1][0] == "bad"

    files["msr_paraphrase_test.txt"].write_text(header + "1\t1\n")
    with pytest.raises(HarnessError, match=r"_test\.txt, line 2: found 2 columns; expected at"):
        task.prepare(files)


def test_the_bag_of_words_stands_beside_the_commonest_class():
    train = [("a good film", "1"), ("a bad film .", "0"), ("good", "1"), ("bad", "0")]
    scores = registry.task("sst2").baseline(classified(train=train))
    assert scores["accuracy"] == 0.5
    (rival,) = (score for name, score in scores.items() if name.startswith("logistic_regression"))
    assert rival.metrics["accuracy"] == 1.0


def test_the_confusion_matrix_has_a_row_for_each_true_class():
    data = classified()
    model = Fixed(label=np.array([[0.0, 1.0], [0.0, 1.0]]))
    task = registry.task("sst2")
    score = task.score(model, data.test, data.assets)
    shown = task.exhibit(model, data, score)["confusion"]
    assert shown == {"classes": ["no", "yes"], "counts": [[0, 1], [0, 1]]}
    assert shown["counts"] == confusion_matrix([0, 1], [1, 1]).tolist()


def test_sentences_of_the_manual_stand_in_one_split_only(monkeypatch):
    parts = {
        "train": {"a": ["It is a sentence here. (x = 1)", "Headings are left out\n ====="]},
        "val": {"a": ["It is a sentence here. This one is new here."]},
        "test": {"b": ["This one is new here. Too short."]},
    }
    monkeypatch.setattr(pretraining_texts, "docs_parts", lambda: parts)
    assert pretraining_texts.docs_sentences() == {
        "train": [("a", "It is a sentence here.")],
        "val": [("a", "This one is new here.")],
        "test": [],
    }


# --- token classification -------------------------------------------------------


@pytest.mark.parametrize(
    "iob1, expected",
    [
        ("I-PER I-PER O", "B-PER I-PER O"),
        ("I-PER I-LOC I-LOC", "B-PER B-LOC I-LOC"),
        ("I-LOC B-LOC I-LOC", "B-LOC B-LOC I-LOC"),
        ("O I-LOC O I-LOC", "O B-LOC O B-LOC"),
        ("B-LOC I-PER B-PER", "B-LOC B-PER B-PER"),
        ("B-LOC I-LOC", "B-LOC I-LOC"),
        ("O O", "O O"),
    ],
)
def test_iob1_becomes_iob2(iob1, expected):
    assert iob2(iob1.split()) == expected.split()


def test_conll_reads_its_files(tmp_path, own_vocabulary):
    text = (
        "-DOCSTART- -X- O O\n\nJohn NNP I-NP I-PER\nlives VBZ I-VP O\n\n\n"
        "Paris NNP I-NP I-LOC\nRome NNP B-NP B-LOC\n"
    )
    files = written(tmp_path, dict.fromkeys(token_classification.CONLL_FILES.values(), text))
    task = registry.task("conll2003")
    data = task.prepare(files)
    validate(task, data)
    assert len(data.train) == 2
    assert data.assets["tags"] == ["O", "B-LOC", "B-PER"]
    assert data.train.y["tags"].tolist() == [[0, 3, 1, 0, 0], [0, 2, 0, 2, 0]]

    files["eng.testa"].write_text("John NNP I-NP I-PER\nlives VBZ O\n")
    with pytest.raises(HarnessError) as caught:
        task.prepare(files)
    assert str(caught.value) == ("eng.testa, line 2: found 3 columns; expected 4")
    files["eng.testa"].write_text("John NNP I-NP PER\n")
    with pytest.raises(HarnessError, match=r"eng\.testa, line 1: found 'PER'; expected a tag"):
        task.prepare(files)
    files["eng.testa"].write_text("a DT I-NP O\n\nfilm NN I-NP I-ORG\n")
    with pytest.raises(HarnessError) as caught:
        task.prepare(files)
    assert str(caught.value) == (
        "task 'conll2003', val, row 1: tag 'B-ORG' does not occur in training; "
        "expected one of O, B-LOC, B-PER"
    )


def test_wnut_parts_sentences_at_lines_of_a_tab(tmp_path, own_vocabulary):
    text = "John\tB-person\nlives\tO\n\t\nRome\tB-location\n\t\n"
    files = written(tmp_path, dict.fromkeys(token_classification.WNUT_FILES.values(), text))
    data = registry.task("wnut17").prepare(files)
    assert len(data.test) == 2
    assert data.assets["tags"] == ["O", "B-location", "B-person"]


def test_tags_stand_at_first_pieces_only():
    data = tagged()
    names = data.assets["tags"]
    assert names == ["O", "B-LOC", "B-PER", "I-PER"]
    # [CLS] John ##s in Par ##is Rome [SEP]
    wanted = ["", "B-PER", "", "O", "B-LOC", "", "B-LOC", ""]
    row = data.test.y["tags"][0]
    assert [names[n - 1] if n else "" for n in row] == wanted
    assert data.spec.outputs["tags"].size == len(names) + 1


def test_words_that_do_not_fit_are_left_out_in_training_and_refused_in_tests():
    test = [sentence("Rome/B-LOC")]
    data = tagged(longest=4, test=test, val=test)
    assert data.train.y["tags"].tolist() == [[0, 3, 1, 0], [0, 3, 0, 0]]
    with pytest.raises(HarnessError, match="'tiny', test, row 1: a sentence of 6 tokens; exp"):
        tagged(longest=5, test=[*test, sentence("in/O in/O in/O in/O")], val=test)


def test_of_a_word_of_many_pieces_the_first_ones_are_read():
    address = sentence(f"{'a.' * 20}/O Rome/B-LOC")
    found = tagged(longest=15, test=[address], val=[address]).test.y["tags"]
    assert np.flatnonzero(found[0]).tolist() == [1, 1 + LONGEST_WORD["subword"]]


def test_entity_f1_is_that_of_seqeval_on_the_written_tags():
    data = tagged()
    logits = np.random.default_rng(0).normal(size=(*data.test.y["tags"].shape, 5))
    logits[..., 0] = 100.0  # stands for what is not judged, and is never predicted
    score = tags.score(Fixed(tags=logits), data.test, data.assets)
    truth, prediction = (
        [str(line).split(" ") for line in score.per_example[name]]
        for name in ("truth", "prediction")
    )
    assert truth == [["B-PER", "O", "B-LOC", "B-LOC"], ["O", "O"]]
    assert [len(line) for line in prediction] == [4, 2]
    assert score.metrics["f1"] == entity_f1(truth, prediction, zero_division=0)

    right = np.eye(5)[data.test.y["tags"]]
    perfect = tags.score(Fixed(tags=right), data.test, data.assets).metrics
    assert perfect == dict.fromkeys(perfect, 1.0)


def test_the_score_of_tokens_is_that_of_the_metric():
    random = np.random.default_rng(1)
    names = ["O", "B-A", "I-A", "B-B"]
    truth = random.integers(0, 5, (30, 9)).astype("int32")
    truth[:, 0] = 1
    logits = random.normal(size=(30, 9, 5)).astype("float32")
    written_truth = tags.written(truth, truth, {"tags": names})
    predicted = logits[..., 1:].argmax(-1) + 1
    ours = tags.scored(written_truth, tags.written(predicted, truth, {"tags": names}))
    judged = truth > 0
    theirs = label_f1(truth[judged], predicted[judged], labels=[2, 3, 4], average="micro")
    assert ours.metrics["f1_tokens"] == pytest.approx(theirs)
    for size in (30, 7):
        metric = TagF1()
        for first in range(0, 30, size):
            metric.update_state(truth[first : first + size], logits[first : first + size])
        assert float(metric.result()) == pytest.approx(theirs, abs=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_the_metric_counts_weights_and_is_rebuilt():
    truth = np.array([[2, 1], [2, 2]], "int32")
    logits = np.eye(3)[[[2, 1], [1, 1]]].astype("float32")
    metric = TagF1()
    metric.update_state(truth, logits, sample_weight=np.array([1.0, 0.0]))
    assert float(metric.result()) == pytest.approx(1.0)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.name == "f1_tokens"


def test_the_baseline_tags_words_as_training_did():
    data = tagged()
    scores = tags.baseline(data)
    # Johns and Paris are found; Rome was never seen and is O; "a" was part of a name.
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["f1_tokens"] == pytest.approx(2 / 3)
    assert scores["token_accuracy"] == pytest.approx(4 / 6)


def test_wrong_entities_are_shown():
    data = tagged()
    ids = data.test.y["tags"].copy()
    ids[0, 6] = 1
    score = tags.score(Fixed(tags=np.eye(5)[ids]), data.test, data.assets)
    assert tags.exhibit(None, data, score)["entities"] == [
        {
            "text": "Johns in Paris Rome",
            "truth": ["Johns (PER)", "Paris (LOC)", "Rome (LOC)"],
            "prediction": ["Johns (PER)", "Paris (LOC)"],
        }
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        ('The "x[i]" form.', "The/O x/B-CODE [/I-CODE i/I-CODE ]/I-CODE form/O ./O"),
        ('"a" or "b"', "a/B-CODE or/O b/B-CODE"),
        ("No code", "No/O code/O"),
        ('An odd " quote', None),
        ('A "print("a")" call', None),
        ('Not " code " here', None),
    ],
)
def test_code_is_marked_and_its_quotes_are_gone(text, expected):
    found = token_classification.marked_code(text)
    if expected is None:
        assert found is None
    else:
        words, names = zip(*(part.rsplit("/", 1) for part in expected.split()), strict=True)
        assert found == (list(words), list(names))


def test_compile_arguments_of_tags_smooth_labels_where_training_asks():
    arguments = tags.compile_args(tagged().spec, Training(label_smoothing=0.1))
    assert arguments["loss"].label_smoothing == 0.1
    assert [metric.name for metric in arguments["metrics"]] == ["f1_tokens"]


# --- sentence similarity --------------------------------------------------------


def test_stsb_reads_its_files(tmp_path, own_vocabulary):
    line = 'g\tf\ty\t1\t{}\ta "good film\ta bad film{}\n'
    text = line.format("5.000", "") + line.format("0", "\tmore\tcolumns") + line.format("2.5", "")
    files = written(tmp_path, dict.fromkeys(sentence_similarity.STSB_FILES.values(), text))
    task = registry.task("stsb")
    data = task.prepare(files)
    validate(task, data)
    assert data.train.y["similarity"].tolist() == [[5.0], [0.0], [2.5]]
    assert written_texts(data.train, data)[1] == ["a bad film"] * 3

    for grade in ("six", "5.1", "nan", "-1"):
        files["sts-dev.csv"].write_text(text + line.format(grade, ""))
        with pytest.raises(HarnessError) as caught:
            task.prepare(files)
        assert str(caught.value) == (
            f"task 'stsb', val, row 3: grade {grade!r}; expected a number from 0 to 5"
        )
    files["sts-dev.csv"].write_text("a\tb\n")
    with pytest.raises(HarnessError) as caught:
        task.prepare(files)
    assert str(caught.value) == "sts-dev.csv, line 1: found 2 columns; expected at least 7"


def graded():
    test = [("good film", "good film", 5.0), ("bad", "good", 1.0), ("film", "a film", 3.0)]
    train = [("a good film", "a film", 4.0), ("a bad film", "good", 1.0)]
    return prepared("sentence_similarity", {"train": train, "val": test, "test": test}, 16)


def test_correlations_are_those_of_scipy():
    data = graded()
    prediction = np.array([[2.0], [0.1], [2.2]], "float32")
    score = registry.task("stsb").score(Fixed(similarity=prediction), data.test, data.assets)
    truth = score.per_example["truth"]
    found = score.per_example["prediction"]
    assert score.metrics["spearman"] == stats.spearmanr(found, truth).statistic
    assert score.metrics["pearson"] == stats.pearsonr(found, truth).statistic
    assert score.metrics["mse"] == pytest.approx(np.mean((found - truth) ** 2))


def test_a_constant_prediction_has_no_correlation():
    data = graded()
    score = registry.task("stsb").score(Fixed(similarity=np.ones((3, 1))), data.test, data.assets)
    assert (score.metrics["spearman"], score.metrics["pearson"]) == (0.0, 0.0)


def test_baselines_of_similarity_are_the_mean_and_what_texts_share():
    scores = registry.task("stsb").baseline(graded())
    assert scores["mse"] == pytest.approx(np.mean((np.array([5.0, 1.0, 3.0]) - 2.5) ** 2))
    ((name, rival),) = ((n, s) for n, s in scores.items() if n != "mse")
    assert name in ("word_overlap", "character_overlap", "ridge_regression_on_overlap")
    assert rival.metrics["spearman"] == pytest.approx(1.0)


def test_pairs_of_numbers_are_drawn_once_whatever_their_order():
    pairs = np.array([[1, 2], [2, 1], [3, 3], [1, 2], [0, 5]])
    assert sentence_similarity._distinct(pairs).tolist() == [[1, 2], [3, 3], [0, 5]]
