"""Hidden tokens: how they are drawn, fitted, scored and shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.rivals.neighbours import Neighbours, gaps
from harness.kinds.text import encoding as encodings
from harness.kinds.text.encoding import SEGMENTS, TOKENS, VOCABULARY
from harness.kinds.text.masking import masked, unmasked
from harness.kinds.text.tokenizer import CONTINUATION, MASK, PADDING
from harness.spec import DataSpec, Prepared, Score, Split, Training

POSITIONS = "positions"
"""An input: where the hidden tokens stand."""
MASKED_TOKEN = "masked_token"  # noqa: S105 - no password
"""The output: what stood there."""
NEXT_SENTENCE = "next_sentence"
"""The output: whether the other text follows."""
WHOLE_WORDS = "whole_words"
"""The asset: whether words are hidden as a whole."""
BATCH = 64
SHOWN, GUESSES = 6, 5
"""Sentences of an exhibit, and what is guessed for the gap of each."""
AROUND = 12
"""Tokens shown on each side of a gap."""


def hidden(
    tokens: np.ndarray,
    segments: np.ndarray,
    follows: np.ndarray,
    assets: Mapping[str, Any],
    random: np.random.Generator,
) -> Split:
    """Examples as of `masking.sentence_pairs`, some of whose tokens are hidden."""
    vocabulary = assets[VOCABULARY]
    continues = None
    if assets[WHOLE_WORDS]:
        continues = np.array([piece.startswith(CONTINUATION) for piece in vocabulary])
    hidden, positions, originals = masked(tokens, random, len(vocabulary), continues)
    return Split(
        {TOKENS: hidden, SEGMENTS: segments, POSITIONS: positions},
        {MASKED_TOKEN: originals, NEXT_SENTENCE: follows},
    )


def redraw(split: Split, assets: Mapping[str, Any], random: np.random.Generator) -> Split:
    """The same examples under other masks."""
    x, y = split.x, split.y
    tokens = unmasked(*(np.asarray(a) for a in (x[TOKENS], x[POSITIONS], y[MASKED_TOKEN])))
    return hidden(tokens, np.asarray(x[SEGMENTS]), np.asarray(y[NEXT_SENTENCE]), assets, random)


# --- training and scoring -------------------------------------------------------


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of the hidden tokens and of what follows, added up; accuracy of both."""
    import keras

    from harness.kinds.fitting.losses import TokenAccuracy, TokenCrossentropy

    return {
        "loss": {
            MASKED_TOKEN: TokenCrossentropy(padding=PADDING),
            NEXT_SENTENCE: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        "metrics": {
            MASKED_TOKEN: [TokenAccuracy(name="accuracy")],
            NEXT_SENTENCE: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        },
    }


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """How well a model tells hidden tokens, and whether a text follows another.

    Metrics: `masked_token_accuracy`, `masked_token_loss` in nats and `masked_token_perplexity`,
    each hidden token counting once; `next_sentence_accuracy` and `next_sentence_loss`. A loss
    of chance is the logarithm of the vocabulary's size, or of 2.
    Per example: `log_likelihood`, the mean of its hidden tokens.
    """
    from scipy.special import log_softmax

    tokens, follows, log_likelihood = [], [], []
    for first in range(0, len(split), BATCH):
        part = slice(first, first + BATCH)
        outputs = model.predict_on_batch({k: np.asarray(v[part]) for k, v in split.x.items()})
        logits = np.asarray(outputs[MASKED_TOKEN], "float64")
        original = np.asarray(split.y[MASKED_TOKEN][part])
        real = original != PADDING
        own = _chosen(log_softmax(logits, axis=-1), original)
        tokens.append(np.stack([own, logits.argmax(axis=-1) == original], axis=-1)[real])
        counts = np.maximum(1, real.sum(axis=1))
        log_likelihood.append(np.where(real, own, 0).sum(axis=1) / counts)
        pair = log_softmax(np.asarray(outputs[NEXT_SENTENCE], "float64"), axis=-1)
        truth = np.asarray(split.y[NEXT_SENTENCE][part])
        follows.append(np.stack([_chosen(pair, truth), pair.argmax(axis=-1) == truth], axis=-1))
    told, paired = np.concatenate(tokens), np.concatenate(follows)
    return Score(
        _metrics(-told[:, 0].mean(), told[:, 1].mean(), -paired[:, 0].mean(), paired[:, 1].mean()),
        {"log_likelihood": np.concatenate(log_likelihood).astype("float32")},
    )


def _chosen(log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.take_along_axis(log_probabilities, labels[..., None].astype(int), axis=-1)[..., 0]


def _metrics(
    token_loss: float, token_accuracy: float, pair_loss: float, pair_accuracy: float
) -> dict[str, float]:
    return {
        f"{MASKED_TOKEN}_accuracy": float(token_accuracy),
        f"{MASKED_TOKEN}_loss": float(token_loss),
        f"{MASKED_TOKEN}_perplexity": float(np.exp(min(token_loss, 700.0))),
        f"{NEXT_SENTENCE}_accuracy": float(pair_accuracy),
        f"{NEXT_SENTENCE}_loss": float(pair_loss),
    }


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores of the frequencies of training, of pieces, and of texts that follow; and of both
    neighbours of a hidden token, see `harness.kinds.rivals.neighbours`."""
    size = prepared.spec.outputs[MASKED_TOKEN].size or 0

    def arrays(split: Split) -> tuple[np.ndarray, np.ndarray]:
        original = np.asarray(split.y[MASKED_TOKEN])
        return original[original != PADDING], np.asarray(split.y[NEXT_SENTENCE])

    (known, before), (tokens, follows) = arrays(prepared.train), arrays(prepared.test)
    # A piece that training never hid would have an infinite loss: one is added to each.
    piece, pair = (
        (counts + 1) / (counts + 1).sum()
        for counts in (np.bincount(known, minlength=size), np.bincount(before, minlength=2))
    )
    paired = float(-np.log(pair[follows]).mean()), float(np.mean(follows == pair.argmax()))
    floor = _metrics(-np.log(piece[tokens]).mean(), np.mean(tokens == piece.argmax()), *paired)
    return {**floor, "neighbouring_token_model": _neighbours(prepared, size)}


def _neighbours(prepared: Prepared, size: int) -> Score:
    def arrays(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x = split.x
        return np.asarray(x[TOKENS]), np.asarray(x[POSITIONS]), np.asarray(split.y[MASKED_TOKEN])

    rival = Neighbours(unmasked(*arrays(prepared.train)), size)
    rival.choose_weight(gaps(*arrays(prepared.val)))
    own, right = rival.tell(gaps(*arrays(prepared.test)))
    real = arrays(prepared.test)[2] != PADDING
    told = np.zeros(real.shape)
    told[real] = own
    loss, counts = float(-own.mean()), np.maximum(1, real.sum(axis=1))
    metrics = _metrics(loss, float(right.mean()), 0.0, 0.0)
    return Score(
        {name: value for name, value in metrics.items() if name.startswith(MASKED_TOKEN)},
        {"log_likelihood": (told.sum(axis=1) / counts).astype("float32")},
    )


# --- looking --------------------------------------------------------------------


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """What the model would put in the gaps of a few test sentences, one gap each.

    Returns:
        `fill_mask`, each with `text`, `truth` and `guesses` of a `piece` and its `probability`.
    """
    from scipy.special import softmax

    vocabulary = prepared.assets[VOCABULARY]
    tokenizer = encodings.of(prepared.spec, prepared.assets).tokenizer(vocabulary)
    split = prepared.test
    rows = np.linspace(0, len(split) - 1, SHOWN + 2).astype("int64")[1:-1]
    x = {name: np.array(array[rows]) for name, array in split.x.items()}
    original = np.asarray(split.y[MASKED_TOKEN][rows])
    tokens = unmasked(x[TOKENS], x[POSITIONS], original)
    gaps = x[POSITIONS][:, 0]
    truths = original[:, 0]
    tokens[np.arange(len(rows)), gaps] = MASK
    x |= {
        TOKENS: tokens,
        POSITIONS: np.where(np.arange(x[POSITIONS].shape[1]) == 0, gaps[:, None], 0),
    }
    logits = np.asarray(model.predict_on_batch(x)[MASKED_TOKEN], "float64")[:, 0]
    shown = []
    for row, gap, truth, probabilities in zip(
        tokens, gaps, truths, softmax(logits, axis=-1), strict=True
    ):
        window = row[max(0, gap - AROUND) : gap + AROUND + 1]
        shown.append(
            {
                "text": tokenizer.decode(window),
                "truth": vocabulary[truth],
                "guesses": guesses(probabilities, vocabulary),
            }
        )
    return {"fill_mask": shown}


def guesses(probabilities: np.ndarray, vocabulary: Sequence[str]) -> list[dict[str, Any]]:
    """The likeliest tokens, the likeliest first."""
    best = np.argsort(-probabilities)[:GUESSES]
    return [{"piece": vocabulary[n], "probability": float(probabilities[n])} for n in best]
