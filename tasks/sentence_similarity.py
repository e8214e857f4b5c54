"""Sentence similarity: how alike two sentences are, 0 to 5.

Grades of meaning are a person's judgement, and nothing that comes with Python holds any: there is
no honest embedded task of that. `number_closeness` asks something else of a pair of texts, whose
answer is exact.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from harness.tasks.pretraining_texts import WIKITEXT_TRAIN, pretraining_vocabulary

from harness.kinds import sentence_similarity
from harness.kinds.files.text_files import read_columns
from harness.spec import Reference, Source

STSB_FILES = {"train": "sts-train.csv", "val": "sts-dev.csv", "test": "sts-test.csv"}
PAIRS = {"train": 4_000, "val": 500, "test": 1_000}
NUMBERS = 1_000
HIGHEST = 5.0

Examples = list[tuple[str, str, float | str]]
"""Pairs of texts, and how alike they are."""


def read_stsb(files: Mapping[str, Path]) -> dict[str, Examples]:
    """STS Benchmark: pairs from news, captions and forums, official splits.

    The columns are genre, file, year, id, score and both sentences.
    """
    return {
        split: [(row[5], row[6], row[4]) for row in read_columns(files[file], 7)]
        for split, file in STSB_FILES.items()
    }


def read_number_closeness(files: Mapping[str, Path]) -> dict[str, Examples]:
    """Pairs of numbers below a thousand in English words, and how close the two are.

    A generated probe of regression over pairs of texts, not one of meaning: the similarity is
    5 for a number and itself and falls evenly with the distance, to 0 for zero and 999. Pairs of
    validation and test are not trained on, in either order.
    """
    import num2words

    random = np.random.default_rng(0)
    total = sum(PAIRS.values())
    drawn = random.integers(0, NUMBERS, (2 * total, 2))
    ends = np.cumsum(list(PAIRS.values()))[:-1]
    parts = np.split(_distinct(drawn)[:total], ends)
    words = [num2words.num2words(number) for number in range(NUMBERS)]
    return {
        split: [
            (words[a], words[b], float(HIGHEST * (1 - abs(a - b) / (NUMBERS - 1)))) for a, b in part
        ]
        for split, part in zip(PAIRS, parts, strict=True)
    }


def _distinct(pairs: np.ndarray) -> np.ndarray:
    """The different pairs, whatever their order, as they come."""
    _, first = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
    return pairs[np.sort(first)]


_STSB_URL = (
    "https://raw.githubusercontent.com/zhangzhenhu/Semantic-Texual-Similarity-Toolkits/"
    "c55a72f51bd15a8bd75114247c06984b432050f9/data/stsbenchmark/"
)

stsb = sentence_similarity.task(
    "stsb",
    read_stsb,
    vocabulary=pretraining_vocabulary,
    longest=96,
    init_from="wikitext2_mlm",
    sources=(
        *(
            Source("sts-b", file, _STSB_URL + file, sha256)
            for file, sha256 in (
                (
                    "sts-train.csv",
                    "0f71910b59aa1ad973c5897f0791f3b0965a92b8f82b1a95f3eea9f4162fda82",
                ),
                (
                    "sts-dev.csv",
                    "5d7e944d8b02734b07bfdb5df67db3420c64bed153fcaa1ba47ad03480cf4234",
                ),
                (
                    "sts-test.csv",
                    "affe45928a66ee5a708531233c95b7dacbbdc57f974f002a3d32ea0180cf816a",
                ),
            )
        ),
        WIKITEXT_TRAIN,
    ),
    licence="scores CC BY-SA 4.0; texts under several licences",
    # GLUE gives Pearson/Spearman: 74.3/73.6.
    reference=Reference(
        0.736, "BERT-Tiny, pretrained on far more text; README of google-research/bert"
    ),
)

number_closeness = sentence_similarity.task(
    "number_closeness",
    read_number_closeness,
    vocabulary=100,
    longest=48,
    licence="generated",
    # No figure is published on these pairs.
)
