"""Language models: exact likelihoods, honest baselines, a sampled softmax that is unbiased."""

import itertools
import math

import keras
import keras_hub
import numpy as np
import pytest

from harness.kinds import language_modeling
from harness.kinds.fitting import language_models
from harness.kinds.fitting.sampled_softmax import SampledSoftmax
from harness.kinds.text import ngrams, streams
from harness.spec import HarnessError, Score, Training
from harness.training.feed import Feed

WINDOW, VOCABULARY, WIDTH = 8, 40, 6
RANDOM = np.random.default_rng(0)
TEXTS = {
    split: [f"w{number}" for number in RANDOM.zipf(1.4, count) % VOCABULARY]
    for split, count in (("train", 500), ("val", 90), ("test", 123))
}


@pytest.fixture(scope="module")
def data():
    return language_modeling.prepared("tiny", TEXTS, WINDOW, "words")


def make_model(size, tied=False):
    """A causal model with the layers that a sampled softmax works between."""
    keras.utils.set_random_seed(1)
    tokens = keras.Input((WINDOW,), dtype="int32", name="tokens")
    embedding = keras.layers.ReversibleEmbedding(size, WIDTH, name="vocabulary" if tied else "in")
    x = keras.layers.GRU(WIDTH, return_sequences=True, name="features")(embedding(tokens))
    if tied:
        logits = embedding(x, reverse=True)
    else:
        logits = keras.layers.Dense(size, bias_initializer="normal", name="vocabulary")(x)
    model = keras.Model({"tokens": tokens}, {"next_token": logits})
    model.compile("sgd", jit_compile=False)
    return model


# --- data -----------------------------------------------------------------------


def test_the_target_is_the_next_token_and_windows_adjoin(data):
    x, y = data.train.x["tokens"], data.train.y["next_token"]
    words = ["<eos>", *TEXTS["train"]]
    vocabulary = data.assets["vocabulary"]
    assert [vocabulary[i] for i in x[:].ravel()] == words[: len(x) * WINDOW]
    assert [vocabulary[i] for i in y[:].ravel()] == words[1 : len(x) * WINDOW + 1]
    assert x.series is y.series
    assert len(x) == (len(words) - 1) // WINDOW


def test_ids_fall_with_the_frequency_of_training(data):
    counts = [TEXTS["train"].count(word) for word in data.assets["vocabulary"]]
    assert counts == sorted(counts, reverse=True)


def test_a_few_windows_validate_where_that_is_asked_for():
    few = language_modeling.prepared("tiny", TEXTS, WINDOW, "words", validation_windows=4)
    assert few.val.x["tokens"].starts.tolist() == [0, 24, 48, 80]
    np.testing.assert_array_equal(few.val.x["tokens"][:][:, 1:], few.val.y["next_token"][:][:, :-1])


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "task 'tiny', val: an empty text, of 0 tokens"),
        (["a"] * 5, "task 'tiny', val: 6 steps; expected at least 9, for a window of 8"),
    ],
)
def test_a_text_that_is_too_short_is_refused(words, message):
    with pytest.raises(HarnessError, match=message):
        language_modeling.prepared("tiny", {**TEXTS, "val": words}, WINDOW, "words")


# --- likelihood -----------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("apart", [False, True], ids=["as it is", "taken apart"])
def test_perplexity_is_that_of_every_token_one_by_one(data, tied, apart, monkeypatch):
    """Against NumPy, token by token, from the weights alone; the context as documented."""
    size = len(data.assets["vocabulary"])
    model = make_model(size, tied)
    if not apart:
        monkeypatch.setattr(language_models, "FEATURES", "no such layer")
    stream = np.asarray(data.test.x["tokens"].series)
    score = language_models.score(model, data.test, data.assets)
    total = 0.0
    for place in range(1, len(stream)):
        # Windows begin every half window; the one that predicts a token is the first to hold it.
        predicted, half = len(stream) - 1, WINDOW // 2
        start = max(0, math.ceil((place - WINDOW) / half) * half)
        start = min(start, predicted - WINDOW)
        logits = gru_logits(model, stream[start:place])
        total += logits[stream[place]] - math.log(sum(math.exp(value) for value in logits))
    assert score.metrics["perplexity"] == pytest.approx(
        math.exp(-total / (len(stream) - 1)), rel=1e-4
    )
    nll = score.per_example["nll"]
    assert len(nll) == math.ceil((len(stream) - 1) / WINDOW)
    lengths = np.full(len(nll), WINDOW)
    lengths[-1] = (len(stream) - 1) - WINDOW * (len(nll) - 1)
    assert np.average(nll, weights=lengths) == pytest.approx(score.metrics["log_loss"], rel=1e-5)


def gru_logits(model, tokens):
    """The logits after some tokens, by the equations of Cho et al. (reset after the product)."""
    embeddings, kernel, recurrent, bias, *out = (
        np.asarray(weight, "float64") for weight in model.get_weights()
    )
    matrix, out_bias = out or (embeddings.T, 0)
    state = np.zeros(WIDTH)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for token in tokens:
        x_z, x_r, x_h = np.split(embeddings[token] @ kernel + bias[0], 3)
        h_z, h_r, h_h = np.split(state @ recurrent + bias[1], 3)
        update, reset = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        candidate = np.tanh(x_h + reset * h_h)
        state = update * state + (1 - update) * candidate
    return state @ matrix + out_bias


def test_perplexity_in_training_is_that_of_keras(data):
    """The metric the search compares is the exponential of the mean cross-entropy."""
    size = len(data.assets["vocabulary"])
    model = make_model(size)
    model.compile("sgd", jit_compile=False, **language_models.compile_args(data.spec, Training()))
    x, y = data.val.x["tokens"][:], data.val.y["next_token"][:]
    measured = model.evaluate({"tokens": x}, y, batch_size=3, verbose=0, return_dict=True)
    logits = model.predict({"tokens": x}, verbose=0)["next_token"].astype("float64")
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    exact = -np.take_along_axis(log_probabilities, y[..., None], -1).mean()
    assert measured["perplexity"] == pytest.approx(math.exp(exact), rel=1e-4)


# --- baselines ------------------------------------------------------------------


def test_unigram_of_a_worked_example():
    values = ngrams.unigram_log_likelihoods(np.array([0, 0, 1]), np.array([0, 1, 2]), 3)
    assert np.exp(values) == pytest.approx([3 / 6, 2 / 6, 1 / 6])


def test_kneser_ney_of_a_worked_example():
    """Training a b a b c: worked by hand from Chen and Goodman's formula."""
    train, test = np.array([0, 1, 0, 1, 2]), np.array([0, 1, 2])
    found = np.exp(ngrams.kneser_ney_log_likelihoods(train, test, 3)[-1])
    # Bigram types ab ba bc of trigram types aba bab abc: ba and bc are preceded by one word
    # each (a), ab by one (b). No n-gram of any order occurs twice in its counts: discounts
    # are 1, so each level passes all of its mass down, to 1/3 for each word.
    assert found == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    # One more "a b": trigram bab 2, aba 1, abc 1; D3 = 2 / (2 + 2) = 1/2.
    train = np.array([0, 1, 0, 1, 0, 1, 2])
    found = np.exp(ngrams.kneser_ney_log_likelihoods(train, test, 3)[-1])
    # counts: aba 2, bab 2, abc 1; D3 = 1 / (1 + 2 * 2) = 1/5. Bigrams by left neighbours:
    # ba 1, ab 1, bc 1; unigrams likewise a 1, b 1, c 1: D2 = D1 = 1, hence 1/3 below.
    # P(c | a b) = (1 - 1/5 + 1/5 * 2 * 1/3) / 3
    assert found == pytest.approx([1 / 3, 1 / 3, (4 / 5 + 2 / 15) / 3])


@pytest.mark.parametrize("context", itertools.product([0, 3, 4], repeat=2))
def test_kneser_ney_is_a_distribution(context):
    train = np.random.default_rng(0).integers(0, 5, 60) % 4  # 4 never occurs
    ends = [
        ngrams.kneser_ney_log_likelihoods(train, np.array([*context, word]), 5)[-1][-1]
        for word in range(5)
    ]
    assert sum(np.exp(ends)) == pytest.approx(1)
    assert np.isfinite(ends).all()


def test_longer_ngrams_beat_the_unigram_where_words_depend_on_each_other():
    text = ["a", "b", "c", "d"] * 60
    data = language_modeling.prepared("cycle", dict.fromkeys(TEXTS, text), WINDOW, "words")
    found = language_models.baseline(data)
    (rival,) = (score for name, score in found.items() if name.startswith("Kneser-Ney"))
    assert rival.metrics["perplexity"] < 1.2 < 3.9 < found["perplexity"]
    assert rival.per_example["nll"].mean() == pytest.approx(rival.metrics["log_loss"], rel=0.1)


# --- sampled softmax ------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
def test_the_sampled_softmax_estimates_the_partition_function(tied):
    """Over many draws the estimated sum of exponentials is the exact one."""
    model = make_model(VOCABULARY, tied)
    fitted = SampledSoftmax(model, frequent=5, sampled=10)
    x = RANDOM.integers(0, VOCABULARY, (4, WINDOW))
    y = RANDOM.integers(0, VOCABULARY, (4, WINDOW))
    logits = np.asarray(model({"tokens": x})["next_token"], "float64").reshape(-1, VOCABULARY)
    target = logits[np.arange(len(logits)), y.ravel()]
    features = fitted({"tokens": x}, training=True)["features"]
    losses = np.stack([np.asarray(fitted._estimate(features, y)) for _ in range(400)])
    sums = np.exp(losses.astype("float64")).mean(axis=0)  # of exp(logit - target) over all words
    exact = np.exp(logits - target[:, None]).sum(-1)
    assert sums == pytest.approx(exact, rel=0.05)
    assert losses.std(axis=0).max() > 0


def test_with_every_word_in_it_the_sampled_softmax_is_exact(data):
    size = len(data.assets["vocabulary"])
    model = make_model(size)
    fitted = SampledSoftmax(model, frequent=size - 1, sampled=1)
    fitted.compile("sgd", jit_compile=False, **language_models.compile_args(data.spec, Training()))
    x, y = data.val.x["tokens"][:], data.val.y["next_token"][:]
    exact = fitted.evaluate({"tokens": x}, y, verbose=0, return_dict=True)
    first = fitted.train_on_batch({"tokens": x}, y, return_dict=True)
    assert first["loss"] == pytest.approx(exact["loss"], rel=1e-5)
    assert set(first) == {"loss"}
    assert exact["perplexity"] == pytest.approx(math.exp(exact["loss"]), rel=1e-4)
    after = fitted.evaluate({"tokens": x}, y, verbose=0, return_dict=True)
    assert after["loss"] < exact["loss"]


def test_a_fit_reports_the_sampled_loss_and_the_exact_perplexity_of_validation(data):
    fitted = SampledSoftmax(make_model(len(data.assets["vocabulary"])), frequent=5, sampled=10)
    fitted.compile("adam", jit_compile=False, **language_models.compile_args(data.spec, Training()))
    arguments = Feed(data.train, data.val, 16, 4, seed=0).arguments()
    history = fitted.fit(**arguments, epochs=2, verbose=0).history
    assert set(history) == {"loss", "val_loss", "val_perplexity"}
    assert history["val_perplexity"] == pytest.approx(np.exp(history["val_loss"]), rel=1e-4)


def test_an_architecture_without_the_layers_is_trained_on_every_word(data):
    tokens = keras.Input((WINDOW,), dtype="int32", name="tokens")
    logits = keras.layers.Embedding(VOCABULARY, language_models.LARGE)(tokens)
    model = keras.Model({"tokens": tokens}, {"next_token": logits})
    assert language_modeling.sampled_softmax(model) is model


def test_only_a_large_vocabulary_is_sampled_from():
    large = language_modeling.sampled_softmax(make_model(language_models.LARGE))
    assert isinstance(large, SampledSoftmax)
    small = make_model(VOCABULARY)
    assert language_modeling.sampled_softmax(small) is small


# --- samples --------------------------------------------------------------------


def test_a_model_continues_with_what_it_finds_likeliest(data):
    """A model that always predicts the following id counts upwards."""
    size = len(data.assets["vocabulary"])
    tokens = keras.Input((WINDOW,), dtype="int32", name="tokens")
    table = keras.layers.Embedding(size, size)
    model = keras.Model({"tokens": tokens}, {"next_token": table(tokens)})
    table.set_weights([50.0 * np.roll(np.eye(size), 1, axis=1)])
    windows = np.tile(np.array([[7, 5, 2, 9, 9, 9, 9, 9]]), (2, 1))
    for sampler in (keras_hub.samplers.GreedySampler(), keras_hub.samplers.TopPSampler(0.9)):
        found = language_models.continued(model, windows, sampler, prompt=3)
        assert found.tolist() == [[7, 5, 2, 3, 4, 5, 6, 7]] * 2


def test_an_exhibit_shows_prompts_of_the_test_text(data):
    model = make_model(len(data.assets["vocabulary"]))
    shown = language_models.exhibit(model, data, Score({}))["continuations"]
    assert len(shown) == language_models.PROMPTS
    test = " ".join(["<eos>", *TEXTS["test"]])
    assert all(entry["prompt"] in test for entry in shown)
    assert all(len(entry["greedy"].split()) == WINDOW - WINDOW // 4 for entry in shown)


def test_pieces_become_words_again():
    assets = {"vocabulary": ["un", "##do", "##ing", "it"], "spelling": "pieces"}
    assert streams.spelled([0, 1, 2, 3], assets) == "undoing it"
