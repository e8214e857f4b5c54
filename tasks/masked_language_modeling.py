"""Masked language modeling: pretrain an encoder on text alone, as BERT is.

Devlin et al. 2019, arXiv:1810.04805: tell hidden tokens, and whether a text follows another.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

from harness.tasks import pretraining_texts

from harness.kinds.masked_language_modeling import (
    baseline,
    compile_args,
    exhibit,
    prepared,
    redraw,
    score,
)
from harness.spec import Objective, Prepared, Task

WIKITEXT_LONGEST = 128
DOCS_LONGEST = 64


def prepare_wikitext2_mlm(files: Mapping[str, Path]) -> Prepared:
    """WikiText-2: sentences of its articles, official splits, whole words hidden."""
    documents = {
        split: pretraining_texts.wikitext_articles(files[source.file])
        for split, source in (
            ("train", pretraining_texts.WIKITEXT_TRAIN),
            ("val", pretraining_texts.WIKITEXT_VALID),
            ("test", pretraining_texts.WIKITEXT_TEST),
        )
    }
    vocabulary = pretraining_texts.wikitext_vocabulary(files[pretraining_texts.WIKITEXT_TRAIN.file])
    return prepared(vocabulary, documents, WIKITEXT_LONGEST, whole_words=True)


def prepare_python_docs_mlm(files: Mapping[str, Path]) -> Prepared:
    """The reference manual that comes with Python: each topic a document, whole words hidden.

    The text is that of the Python that runs, so that figures of two versions are not
    comparable.
    """
    vocabulary = pretraining_texts.docs_vocabulary()
    documents = pretraining_texts.docs_documents()
    return prepared(vocabulary, documents, DOCS_LONGEST, whole_words=True)


_masked = functools.partial(
    Task,
    kind="masked_language_modeling",
    objective=Objective("masked_token_accuracy", "max"),
    compile_args=compile_args,
    score=score,
    baseline=baseline,
    exhibit=exhibit,
    redraw=redraw,
    batch_sizes=(32, 64),
    learning_rate=1e-3,
    # Figures of pretraining depend on the vocabulary: none is comparable.
    reference=None,
)

wikitext2_mlm = _masked(
    name="wikitext2_mlm",
    prepare=prepare_wikitext2_mlm,
    sources=(
        pretraining_texts.WIKITEXT_TRAIN,
        pretraining_texts.WIKITEXT_VALID,
        pretraining_texts.WIKITEXT_TEST,
    ),
    licence="CC BY-SA 3.0",
)

python_docs_mlm = _masked(
    name="python_docs_mlm",
    prepare=prepare_python_docs_mlm,
    licence="PSF License Version 2",
)
