"""Language modeling: predict the next token, judged by perplexity."""

from collections.abc import Mapping
from pathlib import Path

from harness.tasks.pretraining_texts import (
    DOCS_VOCABULARY,
    WIKITEXT_TEST,
    WIKITEXT_TRAIN,
    WIKITEXT_VALID,
    docs_parts,
)

from harness.kinds import language_modeling
from harness.spec import Reference

WIKITEXT_FILES = {"train": WIKITEXT_TRAIN, "val": WIKITEXT_VALID, "test": WIKITEXT_TEST}


def prepare_wikitext2(files: Mapping[str, Path]) -> dict[str, str]:
    """WikiText-2, word level, official splits; each line is ended, empty ones included."""
    return {
        split: files[source.file].read_text(encoding="utf-8")
        for split, source in WIKITEXT_FILES.items()
    }


def prepare_python_docs(files: Mapping[str, Path]) -> dict[str, list[str]]:
    """The reference manual that comes with Python (`pydoc_data.topics`), in word pieces.

    Of each topic the first 80 % of the text are to train, the next 10 % to validate and the last to
    test, so that the splits are of one kind; topics are in the order of the alphabet. The text is
    that of the Python that runs, so that figures of two versions are not comparable. Paragraphs
    that appear in several topics stay in the longest.
    """
    return {
        split: ["\n".join(topics[name]) for name in sorted(topics)]
        for split, topics in docs_parts().items()
    }


wikitext2 = language_modeling.task(
    "wikitext2",
    prepare_wikitext2,
    tokens="word",
    vocabulary="all",  # rare words are unknown in the text already
    # 8,192 tokens spread over the official text: the exact likelihood over 33,278 words takes long.
    validation_windows=128,
    sources=tuple(WIKITEXT_FILES.values()),
    licence="CC BY-SA 3.0",
    reference=Reference(65.8, "AWD-LSTM, Merity et al. 2017, arXiv:1708.02182, table 2"),
)

python_docs = language_modeling.task(
    "python_docs",
    prepare_python_docs,
    tokens="subword",
    vocabulary=DOCS_VOCABULARY,
    licence="PSF License Version 2",
    # No figure is published on this text.
    reference=None,
)
