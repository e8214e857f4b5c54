"""Greedy and beam search: right, the same with and without a cache, and at an end behind it."""

import itertools

import keras
import numpy as np
import pytest

from harness.kinds import translation
from harness.kinds.fitting import decoding, translating
from tests import translators
from tests.kinds.test_translation import ENGLISH, GERMAN, tiny

SIZE, STEPS = 7, 5
"""Ids of a vocabulary, and tokens of a hypothesis: few enough to try all hypotheses."""


def sentences(count, size, longest):
    """Random sources of all lengths, each with its end."""
    random = np.random.default_rng(0)
    source = np.zeros((count, longest), "int32")
    for row in source:
        length = random.integers(0, longest)
        row[:length] = random.integers(4, size, length)
        row[length] = decoding.END
    return source


@pytest.fixture(scope="module", params=translators.SPACES, ids=lambda space: space.name)
def model(request):
    """An architecture that has begun to learn to copy, so that hypotheses differ and end."""
    spec = translators.translation_spec()
    defaults, _ = next(translators.models(request.param, 1))
    small = {"units": 16, "embedding": 16, "dim": 16, "tied": False, "dropout": 0.0}
    values = {**vars(defaults), **{k: v for k, v in small.items() if k in vars(defaults)}}
    keras.utils.set_random_seed(0)
    model = request.param.build(type(defaults)(**values), spec)
    source = sentences(2048, translators.SIZE, 12)
    started = np.pad(source, ((0, 0), (1, 0)), constant_values=decoding.START)[:, :-1]
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        jit_compile=False,
    )
    inputs = {"source": source, "target": np.where(started == decoding.END, 0, started)}
    model.fit(inputs, {"next_token": source}, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("count", [40, pytest.param(100, marks=pytest.mark.long)])
def test_a_cache_changes_nothing(model, count):
    source = sentences(count, translators.SIZE, 12)
    for beams in (1, 3):
        cached, uncached = (
            decoding.decoded(model, source, 10, beams, 0.6, cached) for cached in (True, False)
        )
        np.testing.assert_array_equal(cached, uncached)
        assert len({tuple(row) for row in cached}) > 20


def test_one_beam_is_greedy_search(model):
    source = sentences(40, translators.SIZE, 12)
    search = decoding.BeamSearch(model, 10, beams=1, alpha=0.6, cached=True)
    search.compile(jit_compile=False)
    np.testing.assert_array_equal(
        np.asarray(search.predict_on_batch(source)[0]), decoding.decoded(model, source, 10)
    )


def test_a_hypothesis_does_not_depend_on_what_is_translated_with_it(model):
    source = sentences(5, translators.SIZE, 12)
    together = decoding.decoded(model, source, 10, 3, 0.6)
    alone = decoding.decoded(model, source, 10, 3, 0.6, batch=1)
    np.testing.assert_array_equal(together, alone)


def test_nothing_stands_behind_an_end(model):
    source = sentences(40, translators.SIZE, 12)
    for beams in (1, 3):
        written = decoding.decoded(model, source, 10, beams, 0.6)
        assert (written == decoding.END).any()
        for row in written:
            ends = np.flatnonzero(row == decoding.END)
            assert len(ends) <= 1
            if len(ends):
                assert (row[ends[0] + 1 :] == 0).all()
            inside = row[: ends[0] if len(ends) else None]
            assert not np.isin(inside, [decoding.PADDING, decoding.START]).any()


def test_little_room_at_first_changes_nothing(model, monkeypatch):
    """Hypotheses that outgrow it are written again."""
    source, answers = sentences(40, translators.SIZE, 12), []
    for room in (0.25, 100):
        monkeypatch.setattr(decoding, "ROOM", room)
        answers.append(decoding.decoded(model, source, 16, 3, 0.6))
    np.testing.assert_array_equal(*answers)
    lengths = (answers[0] != 0).sum(axis=1)
    assert lengths.min() < 0.25 * source.shape[1] < lengths.max()


class Table(keras.layers.Layer):
    """Logits that depend on the last two tokens, from a table."""

    def __init__(self, seed):
        super().__init__()
        values = np.random.default_rng(seed).normal(0, 2, (SIZE, SIZE, SIZE))
        self.table = values.reshape(SIZE * SIZE, SIZE).astype("float32")

    def call(self, source, target):
        before = keras.ops.pad(target, ((0, 0), (1, 0)))[:, :-1]
        return keras.ops.take(self.table, before * SIZE + target, axis=0)

    def compute_output_spec(self, source, target):
        return keras.KerasTensor((*target.shape, SIZE))


def table_model(seed):
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    model = keras.Model([source, target], {"next_token": Table(seed)(source, target)})
    model = keras.Model({"source": source, "target": target}, model([source, target]))
    model.compile("sgd", jit_compile=False)
    return model


@pytest.mark.parametrize("seed, alpha", itertools.product(range(4), (0.0, 0.6, 2.0)))
def test_wide_beams_find_the_best_of_all_hypotheses(seed, alpha):
    """With as many beams as there can be hypotheses, the search is exhaustive."""
    model, table = table_model(seed), np.random.default_rng(seed).normal(0, 2, (SIZE,) * 3)
    table[:, :, [decoding.PADDING, decoding.START]] = -1e9
    log_probabilities = table - np.log(np.exp(table).sum(-1, keepdims=True))

    def scored(tokens):
        before, total = (0, decoding.START), 0.0
        for token in tokens:
            total += log_probabilities[(*before, token)]
            before = (before[1], token)
        return total / ((5 + len(tokens)) / 6) ** alpha

    words = [token for token in range(SIZE) if token > decoding.END]
    steps = 3
    candidates = [
        (*inside, decoding.END)
        for length in range(steps)
        for inside in itertools.product(words, repeat=length)
    ] + list(itertools.product(words, repeat=steps))
    best = max(candidates, key=scored)
    found = decoding.decoded(model, np.array([[4, decoding.END]], "int32"), steps, 150, alpha)
    assert tuple(found[0][found[0] != 0]) == best


def test_any_sentence_can_be_translated():
    """Also an empty one, and one that is longer than all that the task knows."""
    data = tiny()
    space = translators.SPACES[0]
    *_, (_, model) = translators.models(space, 1, data.spec)
    model.compile("sgd", jit_compile=False)
    answers = translating.translate(model, ["", " ", "a dog " * 100, ENGLISH[0]], data.assets, 2)
    assert len(answers) == 4
    assert answers[0] == answers[1]
    assert all(isinstance(answer, str) for answer in answers)
    cut = " ".join(["a dog"] * 100)
    assert answers[2] == translating.translate(model, [cut], data.assets, 2)[0]


def test_scores_and_exhibits_are_of_the_same_translations():
    data = tiny()
    *_, (_, model) = translators.models(translators.SPACES[0], 1, data.spec)
    model.compile("sgd", jit_compile=False)
    score = translation.score(model, data.test, data.assets)
    assert score.per_example["reference"].tolist() == GERMAN[2:]
    shown = translation.exhibit(model, data, score)
    assert {row["hypothesis"] for row in shown["translations"]} <= set(
        score.per_example["hypothesis"].tolist()
    )
    for drawn in shown["attention"]:
        weights = np.array(drawn["weights"])
        assert weights.shape == (len(drawn["target"]), len(drawn["source"]))
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
        assert drawn["source"][-1] == "</s>"
