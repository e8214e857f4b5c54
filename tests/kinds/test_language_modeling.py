"""Language modeling from texts: words, characters and pieces, learned, unknown, spelled."""

import json

import keras
import keras_tuner
import numpy as np
import pytest

from harness import kinds, registry
from harness.data.validate import validate
from harness.kinds import language_modeling
from harness.kinds.fitting import language_models
from harness.kinds.text import streams
from harness.spec import HarnessError, Objective, Training

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "the",
    "mat",
    "and",
    "the",
    "dog",
    "ran",
    "to",
    "the",
    "cat",
    "and",
    "sat",
    "on",
    "it",
]
RANDOM = np.random.default_rng(0)
TEXT = "\n".join(" ".join(RANDOM.choice(WORDS, 8)) for _ in range(200)) + "\n"
SPLITS = {"train": TEXT, "val": TEXT[:600], "test": TEXT[600:1200]}


def made(text=TEXT, **options):
    return language_modeling.task("t", lambda files: text, **{"window": 8, **options})


def data(text=TEXT, **options):
    prepared = made(text, **options).prepare({})
    validate(made(), prepared)
    return prepared


def refusal(text, **options):
    with pytest.raises(HarnessError) as error:
        made(text, **options).prepare({})
    assert "\n" not in str(error.value)
    return str(error.value)


def tokens_of(split, prepared):
    """The tokens of a split, in order."""
    return [prepared.assets["vocabulary"][n] for n in split.x["tokens"].series]


def test_a_task_is_made_of_a_text():
    def prepare(files):
        return TEXT

    task = language_modeling.task("t", prepare)
    assert (task.kind, task.objective) == ("language_modeling", Objective("perplexity", "min"))
    assert kinds.author(task.prepare) is prepare
    prepared = task.prepare({})
    validate(task, prepared)
    assert prepared.spec.inputs["tokens"].shape == (64,)
    assert 1 < task.baseline(prepared)["perplexity"] < 20


@pytest.mark.parametrize("tokens", ["word", "character", "subword"])
def test_a_text_is_cut_at_its_end_and_spelled_again(tokens):
    prepared = data(tokens=tokens)
    parts = (prepared.train, prepared.val, prepared.test)
    sizes = np.array([len(part.x["tokens"].series) for part in parts])
    assert sizes / sizes.sum() == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    whole = [n for part in parts for n in part.x["tokens"].series[1:]]
    text = streams.spelled(whole, prepared.assets)
    if tokens == "character":
        assert text == TEXT
    else:
        assert text.replace("<eos>", " ").split() == TEXT.split()
    assert "unknown_shares" not in prepared.assets


def test_characters_are_taken_as_they_are():
    prepared = data(tokens="character")
    assert set(prepared.assets["vocabulary"]) == set(TEXT)
    assert tokens_of(prepared.test, prepared)[0] == "\n"  # what stands before the first one


def test_lines_of_words_and_texts_of_a_list_are_ended():
    assert streams.cut("", "a b\n\nc\n", "word") == ["a", "b", "<eos>", "<eos>", "c", "<eos>"]
    assert streams.cut("", ["a", "b"], "word") == ["a", "b"]
    assert streams.cut("", ["ab", "c"], "character") == ["a", "b", "\n", "c", "\n"]
    documents = {split: [text, text] for split, text in SPLITS.items()}
    found = tokens_of(data(documents, tokens="subword").test, data(documents, tokens="subword"))
    assert found.count("<eos>") == 3


def test_a_vocabulary_is_learned_on_training_text_alone():
    splits = {**SPLITS, "test": "the zebra sat on the zebra and the cat sat on it " * 2}
    prepared = data(splits, vocabulary=6)
    assert len(prepared.assets["vocabulary"]) == 6
    assert "zebra" not in prepared.assets["vocabulary"]
    assert "<unk>" in tokens_of(prepared.test, prepared)
    assert prepared.assets["vocabulary"][prepared.assets["unknown"]] == "<unk>"
    shares = prepared.assets["unknown_shares"]
    found = tokens_of(prepared.test, prepared)[1:]
    assert shares["test"] == found.count("<unk>") / len(found)
    assert 0 < shares["train"] < 0.5


def test_what_occurs_once_in_training_is_unknown_there_too():
    prepared = data({**SPLITS, "train": TEXT + "hapax\n"})
    assert "<unk>" in tokens_of(prepared.train, prepared)
    assert "hapax" not in prepared.assets["vocabulary"]
    every = data({**SPLITS, "train": TEXT + "hapax\n"}, vocabulary="all")
    assert "hapax" in every.assets["vocabulary"]
    assert "unknown" not in every.assets


@pytest.mark.parametrize(
    "named", [list, lambda words: lambda files: words], ids=["list", "function"]
)
def test_a_vocabulary_can_be_named(named):
    prepared = data(vocabulary=named(sorted(set(WORDS) - {"it"})))
    assert set(prepared.assets["vocabulary"]) == {*WORDS, "<eos>", "<unk>"} - {"it"}


def test_the_score_says_how_much_of_the_text_is_unknown():
    prepared = data(vocabulary=8)
    size = len(prepared.assets["vocabulary"])
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    model = keras.Model(
        {"tokens": tokens}, {"next_token": keras.layers.Embedding(size, size)(tokens)}
    )
    model.compile("sgd", jit_compile=False)
    metrics = language_modeling.score(model, prepared.test, prepared.assets).metrics
    assert metrics["unknown_share"] == pytest.approx(prepared.assets["unknown_shares"]["test"])
    assert set(metrics) == {"perplexity", "log_loss", "unknown_share"}


@pytest.mark.parametrize(
    "text, options, said",
    [
        ({**SPLITS, "val": "a b"}, {"vocabulary": "all"},
         "'t', val: 4 steps; expected at least 9, for a window of 8"),
        ({**SPLITS, "test": "x y z " * 9}, {},
         "'t', test: 96% of its 28 words are not in the vocabulary; expected at most 50%"),
        ({**SPLITS, "test": "xyz" * 9}, {"tokens": "character"}, "'t', test: 100% of its 27 char"),
        (" \n" * 99, {}, "task 't', train: no word in its text; expected some"),
        (["a", "b", float("nan")] * 9, {}, "task 't', train, entry 2: found nan; expected a text"),
        ("a b c d e f g h i j k l m", {}, "no word occurs twice in its text; expected a longer"),
        (["the cat", "sat on"] * 9, {}, "found 'the cat'; expected a list of words, or one text"),
        ([1, 2, 3] * 9, {}, "'t', train, entry 0: found 1; expected a text"),
        (TEXT, {"tokens": "subword", "vocabulary": 9}, "a vocabulary of 9 pieces; expected at"),
        (3, {}, "'t', train: expected a text, or a list of texts or words, found 3"),
        ("", {}, "'t', train: no examples; expected at least one"),
    ],
)  # fmt: skip
def test_texts_that_cannot_be_modelled_are_one_line(text, options, said):
    assert said in refusal(text, **options)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"tokens": "words"}, "tokens='words'; expected one of 'word', 'character', 'subword'"),
        ({"vocabulary": 0}, "vocabulary=0 of words; expected how many to learn, 'all', a list"),
        ({"vocabulary": "al"}, "vocabulary='al' of words; expected how many"),
        ({"vocabulary": "all", "tokens": "subword"}, "of subwords; expected how many to learn, a"),
    ],
)
def test_choices_that_there_are_not_are_one_line(options, said):
    with pytest.raises(HarnessError) as error:
        made(**options)
    assert said in str(error.value)


@pytest.mark.parametrize("tokens", ["word", "character", "subword"])
def test_a_prompt_is_read_as_training_text_was(tokens):
    prepared = data(tokens=tokens)
    prompts = ["the cat sat on the mat and the dog ran", "the"]
    rows = language_modeling.encode(prompts, prepared.spec, prepared.assets)["tokens"]
    assert rows.shape == (2, 8)
    whole, short = (streams.spelled(row, prepared.assets) for row in rows)
    assert prompts[0].endswith(whole)
    assert short.endswith("the")
    assert set(short.removesuffix("the").split()) <= {"<eos>"}


def test_a_prompt_of_several_lines_goes_on_in_the_last():
    prepared = data()
    (row,) = language_modeling.encode(["the\ncat"], prepared.spec, prepared.assets)["tokens"]
    assert streams.spelled(row[-3:], prepared.assets) == "the <eos> cat"


def test_what_cannot_be_spelled_is_one_line():
    for tokens, text in (("word", "the zebra"), ("character", "the z"), ("subword", "the z")):
        prepared = data(tokens=tokens)
        with pytest.raises(HarnessError, match=r"input 0: '.*' is in no text of the task"):
            language_modeling.encode([text], prepared.spec, prepared.assets)
    known = data(vocabulary=6)
    (row,) = language_modeling.encode(["the zebra"], known.spec, known.assets)["tokens"]
    assert row[-1] == known.assets["unknown"]


def test_an_answer_is_the_likeliest_token():
    prepared = data(tokens="character")
    size = len(prepared.assets["vocabulary"])
    logits = np.zeros((1, 8, size), "float32")
    logits[0, -1, 3] = 5
    (answer,) = language_modeling.decode({"next_token": logits}, prepared.spec, prepared.assets)
    assert answer["next_token"] == prepared.assets["vocabulary"][3]
    assert len(answer["probabilities"]) == 5
    assert json.loads(json.dumps(answer)) == answer


def test_characters_are_shown_as_a_text():
    """An untrained model goes on with whatever; prompt and continuation are one text."""
    task = made(tokens="character", window=16)
    prepared = task.prepare({})
    space = registry.space("gru")
    keras.utils.set_random_seed(0)
    model = space.build(space.sample(keras_tuner.HyperParameters(), task.kind), prepared.spec)
    model.compile("adam", jit_compile=False, **task.compile_args(prepared.spec, Training()))
    x, y = ({name: array[:] for name, array in side.items()}
            for side in (prepared.val.x, prepared.val.y))  # fmt: skip
    model.fit(x, y, verbose=0)
    score = task.score(model, prepared.test, prepared.assets)
    assert 1 < score.metrics["perplexity"] < 100
    shown = task.exhibit(model, prepared, score)["continuations"]
    assert len(shown) == language_models.PROMPTS
    for entry in shown:
        assert entry["prompt"] in "\n" + TEXT
        assert len(entry["prompt"]) == 4
        assert len(entry["greedy"]) == len(entry["nucleus"]) == 12
