"""Masked language modeling: which tokens are hidden, which sentences pair, what is scored."""

import numpy as np
import pytest
from scipy import stats

from harness import registry
from harness.data import cache
from harness.kinds import masked_language_modeling
from harness.kinds.text import masking, packing
from harness.kinds.text.tokenizer import CLASSIFICATION, MASK, PADDING, RESERVED, SEPARATOR, UNKNOWN

SIZE, LONGEST = 500, 64
CONTINUES = np.arange(SIZE) % 3 == 0
CONTINUES[: len(RESERVED)] = False


def packed(examples, seed=0):
    """Random pairs of texts of all lengths, with unknown pieces."""
    random = np.random.default_rng(seed)

    def texts():
        ids = [random.integers(len(RESERVED), SIZE, random.integers(1, 45)).tolist()
               for _ in range(examples)]  # fmt: skip
        return [[UNKNOWN if random.random() < 0.05 else n for n in text] for text in ids]

    return packing.packed(texts(), texts(), LONGEST)[0]


def within(successes, trials, share):
    """Whether a count is one that a share could well give."""
    return stats.binomtest(int(successes), int(trials), share).pvalue > 1e-4


def test_what_is_hidden_has_the_shares_of_bert():
    tokens = packed(4000)
    hidden, positions, originals = masking.masked(tokens, np.random.default_rng(1), SIZE)
    rows, slots = np.nonzero(originals)
    count = len(rows)
    candidates = (tokens >= len(RESERVED)).sum(axis=1)
    assert within(count, candidates.sum(), 0.15)
    assert (np.abs((originals != 0).sum(axis=1) - 0.15 * candidates) <= 1).all()
    places = rows, positions[rows, slots]
    np.testing.assert_array_equal(originals[rows, slots], tokens[places])
    assert within((hidden[places] == MASK).sum(), count, 0.8)
    replaced = (hidden[places] != MASK) & (hidden[places] != tokens[places])
    # One in so many of the replaced ones is by chance what stood there.
    assert within(replaced.sum(), count, 0.1 * (1 - 1 / (SIZE - len(RESERVED))))
    assert (hidden[places][replaced] >= len(RESERVED)).all()
    # All others are what they were.
    again = hidden.copy()
    again[places] = tokens[places]
    np.testing.assert_array_equal(again, tokens)


@pytest.mark.parametrize("continues", [None, CONTINUES], ids=["pieces", "words"])
def test_special_tokens_are_never_hidden(continues):
    tokens = packed(1000)
    hidden, _, originals = masking.masked(tokens, np.random.default_rng(2), SIZE, continues)
    special = np.isin(tokens, [PADDING, UNKNOWN, CLASSIFICATION, SEPARATOR])
    np.testing.assert_array_equal(hidden[special], tokens[special])
    assert not np.isin(originals, [UNKNOWN, CLASSIFICATION, SEPARATOR, MASK]).any()


def test_whole_words_are_hidden_together():
    tokens = packed(1000)
    _, positions, originals = masking.masked(tokens, np.random.default_rng(3), SIZE, CONTINUES)
    whole = total = 0
    for row, places, told in zip(tokens, positions, originals, strict=True):
        chosen = set(places[told != 0].tolist())
        for place in chosen:
            neighbour = place + 1
            goes_on = neighbour < LONGEST and CONTINUES[row[neighbour]]
            total += 1
            whole += not goes_on or neighbour in chosen
            if CONTINUES[row[place]] and row[place - 1] >= len(RESERVED):
                whole += place - 1 in chosen
                total += 1
    assert whole / total > 0.995  # a word longer than all that may be told is cut
    assert 0.12 < (originals != 0).sum() / (tokens >= len(RESERVED)).sum() <= 0.151


def test_masks_can_be_taken_off_again():
    tokens = packed(300)
    hidden, positions, originals = masking.masked(tokens, np.random.default_rng(4), SIZE)
    assert (hidden != tokens).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(masking.unmasked(hidden, positions, originals), tokens)


def test_an_example_without_words_hides_nothing():
    tokens = np.array([[CLASSIFICATION, SEPARATOR, UNKNOWN, SEPARATOR] + [PADDING] * 28], "int32")
    hidden, positions, originals = masking.masked(tokens, np.random.default_rng(0), SIZE)
    np.testing.assert_array_equal(hidden, tokens)
    assert not positions.any()
    assert not originals.any()


# --- pairs ----------------------------------------------------------------------


def documents(count, first=10):
    """Every sentence is one id, repeated: where it comes from can be read off."""
    random = np.random.default_rng(5)
    made, number = [], first
    for _ in range(count):
        document = []
        for _ in range(random.integers(3, 30)):
            document.append([number] * int(random.integers(2, 12)))
            number += 1
        made.append(document)
    return made


def test_half_of_the_pairs_follow_each_other_and_the_others_come_from_elsewhere():
    texts = documents(400)
    home = {sentence[0]: (d, s) for d, document in enumerate(texts)
            for s, sentence in enumerate(document)}  # fmt: skip
    tokens, segments, follows = masking.sentence_pairs(texts, 48, np.random.default_rng(6))
    told = []
    for row, segment, follow in zip(tokens, segments, follows, strict=True):
        inside = row >= 10
        last = home[row[inside & (segment == 0)][-1]]
        first = home[row[inside & (segment == 1)][0]]
        assert (last[0] == first[0]) == bool(follow)
        if follow:
            assert first[1] == last[1] + 1
        told.append(inside & (segment == 0))
    # A first stretch that ends its document has nothing behind it.
    ends = [home[row[where][-1]] for row, where in zip(tokens, told, strict=True)]
    free = np.array([s + 1 < len(texts[d]) for d, s in ends])
    assert within(follows[free].sum(), free.sum(), 0.5)
    firsts = {int(row[where][0]) for row, where in zip(tokens, told, strict=True)}
    assert {document[0][0] for document in texts} <= firsts, "a document is left out"


@pytest.fixture(scope="module")
def docs():
    return cache.load(registry.task("python_docs_mlm"))


def restored(split):
    x, y = split.x, split.y
    return masking.unmasked(*map(np.asarray, (x["tokens"], x["positions"], y["masked_token"])))


def test_no_sentence_of_a_pair_is_of_another_split(docs):
    def stretches(split):
        tokens, segments = restored(split), np.asarray(split.x["segments"])
        return {
            tuple(row[(segment == side) & (row >= len(RESERVED))])
            for row, segment in zip(tokens, segments, strict=True)
            for side in (0, 1)
        }

    train, val, test = map(stretches, (docs.train, docs.val, docs.test))

    def long(stretches):
        return {stretch for stretch in stretches if len(stretch) > 8}

    assert long(test)
    assert not long(train) & long(val)
    assert not long(train) & long(test)
    assert not long(val) & long(test)


def test_masks_differ_between_epochs_and_repeat_with_the_seed(docs):
    def drawn(seed):
        return masked_language_modeling.redraw(docs.train, docs.assets, np.random.default_rng(seed))

    first, again, other = drawn(1), drawn(1), drawn(2)
    np.testing.assert_array_equal(first.x["tokens"], again.x["tokens"])
    np.testing.assert_array_equal(restored(first), restored(other))
    np.testing.assert_array_equal(restored(first), restored(docs.train))
    same = [
        len(set(a[a > 0]) & set(b[b > 0])) / max(1, len(set(a[a > 0])))
        for a, b in zip(first.x["positions"], other.x["positions"], strict=True)
    ]
    assert np.mean(same) < 0.3  # by chance about 0.15
    np.testing.assert_array_equal(first.y["next_sentence"], docs.train.y["next_sentence"])


# --- scores ---------------------------------------------------------------------


class Oracle:
    """A model whose logits are known."""

    def __init__(self, split, size, strength):
        random = np.random.default_rng(0)
        tokens, follows = split.y["masked_token"], split.y["next_sentence"]
        self.logits = random.normal(0, 1, (*tokens.shape, size)).astype("float32")
        chosen = np.take_along_axis(self.logits, tokens[..., None], -1)
        np.put_along_axis(self.logits, tokens[..., None], chosen + strength, -1)
        self.pair = random.normal(0, 1, (len(follows), 2)).astype("float32")
        self.at = 0

    def predict_on_batch(self, x):
        part = slice(self.at, self.at + len(x["tokens"]))
        self.at = part.stop
        return {"masked_token": self.logits[part], "next_sentence": self.pair[part]}


def test_scores_count_every_hidden_token_once(docs):
    from sklearn.metrics import accuracy_score, log_loss

    size = len(docs.assets["vocabulary"])
    model = Oracle(docs.val, size, 4.0)
    found = masked_language_modeling.score(model, docs.val, docs.assets).metrics
    tokens = np.asarray(docs.val.y["masked_token"])
    real = tokens != 0
    logits = model.logits.astype("float64")
    probabilities = np.exp(logits - np.log(np.exp(logits).sum(-1, keepdims=True)))[real]
    expected = log_loss(tokens[real], probabilities, labels=np.arange(size))
    assert found["masked_token_loss"] == pytest.approx(expected, rel=1e-5)
    assert found["masked_token_perplexity"] == pytest.approx(np.exp(expected), rel=1e-4)
    assert found["masked_token_accuracy"] == pytest.approx(
        accuracy_score(tokens[real], probabilities.argmax(-1))
    )
    follows = np.asarray(docs.val.y["next_sentence"])
    assert found["next_sentence_accuracy"] == pytest.approx(
        accuracy_score(follows, model.pair.argmax(-1))
    )


def test_the_baseline_is_no_better_than_chance_on_pairs(docs):
    found = masked_language_modeling.baseline(docs)
    assert 0.6 < found["next_sentence_loss"] < 0.75
    assert found["masked_token_loss"] < np.log(len(docs.assets["vocabulary"]))
    assert found["masked_token_accuracy"] < 0.1
