"""Scores of translations as texts: sacreBLEU's, and how they depend on the length of the source."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.kinds.text.scripts import unspaced
from harness.spec import HarnessError
from harness.system.text import one_line

DEFAULT = "13a"
"""The tokenizer of sacreBLEU's own choice, of languages with spaces between words."""
TOKENIZERS = {"Chinese": "zh", "Japanese": "ja-mecab"}
"""Those of languages without; of the others `char`."""


def bleu(tokenizer: str | None = None) -> Any:
    """The BLEU of all tables: sacreBLEU's own defaults (Post 2018, arXiv:1804.08771).

    Args:
        tokenizer: another one than that of its choice.
    """
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer)


def chrf() -> Any:
    """The chrF of all tables: sacreBLEU's own defaults (Popović 2015)."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def check_tokenizer(where: str, references: Sequence[str], tokenizer: str | None) -> None:
    """Refuses a tokenizer that cannot be had, or that finds no words in what is translated.

    Raises:
        HarnessError: names `where`, and the tokenizer to choose.
    """
    from sacrebleu.metrics.bleu import BLEU

    language = unspaced(references)
    if tokenizer in (None, DEFAULT) and language is not None:
        choice = TOKENIZERS.get(language, "char")
        other = " or 'char'" if choice != "char" else ""
        raise HarnessError(
            f"{where}: its translations are mostly {language}, without spaces between words, so "
            f"that BLEU would take each for one word; expected bleu_tokenizer={choice!r}{other}"
        )
    if tokenizer is not None and tokenizer not in BLEU.TOKENIZERS:
        raise HarnessError(
            f"{where}: bleu_tokenizer={tokenizer!r}; expected one of {', '.join(BLEU.TOKENIZERS)}"
        )
    try:
        bleu(tokenizer).corpus_score(["a"], [["a"]])
    except (Exception, SystemExit) as error:  # a package or a file that it needs
        raise HarnessError(
            f"{where}: bleu_tokenizer={tokenizer!r} cannot be had "
            f"({one_line(str(error)) or type(error).__name__}); expected what is installed"
        ) from error


def signature(tokenizer: str | None = None) -> str:
    """How BLEU is computed, such that others can compute the same: sacreBLEU's signature."""
    metric = bleu(tokenizer)
    metric.corpus_score(["a"], [["a"]])  # only then it knows the number of references
    return str(metric.get_signature())


def text_scores(
    hypotheses: Sequence[str], references: Sequence[str], tokenizer: str | None = None
) -> dict[str, float]:
    """BLEU, chrF, and the share of sentences that are their reference.

    BLEU counts runs of up to four words: it is NaN where no reference has four.
    """
    matches = [
        hypothesis == reference
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    return {
        "bleu": _corpus_bleu(hypotheses, references, tokenizer),
        "chrf": chrf().corpus_score(list(hypotheses), [list(references)]).score,
        "exact_match": float(np.mean(matches)),
    }


def _corpus_bleu(
    hypotheses: Sequence[str], references: Sequence[str], tokenizer: str | None
) -> float:
    metric = bleu(tokenizer)
    if all(len(metric.tokenizer(reference).split()) < metric.max_ngram_order
           for reference in references):  # fmt: skip
        return math.nan
    return float(metric.corpus_score(list(hypotheses), [list(references)]).score)


def by_length(
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: Sequence[str],
    tokenizer: str | None = None,
) -> dict[str, Any]:
    """BLEU of four buckets of the test sentences, of about as many each, by words of the source; by
    characters where it is written without spaces."""
    unit = "words" if unspaced(sources) is None else "characters"
    words = np.array([len(s.split() if unit == "words" else s) for s in sources])
    edges = np.unique([words.min(), *(np.quantile(words, [0.25, 0.5, 0.75]).astype(int) + 1)])
    edges = edges[edges <= words.max()]
    buckets = []
    for first, following in zip(edges, [*edges[1:], None], strict=True):
        last = None if following is None else int(following) - 1
        inside = (words >= first) & (True if last is None else words <= last)
        chosen = np.flatnonzero(inside)
        if len(chosen):
            written, expected = (
                [side[int(n)] for n in chosen] for side in (hypotheses, references)
            )
            scores = text_scores(written, expected, tokenizer)
            buckets.append(
                {
                    "first": int(first),
                    "last": last,
                    "examples": len(chosen),
                    "score": scores["bleu"],
                }
            )
    return {"metric": "bleu", "unit": f"{unit} of the source", "buckets": buckets}
