"""Texts classified and compared without a network: by words, and by what two of them share."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.classification import LABEL
from harness.kinds.rivals.linear import (
    Features,
    Fitted,
    answered,
    logistic_regression,
    ridge_regression,
)
from harness.kinds.text import encoding as encodings
from harness.kinds.text.encoding import SEGMENTS, TOKENS, VOCABULARY
from harness.kinds.text.tokenizer import CLASSIFICATION, PADDING, SEPARATOR
from harness.spec import Prepared, Score, Split

Sides = tuple[list[str], list[str]]
"""Texts, and the other text of each; empty ones where there are no pairs."""
MOST = 100_000
"""Words, or runs of characters, that are counted at most: the commonest."""
OVERLAP = "ridge_regression_on_overlap"
"""The one rival of similarity whose answers are grades."""
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
WORDS: Mapping[str, Any] = {"ngram_range": (1, 2), "token_pattern": r"\S+", "lowercase": False}
CHARACTERS: Mapping[str, Any] = {"ngram_range": (2, 5), "analyzer": "char_wb", "lowercase": False}


def text_rival(prepared: Prepared) -> dict[str, Score]:
    """Test scores of logistic regression on the TF-IDF of words and of two in a row, or of two to
    five characters, whichever is better by accuracy on validation; none of a single class.

    Of pairs, each text by itself and what they share, see `overlap`; or that alone.
    """
    splits = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    labels = {name: np.asarray(split.y[LABEL], "int64") for name, split in splits.items()}
    if len(np.unique(labels["train"])) < 2:
        return {}
    classes = prepared.spec.outputs[LABEL].size or int(labels["train"].max()) + 1
    sides = {name: written(split, prepared) for name, split in splits.items()}
    fitted: dict[str, Fitted] = {}
    weight = prepared.train.weight
    pairs = any(sides["train"][1])
    common = overlap(sides) if pairs else None
    for name, options in {"words": WORDS, "characters": CHARACTERS}.items():
        x = _counted(sides, options, common)
        if x is not None:
            fitted[name] = logistic_regression(x, labels, classes, STRENGTHS, weight)
    if common is not None:
        fitted["words_in_common"] = logistic_regression(common, labels, classes, STRENGTHS, weight)
    if not fitted:
        return {}
    best = max(fitted, key=lambda name: fitted[name])
    return {f"logistic_regression_on_{best}": answered(labels["test"], fitted[best])}


def similarity_answers(prepared: Prepared, output: str) -> tuple[str, np.ndarray]:
    """What the best of three simple methods says of the similarity of each test pair.

    `word_overlap` and `character_overlap` are cosines of TF-IDF, which are on no scale of grades;
    `ridge_regression_on_overlap` is told all that two texts share, see `overlap`. The best is that
    of the highest rank correlation on validation.

    Returns:
        Its name, and answers of shape (pairs,).
    """
    from scipy.stats import spearmanr

    splits = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    grades = {name: np.asarray(split.y[output], "float64") for name, split in splits.items()}
    x = overlap({name: written(split, prepared) for name, split in splits.items()})
    squared = {name: np.concatenate([part, part**2], axis=1) for name, part in x.items()}
    fitted = ridge_regression(squared, grades)
    answers = {OVERLAP: {split: answer[:, 0] for split, answer in fitted.items()}}
    for column, name in enumerate(("word_overlap", "character_overlap")):
        answers[name] = {split: part[:, column] for split, part in x.items()}

    def goodness(name: str) -> float:
        own, true = answers[name]["val"], grades["val"][:, 0]
        if np.ptp(own) == 0 or np.ptp(true) == 0:
            return -2.0
        return float(spearmanr(own, true).statistic)

    best = max(answers, key=goodness)
    return best, answers[best]["test"]


def written(split: Split, prepared: Prepared) -> Sides:
    """The texts of examples as far as a model reads them."""
    encoding = encodings.of(prepared.spec, prepared.assets)
    tokenizer = encoding.tokenizer(prepared.assets[VOCABULARY])
    reserved = [PADDING, CLASSIFICATION, SEPARATOR]
    sides: Sides = ([], [])
    for ids, segments in zip(
        np.asarray(split.x[TOKENS]), np.asarray(split.x[SEGMENTS]), strict=True
    ):
        real = ~np.isin(ids, reserved)
        for side, texts in enumerate(sides):
            texts.append(tokenizer.decode(ids[real & (segments == side)].tolist()))
    return sides


def overlap(sides: Mapping[str, Sides]) -> dict[str, np.ndarray]:
    """What two texts share, shape (examples, 7) by split.

    The cosines of their TF-IDF of words and of characters, weighed as in training; the shares of
    words in common among all words, among those of the first and of the second; the logarithm of
    how their lengths differ; whether they are the same.
    """
    single = {**WORDS, "ngram_range": (1, 1), "lowercase": True}
    cosines = [_cosines(sides, options) for options in (single, {**CHARACTERS, "lowercase": True})]
    found = {}
    for number, (split, (first, second)) in enumerate(sides.items()):
        rows = []
        for a, b in zip(first, second, strict=True):
            one, other = set(a.lower().split()), set(b.lower().split())
            both = len(one & other)
            rows.append(
                [both / max(1, len(one | other)), both / max(1, len(one)),
                 both / max(1, len(other)),
                 abs(np.log((1 + len(a.split())) / (1 + len(b.split())))), float(a == b)]
            )  # fmt: skip
        found[split] = np.column_stack([*(own[number] for own in cosines), np.array(rows)])
    return found


def _cosines(sides: Mapping[str, Sides], options: Mapping[str, Any]) -> list[np.ndarray]:
    """Of the two texts of each example, by split."""
    first, second = sides["train"]
    vectorizer = _vectorizer([*first, *second], options)
    if vectorizer is None:
        return [np.zeros(len(a)) for a, _ in sides.values()]
    vectors = [[vectorizer.transform(side) for side in pair] for pair in sides.values()]
    return [np.asarray(a.multiply(b).sum(axis=1)).ravel() for a, b in vectors]


def _counted(
    sides: Mapping[str, Sides], options: Mapping[str, Any], common: Features | None
) -> dict[str, Any] | None:
    """TF-IDF of each side, beside what both share; `None` where there is nothing to count."""
    from scipy.sparse import csr_matrix, hstack

    parts: dict[str, list[Any]] = {split: [] for split in sides}
    for side in range(1 if common is None else 2):
        vectorizer = _vectorizer(sides["train"][side], options)
        if vectorizer is None:
            return None
        for split, texts in sides.items():
            parts[split].append(vectorizer.transform(texts[side]))
    if common is not None:
        for split in parts:
            parts[split].append(csr_matrix(common[split]))
    return {split: hstack(blocks).tocsr() for split, blocks in parts.items()}


def _vectorizer(texts: Sequence[str], options: Mapping[str, Any]) -> Any:
    """TF-IDF fitted on texts; `None` where these have no words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(text.strip() for text in texts):
        return None
    return TfidfVectorizer(sublinear_tf=True, max_features=MOST, **options).fit(texts)
