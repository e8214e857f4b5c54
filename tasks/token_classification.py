"""Token classification: which words of a sentence are names, or code."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from harness.tasks.pretraining_texts import WIKITEXT_TRAIN, docs_sentences, pretraining_vocabulary

from harness.kinds import token_classification
from harness.kinds.files.text_files import iob2, read_conll
from harness.spec import Reference, Source

CONLL_FILES = {"train": "eng.train", "val": "eng.testa", "test": "eng.testb"}
WNUT_FILES = {
    "train": "wnut17train.conll",
    "val": "emerging.dev.conll",
    "test": "emerging.test.annotated",
}
LONGEST = 224
"""So that no sentence of validation or test is cut: every word is judged."""

LETTERS = 16
"""That are read of a word."""

Examples = list[tuple[list[str], list[str]]]
"""Words and their tags."""


def read_conll2003(files: Mapping[str, Path]) -> dict[str, Examples]:
    """CoNLL-2003: persons, places, organisations and other names in English news, official
    splits; tags converted from IOB1."""
    return {
        split: [(words, iob2(tags)) for words, tags in read_conll(files[file], 4)]
        for split, file in CONLL_FILES.items()
    }


def read_wnut17(files: Mapping[str, Path]) -> dict[str, Examples]:
    """WNUT-17: rare names of six types in short messages and comments, official splits."""
    return {split: read_conll(files[file], 2, "\t") for split, file in WNUT_FILES.items()}


def read_python_docs_code(files: Mapping[str, Path]) -> dict[str, Examples]:
    """Sentences of Python's reference manual, and which words were code in its source.

    The manual sets code in double quotes, which are taken away. Punctuation marks are words of
    their own, in code and outside, so that the cut gives nothing away. The text is that of the
    Python that runs, so that figures of two versions are not comparable.
    """
    seen: set[tuple[str, ...]] = set()
    data: dict[str, Examples] = {}
    for split, pairs in docs_sentences().items():
        data[split] = []
        for _, text in pairs:
            tagged = marked_code(text)
            if tagged is not None and tuple(tagged[0]) not in seen:
                seen.add(tuple(tagged[0]))
                data[split].append(tagged)
    return data


def marked_code(text: str) -> tuple[list[str], list[str]] | None:
    """The words of a sentence and their tags; `None` where the quotes do not pair up.

    A quote opens at the start, or behind a space or a bracket; code has no space at either end.
    """
    outside, inside = text.split('"')[::2], text.split('"')[1::2]
    clear = (
        len(outside) == len(inside) + 1
        and all(code and code == code.strip() for code in inside)
        and all(not part or part[-1] in " ([{*" for part in outside[:-1])
        and all(not part or not part[0].isalnum() for part in outside[1:])
    )
    if not clear:
        return None
    words: list[str] = []
    tags: list[str] = []
    for number, part in enumerate(text.split('"')):
        found = re.findall(r"\w+|[^\w\s]", part)
        words += found
        is_code = number % 2 == 1
        tags += ["I-CODE" if is_code else "O"] * len(found)
        if is_code and found:
            tags[-len(found)] = "B-CODE"
    return words, tags


_tagging = partial(
    token_classification.task,
    vocabulary=pretraining_vocabulary,
    longest=LONGEST,
    characters=LETTERS,
)

_WNUT_URL = (
    "https://raw.githubusercontent.com/leondz/emerging_entities_17/"
    "e52a2d2a71ac1a051ca2d532eef28653c5c02603/"
)

conll2003 = _tagging(
    "conll2003",
    read_conll2003,
    init_from="wikitext2_mlm",
    sources=(
        *(
            Source("conll2003-ner", file, None, sha256)
            for file, sha256 in (
                ("eng.train", "bed631399cb0e859c4b446438ce57dfe0208792ca6106ef11620877355494c3a"),
                ("eng.testa", "aa83a45b88e4952998156583e2ff5a8be7c1f04fb9efa3a29cd87fac2c883807"),
                ("eng.testb", "443914daf51328868558859b28252a28caee2fd02b65e77987977d6489246c5f"),
            )
        ),
        WIKITEXT_TRAIN,
    ),
    licence="Reuters text: research use, not redistributable",
)

wnut17 = _tagging(
    "wnut17",
    read_wnut17,
    init_from="wikitext2_mlm",
    sources=(
        *(
            Source("wnut17", file, _WNUT_URL + file, sha256)
            for file, sha256 in (
                (
                    "wnut17train.conll",
                    "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
                ),
                (
                    "emerging.dev.conll",
                    "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
                ),
                (
                    "emerging.test.annotated",
                    "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
                ),
            )
        ),
        WIKITEXT_TRAIN,
    ),
    licence="CC BY 4.0",
    reference=Reference(0.4186, "best system of the shared task, Derczynski et al. 2017 (WNUT-17)"),
)

python_docs_code = _tagging(
    "python_docs_code",
    read_python_docs_code,
    init_from="python_docs_mlm",
    licence="PSF License Version 2",
    # No figure is published on this text.
)
