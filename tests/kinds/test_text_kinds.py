"""The kinds of tasks on short texts: whole tasks from what a person has."""

import re

import numpy as np
import pandas as pd
import pytest

from harness import kinds
from harness.data.validate import validate
from harness.kinds.constructor import cut_splits
from harness.kinds.text.tokenizer import CHOICES, RESERVED
from harness.spec import HarnessError, Objective, Reference, Task

TEXT_KINDS = ("text_classification", "token_classification", "sentence_similarity")
SENTENCES = [
    f"{who} {what} {where} ."
    for who in ("John", "Mary", "the cat")
    for what in ("sees", "likes", "finds")
    for where in ("Paris", "Rome", "home")
]
CITIES = ("Paris", "Rome")


def examples(kind):
    """Twenty-seven training examples of a kind, as a person has them."""
    match kind:
        case "text_classification":
            return [(text, "city" if any(c in text for c in CITIES) else "none")
                    for text in SENTENCES]  # fmt: skip
        case "token_classification":
            return [(text.split(), ["B-LOC" if word in CITIES else "O" for word in text.split()])
                    for text in SENTENCES]  # fmt: skip
        case "sentence_similarity":
            return [(text, SENTENCES[0], i % 6) for i, text in enumerate(SENTENCES)]
    return [[text, *SENTENCES[i : i + 3]] for i, text in enumerate(SENTENCES)]


def made(kind, data=None, **options):
    """A task whose `prepare` returns examples."""
    data = examples(kind) if data is None else data
    options.setdefault("vocabulary", 80)
    return kinds.of(kind).task("tiny", lambda files: data, **options)


def refusal(kind, data, **options):
    with pytest.raises(HarnessError) as caught:
        made(kind, data, **options).prepare({})
    return str(caught.value)


def raw(kind, rows):
    """Of examples what a model is asked about."""
    width = {"sentence_similarity": 2}.get(kind, 1)
    return [row[0] if width == 1 else row[:2] for row in rows]


# --- data -------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", CHOICES)
@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_task_is_made_of_examples_alone(kind, tokens):
    task = made(kind, tokens=tokens)
    data = task.prepare({})
    validate(task, data)
    assert [len(split) for split in (data.train, data.val, data.test)] == [21, 3, 3]
    assert data.assets["encoding"]["type"] == tokens
    assert data.assets["vocabulary"][: len(RESERVED)] == list(RESERVED)
    assert task.objective.metric in task.baseline(data)
    assert data.spec.inputs["tokens"].size == len(data.assets["vocabulary"])


@pytest.mark.parametrize("tokens", CHOICES)
@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_what_is_asked_is_read_as_what_was_trained_on(kind, tokens):
    """With nothing but the specification and the assets, for every text."""
    data = made(kind, tokens=tokens).prepare({})
    splits = cut_splits("tiny", examples(kind), "examples", strata=(
        (lambda rows: [row[-1] for row in rows]) if kind == "text_classification" else None
    ))  # fmt: skip
    for name in ("train", "val", "test"):
        x = kinds.of(kind).encode(raw(kind, splits[name]), data.spec, data.assets)
        trained = getattr(data, name).x
        assert set(x) == set(trained)
        for tensor, array in x.items():
            np.testing.assert_array_equal(array, trained[tensor])


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_splits_and_further_ones_are_as_they_were_given(kind):
    rows = examples(kind)
    given = {"train": rows[:20], "val": rows[20:22], "test": rows[22:24], "old": rows[24:]}
    task = made(kind, given)
    data = task.prepare({})
    validate(task, data)
    assert [len(data.train), len(data.val), len(data.test)] == [20, 2, 2]
    assert {name: len(split) for name, split in data.further.items()} == {"old": 3}


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_constant_of_a_kind_is_its_name(kind):
    module = kinds.of(kind)
    if hasattr(module, "KIND"):
        assert kind == module.KIND


def test_pairs_are_classified_too():
    rows = [(text, SENTENCES[0], i % 2) for i, text in enumerate(SENTENCES)]
    data = made("text_classification", rows, classes=["no", "yes"]).prepare({})
    assert data.assets["encoding"]["columns"] == ["text", "text_pair"]
    assert data.assets["classes"] == ["no", "yes"]
    assert data.train.x["segments"].any()


def test_a_data_frame_is_a_list_of_examples():
    frame = pd.DataFrame(examples("text_classification"), columns=["text", "label"])
    ours, theirs = (made("text_classification", data).prepare({}) for data in (frame, None))
    np.testing.assert_array_equal(ours.train.x["tokens"], theirs.train.x["tokens"])
    np.testing.assert_array_equal(ours.test.y["label"], theirs.test.y["label"])


def test_tags_stand_at_the_first_token_of_each_word():
    data = made("token_classification", tokens="character").prepare({})
    names, vocabulary = data.assets["tags"], data.assets["vocabulary"]
    assert names == ["O", "B-LOC"]
    for row, tags in zip(data.train.x["tokens"], data.train.y["tags"], strict=True):
        places = np.flatnonzero(tags == 1 + names.index("B-LOC"))
        assert {vocabulary[row[place]] for place in places} <= {"P", "R"}
        assert (tags > 0).sum() in (4, 5)  # words


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_the_vocabulary_is_that_of_a_function_of_files(kind):
    pieces = [*RESERVED, *{character for text in SENTENCES for character in text}]
    task = made(kind, vocabulary=lambda files: files["pieces"], tokens="character")
    assert task.prepare({"pieces": pieces}).assets["vocabulary"] == pieces


def test_longer_texts_are_cut():
    data = made("text_classification", longest=6).prepare({})
    assert data.train.x["tokens"].shape[1] == data.assets["encoding"]["longest"] == 6


def test_documents_become_pairs_of_sentences_with_gaps():
    module = kinds.of("masked_language_modeling")
    task = made("masked_language_modeling", longest=32)
    data = task.prepare({})
    validate(task, data)
    assert data.assets["whole_words"] is True
    assert data.train.y["masked_token"].shape[1] == data.train.x["positions"].shape[1]
    assert set(np.unique(data.train.y["next_sentence"])) == {0, 1}
    assert task.redraw is module.redraw


# --- parts ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*TEXT_KINDS, "masked_language_modeling"])
def test_every_part_can_be_replaced(kind):
    module = kinds.of(kind)
    task = made(kind)
    assert isinstance(task, Task)
    assert task.kind == module.KIND
    for part in ("compile_args", "score", "baseline"):
        assert getattr(task, part) is getattr(module, part)
    parts = {
        "objective": Objective("loss", "min"), "measure": None, "score": max, "baseline": dict,
        "compile_args": dict, "exhibit": None, "batch_sizes": (8,), "learning_rate": 3e-3,
        "init_from": "other", "licence": "mine", "reference": Reference(1.0, "me"), "version": 3,
    }  # fmt: skip
    replaced = made(kind, **parts)
    assert {name: getattr(replaced, name) for name in parts} == parts
    with pytest.raises(HarnessError, match="has no 'batch_size'; did you mean 'batch_sizes'"):
        made(kind, batch_size=8)


@pytest.mark.parametrize(
    "option, value, expected",
    [
        ("tokens", "letters", "expected one of 'subword', 'word', 'character'"),
        ("vocabulary", 0, "expected about how many tokens to learn, a list of them"),
        ("vocabulary", "abc", "expected about how many tokens to learn, a list of them"),
        ("longest", 3, "expected a number of tokens, 4 or more"),
        ("longest", "long", "expected a number of tokens, 4 or more"),
    ],
)
@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_an_option_that_cannot_be_meant_is_refused_at_once(kind, option, value, expected):
    with pytest.raises(HarnessError) as caught:
        made(kind, **{option: value})
    assert str(caught.value).startswith(f"task 'tiny': {option}={value!r}; {expected}")


# --- errors -----------------------------------------------------------------------

NOT_A_NUMBER = float("nan")


@pytest.mark.parametrize(
    "kind, row, fault",
    [
        ("text_classification", (None, "a"), "text: found None; expected a text"),
        ("text_classification", (NOT_A_NUMBER, "a"), "text: found nan; expected a text"),
        ("text_classification", (b"a", "a"), "text: found b'a'; expected a text"),
        ("text_classification", ("b", None), "label None; expected a string, as all of them"),
        ("text_classification", ("b",), "found ('b',); expected (text, label) or (text, other te"),
        ("text_classification", "b", "found 'b'; expected (text, label) or (text, other text, la"),
        ("text_classification", ("a", "b", "c"), "found 3 values; expected 2, as in row 0"),
        ("token_classification", (["a", None], ["O", "O"]), "found None among its words; expecte"),
        ("token_classification", (None, ["O"]), "found None; expected a list of words"),
        ("token_classification", (["a"], None), "tags: found None; expected a list of tags"),
        ("token_classification", (["a", "b"], ["O"]), "found 2 words and 1 tags; expected as man"),
        ("token_classification", (["a"], ["LOC"]), "tag 'LOC'; expected O, B-... or I-..."),
        ("token_classification", (["a"], [NOT_A_NUMBER]), "tag nan; expected O, B-... or I-..."),
        ("sentence_similarity", ("a", None, 1.0), "other text: found None; expected a text"),
        ("sentence_similarity", ("a", "b", NOT_A_NUMBER), "grade nan; expected a number from 0 t"),
        ("sentence_similarity", ("a", "b", 7), "grade 7; expected a number from 0 to 5"),
        ("sentence_similarity", ("a", "b"), "found ('a', 'b'); expected (text, other text, grade"),
        ("masked_language_modeling", "text", "found 'text'; expected a list of sentences"),
        ("masked_language_modeling", ["a", None], "sentence 1: found None; expected a text"),
    ],
)
def test_an_example_that_is_none_is_told_by_split_and_row(kind, row, fault):
    rows = examples(kind)
    for place in (3, len(rows)):  # of the person's rows, none of which is cut off yet
        message = refusal(kind, [*rows[:place], row, *rows[place:]])
        assert re.match(rf"task 'tiny', train, row {place}\W+{re.escape(fault)}", message)
    message = refusal(kind, {"train": rows[2:], "val": [*rows[:2], row], "test": rows[:2]})
    assert re.match(rf"task 'tiny', val, row 2\W+{re.escape(fault)}", message)


@pytest.mark.parametrize(
    "kind, row, fault",
    [
        ("text_classification", ("a", "b"), "label 'b' does not occur in training; expected one "),
        ("token_classification", (["a"], ["B-PER"]), "tag 'B-PER' does not occur in training; ex"),
    ],
)
def test_what_training_never_saw_is_told(kind, row, fault):
    rows = examples(kind)
    message = refusal(kind, {"train": rows, "val": rows[:2], "test": [rows[0], row]})
    assert message.startswith(f"task 'tiny', test, row 1: {fault}")


def test_splits_of_different_examples_are_told():
    rows = examples("text_classification")
    pairs = [(text, text, label) for text, label in rows]
    message = refusal("text_classification", {"train": rows, "val": rows, "test": pairs})
    assert message == "task 'tiny', test: examples of 3 values; expected 2, as in training"


def test_sentences_to_judge_by_are_not_cut():
    message = refusal("token_classification", examples("token_classification"), longest=6)
    assert message.startswith("task 'tiny', ")
    assert "tokens; expected at most 6, as every word is judged: raise `longest`" in message


def test_documents_that_are_too_few_to_be_paired_are_told():
    rows = examples("masked_language_modeling")
    message = refusal("masked_language_modeling", {"train": rows, "val": rows[:1], "test": rows})
    assert message == "task 'tiny', val: 1 documents with text; expected 2 or more"


@pytest.mark.parametrize("kind", [*TEXT_KINDS, "masked_language_modeling"])
def test_texts_without_a_word_are_told(kind):
    empty = {
        "text_classification": [("", n % 2) for n in range(20)],
        "token_classification": [([""], ["O"])] * 20,
        "sentence_similarity": [("", " ", 1.0)] * 20,
        "masked_language_modeling": [["\x00"], ["\x00"]] * 20,
    }
    said = "task 'tiny', train: no word in its texts; expected some"
    if kind == "masked_language_modeling":  # whose characters are none that can be read
        said += " to learn a vocabulary from"
    assert refusal(kind, empty[kind]) == said


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_a_split_without_a_word_is_told(kind):
    empty = {
        "text_classification": [("", "city"), (" \n", "none")],
        "token_classification": [([], []), ([""], ["O"])],
        "sentence_similarity": [("", " ", 1.0)],
    }
    rows = examples(kind)
    message = refusal(kind, {"train": rows, "val": empty[kind], "test": rows})
    assert message == "task 'tiny', val: no word in its texts; expected some"


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_columns_instead_of_rows_are_told(kind):
    columns = tuple(map(list, zip(*examples(kind), strict=True)))
    message = refusal(kind, (*columns[:-1], columns[-1][:-1]))
    assert message.startswith("task 'tiny', train: found columns of ")
    assert "expected a list of (" in message
    assert "list(zip(...))" in message


def test_of_a_table_with_gaps_the_row_is_told():
    rows = examples("text_classification")
    table = pd.DataFrame(rows, columns=["text", "label"])
    table.loc[5, "text"] = None
    message = refusal("text_classification", table)
    assert re.fullmatch("task 'tiny', train, row 5, text: found .*; expected a text", message)
    table = pd.DataFrame({"text": [text for text, _ in rows], "label": [*range(len(rows))]})
    table.loc[4, "label"] = None  # all of them are floats now
    message = refusal("text_classification", table)
    assert message.startswith("task 'tiny', train, row 4: label nan; expected a string or an int")


@pytest.mark.parametrize("tokens", CHOICES)
def test_an_empty_text_is_an_example_like_any_other(tokens):
    rows = [*examples("text_classification"), ("", "none"), (" ", "none")]
    data = made("text_classification", rows, tokens=tokens).prepare({})
    assert (data.train.x["tokens"][:, 0] != 0).all()


# --- answers ----------------------------------------------------------------------


def test_classes_are_answered_by_name():
    data = made("text_classification").prepare({})
    (answer,) = kinds.of("text_classification").decode(
        {"label": np.log([[0.25, 0.75]])}, data.spec, data.assets
    )
    assert answer["label"] == "none"
    assert answer["probability"] == pytest.approx(0.75)
    assert answer["probabilities"] == pytest.approx({"city": 0.25, "none": 0.75})


@pytest.mark.parametrize("tokens", CHOICES)
def test_tags_are_answered_for_each_word(tokens):
    module = kinds.of("token_classification")
    data = made("token_classification", tokens=tokens).prepare({})
    asked = [["the", "cat", "likes", "Rome", "."], "John sees Paris", []]
    x = module.encode(asked, data.spec, data.assets)
    # A model that takes what begins with R or P for a place.
    starts = [number for number, token in enumerate(data.assets["vocabulary"])
              if token[0] in "PR" and number >= len(RESERVED)]  # fmt: skip
    place = np.isin(x["tokens"], starts)
    logits = np.stack([np.full(place.shape, 99.0), ~place * 9.0, place * 9.0], axis=-1)
    answers = module.decode({"tags": logits}, data.spec, data.assets, asked)
    assert [answer["words"] for answer in answers] == [asked[0], asked[1].split(), []]
    assert answers[0]["tags"] == ["O", "O", "O", "B-LOC", "O"]
    assert answers[1]["tags"] == ["O", "O", "B-LOC"]
    assert min(answers[0]["probabilities"]) > 0.99
    assert answers[2]["tags"] == answers[2]["probabilities"] == []
    unasked = module.decode({"tags": logits}, data.spec, data.assets)
    assert [len(answer["tags"]) for answer in unasked] == [place.shape[1]] * 3


def test_words_that_were_not_read_get_no_tag():
    module = kinds.of("token_classification")
    data = made("token_classification", tokens="word").prepare({})
    longest = data.assets["encoding"]["longest"]
    asked = [["Rome"] * 50]
    x = module.encode(asked, data.spec, data.assets)
    logits = np.zeros((*x["tokens"].shape, 3))
    (answer,) = module.decode({"tags": logits}, data.spec, data.assets, asked)
    assert len(answer["words"]) == len(answer["tags"]) == longest - 2


def test_similarity_is_answered_as_a_number():
    data = made("sentence_similarity").prepare({})
    answers = kinds.of("sentence_similarity").decode(
        {"similarity": np.array([[1.5], [4.0]], "float32")}, data.spec, data.assets
    )
    assert answers == [1.5, 4.0]


def test_gaps_are_filled():
    module = kinds.of("masked_language_modeling")
    data = made("masked_language_modeling", longest=32).prepare({})
    vocabulary = data.assets["vocabulary"]
    asked = ["John [MASK] Rome .", "the [MASK] finds [MASK]"]
    x = module.encode(asked, data.spec, data.assets)
    assert {name: array.shape[1] for name, array in x.items()} == {
        name: tensor.shape[0] for name, tensor in data.spec.inputs.items()
    }
    assert vocabulary[x["tokens"][0, 2]] == "[MASK]"
    assert x["positions"][0, :2].tolist() == [2, 0]
    assert np.count_nonzero(x["positions"][1]) == 2
    outputs = {
        "masked_token": np.eye(len(vocabulary))[np.arange(x["positions"].size)].reshape(
            *x["positions"].shape, -1
        ),
        "next_sentence": np.log([[0.5, 0.5], [0.1, 0.9]]),
    }  # fmt: skip
    first, second = module.decode(outputs, data.spec, data.assets, asked)
    assert [len(answer["masked_token"]) for answer in (first, second)] == [1, 2]
    assert first["masked_token"][0][0]["piece"] == vocabulary[0]
    assert second["next_sentence"] == pytest.approx(0.9)
    unasked = module.decode(outputs, data.spec, data.assets)
    assert len(unasked[0]["masked_token"]) == x["positions"].shape[1]
    pairs = module.encode([("John", "the [MASK]")], data.spec, data.assets)
    assert pairs["segments"].any()


@pytest.mark.parametrize("tokens", CHOICES)
def test_letters_of_a_word_stand_at_its_first_token(tokens):
    sentences = [(["John", "saw", "Zürich", "!"], ["B-PER", "O", "B-LOC", "O"])] * 20
    data = made("token_classification", sentences, tokens=tokens, characters=4).prepare({})
    validate(made("token_classification", sentences), data)
    found = data.train.x["characters"]
    judged = data.train.y["tags"] != 0
    assert not found[~judged].any()
    words = [bytes(row[row > 0] - 1).decode("utf-8", "ignore") for row in found[0][judged[0]]]
    assert words == ["John", "saw", "Zür", "!"]
    asked = kinds.of("token_classification").encode([sentences[0][0]], data.spec, data.assets)
    assert set(asked) == set(data.spec.inputs)
    for name, array in asked.items():
        np.testing.assert_array_equal(array[0], data.train.x[name][0])
        assert array.dtype == data.spec.inputs[name].dtype
