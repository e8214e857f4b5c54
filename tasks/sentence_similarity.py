"""Sentence similarity: how alike two sentences are, 0 to 5.

Grades of meaning are a person's judgement, and nothing that comes with Python holds any: there is
no honest embedded task of that. `number_closeness` asks something else of a pair of texts, whose
answer is exact.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from harness.tasks.pretraining_texts import WIKITEXT_TRAIN, pretraining_vocabulary

from harness.kinds.sentence_similarity import (
    HIGHEST,
    Graded,
    baseline,
    compile_args,
    prepared,
    score,
)
from harness.kinds.text import short_texts, wordpiece
from harness.spec import HarnessError, Objective, Prepared, Reference, Source, Task

STSB_FILES = {"train": "sts-train.csv", "val": "sts-dev.csv", "test": "sts-test.csv"}
STSB_LONGEST = 96
PAIRS = {"train": 4_000, "val": 500, "test": 1_000}
NUMBERS = 1_000
NUMBER_VOCABULARY = 100
NUMBER_LONGEST = 48


def prepare_stsb(files: Mapping[str, Path]) -> Prepared:
    """STS Benchmark: pairs from news, captions and forums, official splits."""
    data = {split: _stsb(split, files[file]) for split, file in STSB_FILES.items()}
    return prepared("stsb", data, pretraining_vocabulary(files), STSB_LONGEST)


def _stsb(split: str, path: Path) -> Graded:
    """Pairs of a file whose columns are genre, file, year, id, score and both sentences."""
    rows = []
    for number, line in enumerate(short_texts.lines("stsb", split, path), start=1):
        columns = short_texts.columns("stsb", split, number, line, 7)
        rows.append((columns[5], columns[6], _grade(split, number, columns[4])))
    return Graded(*map(list, zip(*rows, strict=True)))


def _grade(split: str, number: int, value: str) -> float:
    try:
        grade = float(value)
    except ValueError:
        grade = float("nan")
    if not 0 <= grade <= HIGHEST:
        raise HarnessError(
            f"task 'stsb', {split}, line {number}: score {value!r}; expected a number from 0 to 5"
        )
    return grade


def prepare_number_closeness(files: Mapping[str, Path]) -> Prepared:
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
    data = {
        split: Graded(
            [words[a] for a in part[:, 0]],
            [words[b] for b in part[:, 1]],
            (HIGHEST * (1 - np.abs(part[:, 0] - part[:, 1]) / (NUMBERS - 1))).tolist(),
        )
        for split, part in zip(PAIRS, parts, strict=True)
    }
    texts = [*data["train"].first, *data["train"].second]
    vocabulary = wordpiece.learned("number_closeness", texts, NUMBER_VOCABULARY)
    return prepared("number_closeness", data, vocabulary, NUMBER_LONGEST)


def _distinct(pairs: np.ndarray) -> np.ndarray:
    """The different pairs, whatever their order, as they come."""
    _, first = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
    return pairs[np.sort(first)]


_sentence_similarity = functools.partial(
    Task,
    kind="sentence_similarity",
    objective=Objective("mse", "min"),
    measure=Objective("spearman", "max"),
    compile_args=compile_args,
    score=score,
    baseline=baseline,
    batch_sizes=(16, 32),
    learning_rate=1e-3,
)

_STSB_URL = (
    "https://raw.githubusercontent.com/zhangzhenhu/Semantic-Texual-Similarity-Toolkits/"
    "c55a72f51bd15a8bd75114247c06984b432050f9/data/stsbenchmark/"
)

stsb = _sentence_similarity(
    name="stsb",
    prepare=prepare_stsb,
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

number_closeness = _sentence_similarity(
    name="number_closeness",
    prepare=prepare_number_closeness,
    licence="generated",
    # No figure is published on these pairs.
    reference=None,
)
