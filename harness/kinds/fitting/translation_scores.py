"""Loss, scores, baselines and exhibit of translation models."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.kinds.fitting.translating import (
    BLEU_TOKENIZER,
    LONGEST,
    NEXT_TOKEN,
    SOURCE,
    SOURCE_VOCABULARY,
    TARGET,
    TARGET_VOCABULARY,
    attention_maps,
    texts,
    translations,
    trimmed,
)
from harness.kinds.text import subwords
from harness.kinds.text.alignment import dictionary, word_by_word
from harness.kinds.text.bleu import by_length, chrf, signature, text_scores
from harness.kinds.text.subwords import PADDING
from harness.spec import DataSpec, Prepared, Score, Split, Training

SHOWN, MAPPED = 6, 3
"""Sentences of an exhibit: with their translations, and of those with attention maps."""
BATCH = 64
MOST_LOGITS = 2**25
"""Of a batch that is scored: 256 MiB of 64-bit floats."""


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of the real tokens; their accuracy, given those before."""
    from harness.kinds.fitting.losses import TokenAccuracy, TokenCrossentropy

    return {
        "loss": TokenCrossentropy(training.label_smoothing, PADDING),
        # Perplexity would take a tenth of the time of training; `score` gives it.
        "metrics": [TokenAccuracy(name="token_accuracy")],
    }


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """BLEU and chrF of translations by beam search, and what is known of the reference's tokens.

    Metrics: `bleu` and `chrf` (sacreBLEU, 0 to 100), `exact_match` of whole sentences,
    `token_accuracy` and `perplexity` of each token given those before it in the reference.
    Per example: `hypothesis` and `reference`, texts; `chrf` of the sentence.
    """
    hypotheses = translations(model, np.asarray(split.x[SOURCE]), assets)
    references = texts(np.asarray(split.y[NEXT_TOKEN]), assets[TARGET_VOCABULARY])
    found = _of_texts(hypotheses, references, assets.get(BLEU_TOKENIZER))
    return Score({**found.metrics, **_token_scores(model, split, assets)}, found.per_example)


def _of_texts(hypotheses: list[str], references: list[str], tokenizer: str | None) -> Score:
    return Score(
        text_scores(hypotheses, references, tokenizer),
        {
            "hypothesis": np.array(hypotheses, dtype=np.str_),
            "reference": np.array(references, dtype=np.str_),
            "chrf": np.array(
                [
                    chrf().sentence_score(h, [r]).score
                    for h, r in zip(hypotheses, references, strict=True)
                ],
                "float32",
            ),
        },
    )


def _token_scores(model: Any, split: Split, assets: Mapping[str, Any]) -> dict[str, float]:
    """Accuracy and perplexity of the real tokens, given those before them."""
    from scipy.special import logsumexp

    inputs = {name: np.asarray(split.x[name]) for name in (SOURCE, TARGET)}
    following = np.asarray(split.y[NEXT_TOKEN])
    order = np.argsort((following != PADDING).sum(axis=1), kind="stable")
    right = count = 0
    log_likelihood = 0.0
    size = len(subwords.loaded(assets[TARGET_VOCABULARY]))
    batch_size = max(1, min(BATCH, MOST_LOGITS // (size * assets[LONGEST])))
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        batch = {name: trimmed(array[chosen]) for name, array in inputs.items()}
        tokens = trimmed(following[chosen])
        logits = np.asarray(model.predict_on_batch(batch)[NEXT_TOKEN], "float64")
        real = tokens != PADDING
        own = np.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
        right += int((logits.argmax(axis=-1) == tokens)[real].sum())
        count += int(real.sum())
        log_likelihood += float((own - logsumexp(logits, axis=-1))[real].sum())
    return {
        "token_accuracy": right / count,
        "perplexity": float(np.exp(min(-log_likelihood / count, 700.0))),
    }


# --- baselines ------------------------------------------------------------------


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores of the source itself, of a dictionary word by word, and of one token."""
    vocabularies = prepared.assets[SOURCE_VOCABULARY], prepared.assets[TARGET_VOCABULARY]

    def sides(split: Split) -> tuple[list[str], list[str]]:
        return (
            texts(np.asarray(split.x[SOURCE]), vocabularies[0]),
            texts(np.asarray(split.y[NEXT_TOKEN]), vocabularies[1]),
        )

    source, references = sides(prepared.test)
    known = dictionary(*sides(prepared.train))
    translated = [word_by_word(sentence, known) for sentence in source]
    tokenizer = prepared.assets.get(BLEU_TOKENIZER)
    copied = text_scores(source, references, tokenizer)
    return {
        **{name: value for name, value in copied.items() if not math.isnan(value)},
        "word_by_word_dictionary": _of_texts(translated, references, tokenizer),
        "token_accuracy": _commonest(prepared),
    }


def _commonest(prepared: Prepared) -> float:
    """Accuracy of always taking the commonest token of the training text."""
    train, test = (np.asarray(split.y[NEXT_TOKEN]) for split in (prepared.train, prepared.test))
    token = np.bincount(train[train != PADDING]).argmax()
    return float(np.mean(test[test != PADDING] == token))


# --- looking --------------------------------------------------------------------


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """Translations of a few test sentences, BLEU by length of the source, attention maps."""
    assets = prepared.assets
    tokenizer = assets.get(BLEU_TOKENIZER)
    source = np.asarray(prepared.test.x[SOURCE])
    sources = texts(source, assets[SOURCE_VOCABULARY])
    hypotheses, references = (
        [str(text) for text in score.per_example[name]] for name in ("hypothesis", "reference")
    )
    shown = np.linspace(0, len(sources) - 1, SHOWN + 2).astype("int64")[1:-1]
    return {
        "signature": signature(tokenizer),
        "translations": [
            {"source": sources[n], "reference": references[n], "hypothesis": hypotheses[n]}
            for n in shown
        ],
        "scores_by_length": by_length(sources, hypotheses, references, tokenizer),
        "attention": attention_maps(model, source[shown[:MAPPED]], assets),
    }
