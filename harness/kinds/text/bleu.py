"""Scores of translations as texts: sacreBLEU's, and how they depend on the length of the source."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def bleu() -> Any:
    """The BLEU of all tables: sacreBLEU's own defaults (Post 2018, arXiv:1804.08771)."""
    import sacrebleu

    return sacrebleu.metrics.BLEU()


def chrf() -> Any:
    """The chrF of all tables: sacreBLEU's own defaults (Popović 2015)."""
    import sacrebleu

    return sacrebleu.metrics.CHRF()


def signature() -> str:
    """How BLEU is computed, such that others can compute the same: sacreBLEU's signature."""
    metric = bleu()
    metric.corpus_score(["a"], [["a"]])  # only then it knows the number of references
    return str(metric.get_signature())


def text_scores(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU, chrF, and the share of sentences that are their reference."""
    matches = [
        hypothesis == reference
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    return {
        "bleu": bleu().corpus_score(list(hypotheses), [list(references)]).score,
        "chrf": chrf().corpus_score(list(hypotheses), [list(references)]).score,
        "exact_match": float(np.mean(matches)),
    }


def by_length(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
) -> dict[str, Any]:
    """BLEU of four buckets of the test sentences, of about as many each, by words of the source."""
    words = np.array([len(source.split()) for source in sources])
    edges = np.unique([words.min(), *(np.quantile(words, [0.25, 0.5, 0.75]).astype(int) + 1)])
    edges = edges[edges <= words.max()]
    buckets = []
    for first, following in zip(edges, [*edges[1:], None], strict=True):
        last = None if following is None else int(following) - 1
        inside = (words >= first) & (True if last is None else words <= last)
        chosen = np.flatnonzero(inside)
        if len(chosen):
            scores = text_scores([hypotheses[n] for n in chosen], [references[n] for n in chosen])
            buckets.append(
                {
                    "first": int(first),
                    "last": last,
                    "examples": len(chosen),
                    "score": scores["bleu"],
                }
            )
    return {"metric": "bleu", "unit": "words of the source", "buckets": buckets}
