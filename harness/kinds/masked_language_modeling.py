"""Masked language modeling: an encoder is pretrained on text alone, as BERT is.

Devlin et al. 2019, arXiv:1810.04805: tell hidden tokens, and whether a text follows another.

Inputs
    `tokens`: ids of the vocabulary, int32 of shape (examples, longest), `[CLS] text [SEP] other
    [SEP]`, filled up with 0 at the end; some are hidden.
    `segments`: int32, as long: 1 where a token belongs to the other text, else 0.
    `positions`: int32 of shape (examples, most), where the hidden tokens stand.
Outputs
    `masked_token`: int32 of shape (examples, most), what stood there, 0 for no token. Models give
    logits (examples, most, vocabulary).
    `next_sentence`: int32 of shape (examples,), 1 where the other text follows in its document,
    else 0. Models give logits (examples, 2).
Assets
    `vocabulary`: the pieces, the reserved ones `[PAD] [UNK] [CLS] [SEP] [MASK]` first; a task that
    names this one in its `init_from` has the same. `encoding`: how texts become ids, see
    `harness.kinds.text.encoding.Encoding`. `whole_words`: whether words are hidden as a whole.
Architectures
    those of the kind `masked_language_modeling`: `bert`, made of `harness.blocks.encoder`.
Loss and metrics
    cross-entropy of the hidden tokens and of what follows, added up; `masked_token_accuracy` and
    `next_sentence_accuracy`. For each epoch of training, tokens are hidden anew (`redraw`).
Score
    `masked_token_accuracy`, `masked_token_loss` in nats, `masked_token_perplexity`,
    `next_sentence_accuracy`, `next_sentence_loss`; per example `log_likelihood`.
Baseline
    the frequencies of training; the tokens before and behind a gap.
Exhibit
    what a model would put in the gaps of a few sentences.

Example:
    from harness.kinds import masked_language_modeling

    def prepare(files):
        from pydoc_data.topics import topics  # the reference manual that comes with Python

        return [text.split(". ") for text in topics.values()]

    manual = masked_language_modeling.task("manual", prepare, vocabulary=1000, longest=64)
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.text import encoding as encodings
from harness.kinds.text import vocabulary as vocabularies
from harness.kinds.text.encoding import ENCODING, SEGMENTS, TOKENS, VOCABULARY
from harness.kinds.text.gaps import decode, encode
from harness.kinds.text.hidden_tokens import (
    MASKED_TOKEN,
    NEXT_SENTENCE,
    POSITIONS,
    WHOLE_WORDS,
    baseline,
    compile_args,
    exhibit,
    hidden,
    redraw,
    score,
)
from harness.kinds.text.masking import most_masked, sentence_pairs
from harness.kinds.text.vocabulary import Vocabulary, check_options
from harness.spec import (
    DataSpec,
    HarnessError,
    Kind,
    Objective,
    Prepared,
    Task,
    TensorSpec,
)

__all__ = [
    "ENCODING",
    "KIND",
    "MASKED_TOKEN",
    "NEXT_SENTENCE",
    "POSITIONS",
    "SEGMENTS",
    "TOKENS",
    "VOCABULARY",
    "WHOLE_WORDS",
    "baseline",
    "compile_args",
    "decode",
    "encode",
    "exhibit",
    "redraw",
    "score",
    "task",
]

KIND: Kind = "masked_language_modeling"
EXPECTED = "a list of documents, each a list of sentences"


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    vocabulary: Vocabulary = 8000,
    longest: int = 128,
    whole_words: bool = True,
    lower_case: bool = False,
    **parts: Any,
) -> Task:
    """A task from documents.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns a list of documents,
            each a list of sentences, by split, or for training alone; `val` and `test` are cut off
            training where they are missing, a tenth for each. Pairs are made within a split, which
            has two documents or more.
        vocabulary: about how many pieces to learn on the training texts; or the pieces; or a
            function that returns them, given the path of each source by name.
        longest: tokens of an example, the reserved ones included.
        whole_words: whether all pieces of a word are hidden together.
        lower_case: whether capital letters are read as small ones.
        parts: fields of `harness.Task` that replace the defaults.

    Raises:
        HarnessError: an option or a part that there is not. `Task.prepare` raises it for documents
            that are not as above, named by split and by row, counted from 0.
    """
    check_options(name, "subword", vocabulary, longest)
    defaults = {
        "objective": Objective("masked_token_accuracy", "max"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "exhibit": exhibit,
        "redraw": redraw,
        "batch_sizes": (32, 64),
    }
    options = {
        "vocabulary": vocabulary,
        "longest": longest,
        "whole_words": whole_words,
        "lower_case": lower_case,
    }
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    vocabulary: Vocabulary,
    longest: int,
    whole_words: bool,
    lower_case: bool,
) -> Prepared:
    documents = cut_splits(task, prepare(files), EXPECTED, read=_checked)
    for split, texts in documents.items():
        _check_count(f"task {task!r}, {split}", texts)
    train = (sentence for document in documents["train"] for sentence in document)
    known = vocabularies.had(task, vocabulary, files, train, "subword", lower_case)
    encoding = encodings.Encoding("subword", longest, None, lower_case)
    tokenizer = encoding.tokenizer(known)
    assets = {VOCABULARY: known, WHOLE_WORDS: whole_words, ENCODING: encoding.asset()}
    random = np.random.default_rng(0)
    splits = {}
    for split, texts in documents.items():
        ids = iter(tokenizer.encode([sentence for document in texts for sentence in document]))
        encoded = [[next(ids) for _ in document] for document in texts]
        tokens, segments, follows = sentence_pairs(encoded, longest, random)
        splits[split] = hidden(tokens, segments, follows, assets, random)
    return gathered(
        _spec(longest, len(known)),
        splits,
        assets,
    )


def _checked(where: str, documents: Any) -> Any:
    """The documents, each of which is a list of sentences."""
    for row, document in enumerate(documents):
        if isinstance(document, str) or not isinstance(document, Sequence):
            raise HarnessError(
                f"{where}, row {row}: found {document!r:.60}; expected a list of sentences"
            )
        for place, sentence in enumerate(document):
            if not isinstance(sentence, str):
                raise HarnessError(
                    f"{where}, row {row}, sentence {place}: found {sentence!r:.60}; expected a text"
                )
    return documents


def _check_count(where: str, documents: Any) -> None:
    """Refuses documents that are too few to pair sentences of two."""
    found = sum(any(sentence.strip() for sentence in document) for document in documents)
    if found < 2:
        raise HarnessError(f"{where}: {found} documents with text; expected 2 or more")


def _spec(longest: int, size: int) -> DataSpec:
    most = most_masked(longest)
    inputs = {
        TOKENS: TensorSpec((longest,), "int32", size=size, vocabulary="pieces"),
        SEGMENTS: TensorSpec((longest,), "int32", size=2),
        POSITIONS: TensorSpec((most,), "int32", size=longest),
    }
    outputs = {
        MASKED_TOKEN: TensorSpec((most,), "int32", size=size),
        NEXT_SENTENCE: TensorSpec((), "int32", size=2),
    }
    return DataSpec(inputs, outputs, KIND)
