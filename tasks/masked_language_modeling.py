"""Masked language modeling: pretrain an encoder on text alone, as BERT is.

Devlin et al. 2019, arXiv:1810.04805: tell hidden tokens, and whether a text follows another.
Figures of pretraining depend on the vocabulary: none that is published is comparable.
"""

from collections.abc import Mapping
from pathlib import Path

from harness.tasks.pretraining_texts import (
    WIKITEXT_TEST,
    WIKITEXT_TRAIN,
    WIKITEXT_VALID,
    docs_documents,
    pretraining_vocabulary,
    wikitext_articles,
)

from harness.kinds import masked_language_modeling

WIKITEXT_FILES = {"train": WIKITEXT_TRAIN, "val": WIKITEXT_VALID, "test": WIKITEXT_TEST}


def read_wikitext2(files: Mapping[str, Path]) -> dict[str, list[list[str]]]:
    """WikiText-2: sentences of its articles, official splits."""
    return {
        split: wikitext_articles(files[source.file]) for split, source in WIKITEXT_FILES.items()
    }


def read_python_docs(files: Mapping[str, Path]) -> dict[str, list[list[str]]]:
    """The reference manual that comes with Python: each topic a document.

    The text is that of the Python that runs, so that figures of two versions are not comparable.
    """
    return docs_documents()


wikitext2_mlm = masked_language_modeling.task(
    "wikitext2_mlm",
    read_wikitext2,
    vocabulary=pretraining_vocabulary,
    longest=64,
    # Of 32 examples a step, a small encoder stays at the frequencies of words for longer.
    batch_sizes=(64, 128),
    sources=tuple(WIKITEXT_FILES.values()),
    licence="CC BY-SA 3.0",
)

python_docs_mlm = masked_language_modeling.task(
    "python_docs_mlm",
    read_python_docs,
    vocabulary=pretraining_vocabulary,
    longest=64,
    licence="PSF License Version 2",
)
